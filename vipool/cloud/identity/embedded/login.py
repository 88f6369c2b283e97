"""Logging in: from what somebody presents to a token.

Whatever is wrong with the person or the place, the answer is the same sentence, and an unknown user takes as long as a
wrong password.  The exceptions are Keystone's: a token or an application credential that does not exist is 404.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from vipool.cloud.identity.embedded import authority as authorities
from vipool.cloud.identity.embedded import finding, grants, guesses, hashes, tokens
from vipool.model import credential, domain, faults, project, role, user
from vipool.store import rows, session

log = logging.getLogger(__name__)


class Challenge(faults.Unauthorized):
    """A 401 that says which methods there are."""

    def __init__(self, sentence: str, methods: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.methods = methods


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A user, project or domain as somebody names it: by id, or by name in a domain."""

    id: str | None = None
    name: str | None = None
    domain: "Ref | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """A user and its password; None where none was given."""

    user: Ref
    password: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A token got earlier."""

    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An application credential, by id, or by name and user."""

    id: str | None = None
    name: str | None = None
    user: Ref | None = None
    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anywhere:
    """No scope was asked for: the user's default project, if that can be had, else none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowhere:
    """No scope is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InProject:
    """A project."""

    project: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class InDomain:
    """A domain."""

    domain: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class InSystem:
    """The whole system."""


Proof: TypeAlias = Password | Held | Key
Scope: TypeAlias = Anywhere | Nowhere | InProject | InDomain | InSystem


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Everything a login request says, and where it came from."""

    proofs: tuple[Proof, ...]
    scope: Scope
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Who one proof showed the caller to be, and with what."""

    user: user.User
    method: tokens.Method
    token: authorities.Token | None = None
    key: credential.ApplicationCredential | None = None


class Login:
    """The door: checks proofs, counts failures, makes tokens."""

    def __init__(self, authority: authorities.Authority, checks: hashes.Hashes, failures: guesses.Guesses) -> None:
        self.authority = authority
        self.hashes = checks
        self._failures = failures

    def __call__(self, attempt: Attempt) -> tuple[str, authorities.Token]:
        """The token of a good attempt; raises faults.Unauthorized, NotFound or Forbidden."""
        if not attempt.proofs:
            raise refused()
        proven = [self._prove(proof, attempt) for proof in attempt.proofs]
        if len({each.user.id for each in proven}) > 1:
            raise refused()
        with self.authority.database.read() as held:
            return self._issue(held, proven, attempt.scope)

    def _prove(self, proof: Proof, attempt: Attempt) -> Proven:
        match proof:
            case Password():
                return self._password(proof, attempt.address)
            case Held():
                return self._held(proof)
            case Key():
                return self._key(proof, attempt)

    def _password(self, proof: Password, address: str) -> Proven:
        with self.authority.database.read() as held:
            found = find_user(held, proof.user)
        if proof.password is None:
            raise refused()
        self.check(_claimed(proof.user), address, lambda: self._right(found, proof.password or ""))
        if found is None:
            raise refused()
        self._renew(found, proof.password)
        return Proven(user=found, method=tokens.Method.PASSWORD)

    def _right(self, found: user.User | None, password: str) -> bool:
        return self.hashes.matches(password, found.password_hash if found else None)

    def check(self, claimed: str, address: str, right: Callable[[], bool]) -> None:
        """Raise faults.Unauthorized unless right; after too many failures without even looking."""
        with self.authority.database.read() as held:
            now = held.now
        if self._failures.too_many(claimed, address, now):
            log.warning("too many failed logins as %r from %s: turned away", claimed, address)
            raise refused()
        if not right():
            self._failures.failed(claimed, address, now)
            raise refused()
        self._failures.succeeded(claimed, address)

    def _renew(self, found: user.User, password: str) -> None:
        """Hash a right password anew where its hash was made with other costs than today's."""
        kept = found.password_hash
        if kept is None or not self.hashes.is_old(kept):
            return
        renewed = self.hashes.chosen(password)
        with self.authority.writing() as held:
            now = rows.get(held, user.User, found.id)
            if now is not None and now.password_hash == kept:
                rows.change(held, user.User, found.id, {"password_hash": renewed})

    def _held(self, proof: Held) -> Proven:
        if not self.authority.recognises(proof.token):
            raise faults.NotFound("Could not recognize Fernet token")
        try:
            found = self.authority.examine(proof.token)
        except faults.Unauthorized as error:
            raise faults.NotFound("Failed to validate token") from error
        if found.credential is not None:
            raise faults.Forbidden(
                "You are not authorized to perform the requested action: Using a delegated token to create another "
                "token is not allowed.."
            )
        return Proven(user=found.user, method=tokens.Method.TOKEN, token=found)

    def _key(self, proof: Key, attempt: Attempt) -> Proven:
        with self.authority.database.read() as held:
            found = _find_key(held, proof)
            owner = rows.get(held, user.User, found.user_id) if found else None
            over = found is not None and found.expires_at is not None and found.expires_at <= held.now
        secret = proof.secret
        if secret is None:
            raise refused()
        claimed = proof.id or f"{proof.name} of {_claimed(proof.user or Ref())}"
        kept = found.secret_hash if found else None
        self.check(claimed, attempt.address, lambda: self.hashes.matches(secret, kept))
        if found is None or owner is None or over:
            raise refused()
        if not isinstance(attempt.scope, Anywhere):
            raise Challenge(
                "Error authenticating with application credential: Application credentials cannot request a scope."
            )
        return Proven(user=owner, method=tokens.Method.APPLICATION_CREDENTIAL, key=found)

    def _issue(self, held: session.Session, proven: list[Proven], scope: Scope) -> tuple[str, authorities.Token]:
        methods = {
            method for each in proven for method in (each.method, *(each.token.claims.methods if each.token else ()))
        }
        earlier = next((each.token.claims for each in proven if each.token), None)
        key = next((each.key for each in proven if each.key), None)
        issued, expires = self.authority.period(held.now)
        ends = [moment for moment in (expires, earlier and earlier.expires_at, key and key.expires_at) if moment]
        somebody = finding.maybe(held, user.User, proven[0].user.id)
        if somebody is None:
            raise refused()
        kind, scope_id = (tokens.Kind.PROJECT, key.project_id) if key else place(held, somebody, scope)
        claims = tokens.Claims(
            user_id=somebody.id,
            # The epoch at the moment the proof was checked: a password changed meanwhile voids this token too.
            epoch=proven[0].user.epoch,
            methods=tuple(method for method in tokens.Method if method in methods),
            kind=kind,
            scope_id=scope_id,
            credential_id=key.id if key else "",
            audit_ids=(self.authority.audit_id(), *(earlier.audit_ids[-1:] if earlier else ())),
            issued_at=issued,
            expires_at=min(ends),
        )
        return self.authority.issue(held, claims)


