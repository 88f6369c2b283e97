"""The authority: says what a token means now, and makes and voids tokens.

What a token says was true when it was made; whether its user, project and roles still are is looked up, so disabling a
user or taking a role works at once, in every server process.  What was looked up is remembered until the next write to
identity, by this process or another.
"""

import base64
import contextlib
import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vipool.cloud.identity.embedded import grants, tokens
from vipool.model import caller, credential, domain, faults, project, revocation, role, user
from vipool.store import rows, session, versions

LIFETIME = datetime.timedelta(hours=4)
# How long an expired token can still be looked at with allow_expired, for work begun while it was good; as Keystone.
GRACE = datetime.timedelta(hours=48)
REMEMBERED = 10_000
GENERIC = "The request you have made requires authentication."


class Gone(faults.Unauthorized):
    """The application credential of a token does not exist any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a good token means now.

    ``domain`` is that of the project, or the one the token is for where there is no project.  ``roles`` are those that
    count, implied ones included.
    """

    claims: tokens.Claims
    user: user.User
    user_domain: domain.Domain
    project: project.Project | None
    domain: domain.Domain | None
    roles: tuple[role.Role, ...]
    credential: credential.ApplicationCredential | None
    caller: caller.Caller


class Authority:
    """Implements ``vipool.cloud.identity.base.Identity`` on vipool's own store.

    ``keys`` seal tokens: the first one is used, any of them is accepted, so that a key can be replaced without voiding
    what it sealed.  ``entropy`` gives that many random bytes.
    """

    def __init__(
        self,
        database: session.Database,
        *,
        keys: Sequence[bytes],
        entropy: Callable[[int], bytes],
        lifetime: datetime.timedelta = LIFETIME,
    ) -> None:
        if not keys or any(len(key) < tokens.KEY_LEAST for key in keys):
            raise ValueError(f"a token key has at least {tokens.KEY_LEAST} bytes")
        self.database = database
        self._keys = tuple(keys)
        self._entropy = entropy
        self._lifetime = lifetime
        self._remembered: tuple[int, dict[str, Token]] = (-1, {})

    @contextlib.contextmanager
    def writing(self) -> Iterator[session.Session]:
        """A transaction that changes identity: writers take turns, and everybody's memory ends with it."""
        with self.database.write() as held:
            versions.advance(held)
            yield held

    def authenticate(self, token: str) -> caller.Caller:
        """Who is asking; raises faults.Unauthorized."""
        return self.examine(token).caller

    def examine(self, text: str, *, expired: bool = False) -> Token:
        """What a token means now; raises faults.Unauthorized, or Gone.  ``expired`` lets it be over since a while."""
        if not text:
            raise faults.Unauthorized(GENERIC)
        with self.database.read() as held:
            version = versions.number(held)
            known = self._memory(version)
            found = known.get(text)
            grace = GRACE if expired else datetime.timedelta()
            if found is not None and held.now < found.claims.expires_at:
                return found
            claims = tokens.unseal(text, self._keys)
            if claims is None or held.now >= claims.expires_at + grace:
                raise faults.Unauthorized(GENERIC)
            found = meaning(held, claims)
        if len(known) < REMEMBERED:
            known[text] = found
        return found

    def _memory(self, version: int) -> dict[str, Token]:
        """What is remembered of that version: a reader of an older moment gets an empty memory of its own."""
        newest, known = self._remembered
        if version == newest and len(known) < REMEMBERED:
            return known
        fresh: dict[str, Token] = {}
        if version >= newest:
            self._remembered = (version, fresh)
        return fresh

    def recognises(self, text: str) -> bool:
        """Whether this was ever a token of ours."""
        return tokens.unseal(text, self._keys) is not None

    def issue(self, held: session.Session, claims: tokens.Claims) -> tuple[str, Token]:
        """A token that says this, and what it means; raises faults.Unauthorized where it would be void already."""
        return tokens.seal(claims, self._keys[0]), meaning(held, claims)

    def period(self, now: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
        """When a token made now begins and ends."""
        return now, now + self._lifetime

    def secret(self) -> str:
        """A secret that nobody guesses: 512 random bits, base64url."""
        return base64.urlsafe_b64encode(self._entropy(64)).rstrip(b"=").decode()

    def audit_id(self) -> str:
        """A new name for a token that gives nothing of it away: 128 random bits, base64url."""
        return base64.urlsafe_b64encode(self._entropy(16)).rstrip(b"=").decode()

    def revoke(self, found: Token) -> None:
        """Void one token; rows about tokens that are over by now go with the same write."""
        with self.writing() as held:
            over = [each.id for each in rows.find(held, revocation.RevokedToken) if each.expires_at + GRACE < held.now]
            rows.remove(held, revocation.RevokedToken, *over)
            identifier = found.claims.audit_ids[0]
            if rows.get(held, revocation.RevokedToken, identifier) is None:
                rows.add(held, revocation.RevokedToken(id=identifier, expires_at=found.claims.expires_at))


def meaning(held: session.Session, claims: tokens.Claims) -> Token:
    """What these claims mean at this moment; raises faults.Unauthorized when they are not true any more."""
    if rows.get(held, revocation.RevokedToken, claims.audit_ids[0]) is not None:
        raise faults.Unauthorized(GENERIC)
    somebody, home = _user(held, claims)
    key = _credential(held, claims)
    inside, over = _scope(held, claims)
    roles = _roles(held, claims, key)
    if claims.kind is not tokens.Kind.UNSCOPED and not roles:
        raise faults.Unauthorized(GENERIC)
    asking = caller.Caller(
        user_id=somebody.id,
        user_name=somebody.name,
        project_id=inside.id if inside else None,
        project_name=inside.name if inside else "",
        domain_id=over.id if over and not inside else None,
        roles=frozenset(each.name for each in roles),
        system=claims.kind is tokens.Kind.SYSTEM,
    )
    return Token(
        claims=claims,
        user=somebody,
        user_domain=home,
        project=inside,
        domain=over,
        roles=roles,
        credential=key,
        caller=asking,
    )


def _user(held: session.Session, claims: tokens.Claims) -> tuple[user.User, domain.Domain]:
    found = rows.get(held, user.User, claims.user_id)
    if found is None or not found.enabled or found.epoch != claims.epoch:
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


def _scope(held: session.Session, claims: tokens.Claims) -> tuple[project.Project | None, domain.Domain | None]:
    """The project a token is for with its domain, or the domain it is for; all enabled."""
    if claims.kind is tokens.Kind.PROJECT:
        inside = rows.get(held, project.Project, claims.scope_id)
        if inside is None or not inside.enabled:
            raise faults.Unauthorized(GENERIC)
        return inside, enabled_domain(held, inside.domain_id)
    if claims.kind is tokens.Kind.DOMAIN:
        return None, enabled_domain(held, claims.scope_id)
    return None, None


def _roles(
    held: session.Session, claims: tokens.Claims, key: credential.ApplicationCredential | None
) -> tuple[role.Role, ...]:
    """The roles the user has in the scope now; of a credential's, those the user still has."""
    place = _place(claims)
    has = () if place is None else grants.effective(held, claims.user_id, place)
    return has if key is None else tuple(each for each in has if each.id in key.role_ids)


def _place(claims: tokens.Claims) -> grants.Place | None:
    match claims.kind:
        case tokens.Kind.UNSCOPED:
            return None
        case tokens.Kind.PROJECT:
            return grants.Place.project(claims.scope_id)
        case tokens.Kind.DOMAIN:
            return grants.Place.domain(claims.scope_id)
        case tokens.Kind.SYSTEM:
            return grants.SYSTEM
