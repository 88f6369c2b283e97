"""What a login names: the user, the credential and the scope behind the words of an attempt."""

import datetime
from dataclasses import dataclass

from vipool.cloud.identity.embedded import attempts, finding, grants, meaning, tokens, trusts
from vipool.model import credential, domain, faults, project, role, user
from vipool.store import rows, session


def refused() -> faults.Unauthorized:
    """The one answer that tells a guesser nothing."""
    return faults.Unauthorized(meaning.GENERIC)


def forbidden() -> faults.Forbidden:
    """The answer to somebody who is known, and whom a trust does not serve."""
    return faults.Forbidden("You are not authorized to perform the requested action.")


def claimed(held: session.Session, ref: attempts.Ref) -> str:
    """Whom somebody claims to be, in one form for every spelling: failures are counted by it."""
    if ref.id is not None:
        return ref.id
    home = _find_domain(held, ref.domain)
    # A domain that is not there has its words for an id: what is counted must not tell what exists.
    where = home.id if home else _words(ref.domain)
    return f"{(ref.name or '').lower()}@{where}"


def _words(ref: attempts.Ref | None) -> str:
    return "" if ref is None else ref.id or (ref.name or "").lower()


def claimed_key(held: session.Session, proof: attempts.Key) -> str:
    """The same of an application credential."""
    if proof.id is not None:
        return proof.id
    return f"{(proof.name or '').lower()} of {claimed(held, proof.user or attempts.Ref())}"


def _find_domain(held: session.Session, ref: attempts.Ref | None) -> domain.Domain | None:
    if ref is None:
        return None
    if ref.id is not None:
        return finding.maybe(held, domain.Domain, ref.id)
    return finding.named(held, domain.Domain, ref.name or "")


def find_user(held: session.Session, ref: attempts.Ref) -> user.User | None:
    """The user somebody claims to be, or None."""
    if ref.id is not None:
        return finding.maybe(held, user.User, ref.id)
    home = _find_domain(held, ref.domain)
    return None if home is None else finding.named(held, user.User, ref.name or "", domain_id=home.id)


def find_key(held: session.Session, proof: attempts.Key) -> credential.ApplicationCredential | None:
    """The credential; an id that does not exist is said to be so, as Keystone does: it is not a secret."""
    if proof.id is not None:
        return finding.one(held, credential.ApplicationCredential, proof.id)
    owner = find_user(held, proof.user or attempts.Ref())
    if owner is None:
        return None
    return finding.named(held, credential.ApplicationCredential, proof.name or "", user_id=owner.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The scope of a token to be made, and the moment after which there can be none."""

    kind: tokens.Kind
    id: str = ""
    until: datetime.datetime | None = None


NOWHERE = Place(kind=tokens.Kind.UNSCOPED)


def of_key(key: credential.ApplicationCredential) -> Place:
    """The scope of an application credential's tokens."""
    return NOWHERE if key.project_id is None else Place(kind=tokens.Kind.PROJECT, id=key.project_id)


def place(held: session.Session, somebody: user.User, scope: attempts.Scope) -> Place:
    """The scope somebody asks for; raises faults.Unauthorized for one that does not exist."""
    match scope:
        case attempts.Nowhere():
            return NOWHERE
        case attempts.Anywhere():
            return _default(held, somebody)
        case attempts.InProject(project=ref):
            return Place(kind=tokens.Kind.PROJECT, id=_project(held, ref).id)
        case attempts.InDomain(domain=ref):
            found = _find_domain(held, ref)
            if found is None:
                raise refused()
            return Place(kind=tokens.Kind.DOMAIN, id=found.id)
        case attempts.InSystem():
            return Place(kind=tokens.Kind.SYSTEM, id=role.SYSTEM)
        case attempts.ByTrust(id=identifier):
            return _trust(held, somebody, identifier)


def _trust(held: session.Session, somebody: user.User, identifier: str) -> Place:
    found = trusts.usable(held, identifier)
    if found.trustee_user_id != somebody.id:
        raise forbidden()
    return Place(kind=tokens.Kind.TRUST, id=found.id, until=found.expires_at)


def _project(held: session.Session, ref: attempts.Ref) -> project.Project:
    if ref.id is not None:
        found = finding.maybe(held, project.Project, ref.id)
    else:
        home = _find_domain(held, ref.domain)
        found = finding.named(held, project.Project, ref.name or "", domain_id=home.id) if home else None
    if found is None:
        raise refused()
    return found


def _default(held: session.Session, somebody: user.User) -> Place:
    """The default project if the user could ask for it, else no scope at all: a stale default locks nobody out."""
    wanted = finding.maybe(held, project.Project, somebody.default_project_id or "")
    if wanted is None or not wanted.enabled:
        return NOWHERE
    home = rows.get(held, domain.Domain, wanted.domain_id)
    if home is None or not home.enabled or not grants.effective(held, somebody.id, grants.Place.project(wanted.id)):
        return NOWHERE
    return Place(kind=tokens.Kind.PROJECT, id=wanted.id)