def refused() -> faults.Unauthorized:
    """The one answer that tells a guesser nothing."""
    return faults.Unauthorized(authorities.GENERIC)


def _claimed(ref: Ref) -> str:
    """Whom somebody claims to be, in one form for every spelling: failures are counted by it."""
    return ref.id or f"{(ref.name or '').lower()}@{(ref.domain.id or ref.domain.name) if ref.domain else ''}"


def _find_domain(held: session.Session, ref: Ref | None) -> domain.Domain | None:
    if ref is None:
        return None
    if ref.id is not None:
        return finding.maybe(held, domain.Domain, ref.id)
    return finding.named(held, domain.Domain, ref.name or "")


def find_user(held: session.Session, ref: Ref) -> user.User | None:
    """The user somebody claims to be, or None."""
    if ref.id is not None:
        return finding.maybe(held, user.User, ref.id)
    home = _find_domain(held, ref.domain)
    return None if home is None else finding.named(held, user.User, ref.name or "", domain_id=home.id)


def _find_key(held: session.Session, proof: Key) -> credential.ApplicationCredential | None:
    """The credential; an id that does not exist is said to be so, as Keystone does: it is not a secret."""
    if proof.id is not None:
        return finding.one(held, credential.ApplicationCredential, proof.id)
    owner = find_user(held, proof.user or Ref())
    if owner is None:
        return None
    return finding.named(held, credential.ApplicationCredential, proof.name or "", user_id=owner.id)


def place(held: session.Session, somebody: user.User, scope: Scope) -> tuple[tokens.Kind, str]:
    """The scope of a token; raises faults.Unauthorized for one that does not exist."""
    match scope:
        case Nowhere():
            return tokens.Kind.UNSCOPED, ""
        case Anywhere():
            return _default(held, somebody)
        case InProject(project=ref):
            return tokens.Kind.PROJECT, _project(held, ref).id
        case InDomain(domain=ref):
            found = _find_domain(held, ref)
            if found is None:
                raise refused()
            return tokens.Kind.DOMAIN, found.id
        case InSystem():
            return tokens.Kind.SYSTEM, role.SYSTEM


def _project(held: session.Session, ref: Ref) -> project.Project:
    if ref.id is not None:
        found = finding.maybe(held, project.Project, ref.id)
    else:
        home = _find_domain(held, ref.domain)
        found = finding.named(held, project.Project, ref.name or "", domain_id=home.id) if home else None
    if found is None:
        raise refused()
    return found


def _default(held: session.Session, somebody: user.User) -> tuple[tokens.Kind, str]:
    """The default project if the user could ask for it, else no scope at all: a stale default locks nobody out."""
    wanted = finding.maybe(held, project.Project, somebody.default_project_id or "")
    if wanted is None or not wanted.enabled:
        return tokens.Kind.UNSCOPED, ""
    home = rows.get(held, domain.Domain, wanted.domain_id)
    if home is None or not home.enabled or not grants.effective(held, somebody.id, grants.Place.project(wanted.id)):
        return tokens.Kind.UNSCOPED, ""
    return tokens.Kind.PROJECT, wanted.id
