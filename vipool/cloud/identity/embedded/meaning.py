"""What a token means now: whether its user, its project, its roles and whatever else it rests on are still there."""

from dataclasses import dataclass

from vipool.cloud.identity.embedded import accessrules, grants, tokens
from vipool.model import accessrule, caller, credential, domain, faults, project, revocation, role, trust, user
from vipool.store import rows, session

GENERIC = "The request you have made requires authentication."


class Gone(faults.Unauthorized):
    """The application credential of a token does not exist any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a good token means now.

    ``user`` is whom it names: of an impersonating trust the trustor, who did not log in.  ``domain`` is that of the
    project, or the one the token is for where there is no project.  ``roles`` are those that count, implied ones
    included.  ``rules`` are the access rules it is held to, None for none.
    """

    claims: tokens.Claims
    user: user.User
    user_domain: domain.Domain
    project: project.Project | None
    domain: domain.Domain | None
    roles: tuple[role.Role, ...]
    credential: credential.ApplicationCredential | None
    rules: tuple[accessrule.AccessRule, ...] | None
    trust: trust.Trust | None
    caller: caller.Caller


def of(held: session.Session, claims: tokens.Claims) -> Token:
    """What these claims mean at this moment; raises faults.Unauthorized when they are not true any more."""
    if rows.get(held, revocation.RevokedToken, claims.audit_ids[0]) is not None:
        raise faults.Unauthorized(GENERIC)
    somebody, home = _person(held, claims.user_id)
    if somebody.epoch != claims.epoch:
        raise faults.Unauthorized(GENERIC)
    key, given = _credential(held, claims), _trust(held, claims)
    if given is not None:
        trustor = _person(held, given.trustor_user_id)
        somebody, home = trustor if given.impersonation else (somebody, home)
    place = _place(claims, given)
    inside, over = _scope(held, place)
    roles = () if place is None else _roles(held, claims, place, key, given)
    if place is not None and not roles:
        raise faults.Unauthorized(GENERIC)
    rules = None if key is None else accessrules.of_credential(held, key)
    asking = caller.Caller(
        user_id=somebody.id,
        user_name=somebody.name,
        project_id=inside.id if inside else None,
        project_name=inside.name if inside else "",
        domain_id=over.id if over and not inside else None,
        roles=frozenset(each.name for each in roles),
        system=claims.kind is tokens.Kind.SYSTEM,
        access=None if rules is None else tuple(each.access for each in rules),
    )
    return Token(
        claims=claims,
        user=somebody,
        user_domain=home,
        project=inside,
        domain=over,
        roles=roles,
        credential=key,
        rules=rules,
        trust=given,
        caller=asking,
    )


def _person(held: session.Session, identifier: str) -> tuple[user.User, domain.Domain]:
    """A user with its domain, both enabled."""
    found = rows.get(held, user.User, identifier)
    if found is None or not found.enabled:
        raise faults.Unauthorized(GENERIC)
    return found, enabled_domain(held, found.domain_id)


def enabled_domain(held: session.Session, identifier: str) -> domain.Domain:
    """The domain, if it is there and enabled; raises faults.Unauthorized."""
    home = rows.get(held, domain.Domain, identifier)
    if home is None or not home.enabled:
        raise faults.Unauthorized(GENERIC)
    return home


def _credential(held: session.Session, claims: tokens.Claims) -> credential.ApplicationCredential | None:
    if not claims.credential_id:
        return None
    found = rows.get(held, credential.ApplicationCredential, claims.credential_id)
    if found is None:
        raise Gone(f"Could not find Application Credential: {claims.credential_id}.")
    if found.expires_at is not None and found.expires_at <= held.now:
        raise faults.Unauthorized(GENERIC)
    return found


def _trust(held: session.Session, claims: tokens.Claims) -> trust.Trust | None:
    """The trust a token is of, as long as it is there: one that gave its last token leaves those it gave alone."""
    if claims.kind is not tokens.Kind.TRUST:
        return None
    found = rows.get(held, trust.Trust, claims.scope_id)
    if found is None or (found.expires_at is not None and found.expires_at <= held.now):
        raise faults.Unauthorized(GENERIC)
    return found


def _place(claims: tokens.Claims, given: trust.Trust | None) -> grants.Place | None:
    match claims.kind:
        case tokens.Kind.UNSCOPED:
            return None
        case tokens.Kind.PROJECT:
            return grants.Place.project(claims.scope_id)
        case tokens.Kind.DOMAIN:
            return grants.Place.domain(claims.scope_id)
        case tokens.Kind.SYSTEM:
            return grants.SYSTEM
        case tokens.Kind.TRUST:
            return None if given is None else grants.Place.project(given.project_id)


def _scope(held: session.Session, place: grants.Place | None) -> tuple[project.Project | None, domain.Domain | None]:
    """The project a token is for with its domain, or the domain it is for; all enabled."""
    if place is None or place.scope is role.Scope.SYSTEM:
        return None, None
    if place.scope is role.Scope.DOMAIN:
        return None, enabled_domain(held, place.id)
    inside = rows.get(held, project.Project, place.id)
    if inside is None or not inside.enabled:
        raise faults.Unauthorized(GENERIC)
    return inside, enabled_domain(held, inside.domain_id)


def _roles(
    held: session.Session,
    claims: tokens.Claims,
    place: grants.Place,
    key: credential.ApplicationCredential | None,
    given: trust.Trust | None,
) -> tuple[role.Role, ...]:
    """The roles the user has in the scope now: of a credential's those it still has, of a trust's all or none."""
    if given is None:
        has = grants.effective(held, claims.user_id, place)
        return has if key is None else tuple(each for each in has if each.id in key.role_ids)
    has = grants.effective(held, given.trustor_user_id, place)
    if not {each.id for each in has}.issuperset(given.role_ids):
        return ()  # as Keystone: what was promised cannot be kept
    named = grants.implied(grants.inferences(held), given.role_ids)
    return tuple(each for each in has if each.id in named)
