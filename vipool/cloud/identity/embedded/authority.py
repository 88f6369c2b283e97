"""The authority: says what a token means now, and makes and voids tokens.

What a token says was true when it was made; whether its user, project and roles still are is looked up, so disabling a
user or taking a role works at once, in every server process.  What was looked up is remembered until the next write to
identity, by this process or another.
"""

import base64
import contextlib
import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from vipool.cloud.identity.embedded import catalog, meaning, tokens
from vipool.model import caller, faults, revocation
from vipool.store import rows, session, versions

LIFETIME = datetime.timedelta(hours=4)
# How long an expired token can still be looked at with allow_expired, for work begun while it was good; as Keystone.
GRACE = datetime.timedelta(hours=48)
REMEMBERED = 10_000


@dataclass(slots=True, kw_only=True)
class Memory:
    """What was looked up since the write to identity with this number, and is true until the next."""

    version: int
    tokens: dict[str, meaning.Token] = field(default_factory=dict)
    added: catalog.Entries | None = None


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
        self._remembered = Memory(version=-1)

    @contextlib.contextmanager
    def writing(self) -> Iterator[session.Session]:
        """A transaction that changes identity: writers take turns, and everybody's memory ends with it."""
        with self.database.write() as held:
            versions.advance(held)
            yield held

    def authenticate(self, token: str) -> caller.Caller:
        """Who is asking; raises faults.Unauthorized."""
        return self.examine(token).caller

    def examine(self, text: str, *, expired: bool = False) -> meaning.Token:
        """What a token means now; raises faults.Unauthorized, or Gone.  ``expired`` lets it be over since a while."""
        if not text:
            raise faults.Unauthorized(meaning.GENERIC)
        with self.database.read() as held:
            known = self._memory(held).tokens
            found = known.get(text)
            grace = GRACE if expired else datetime.timedelta()
            if found is not None and held.now < found.claims.expires_at:
                return found
            claims = tokens.unseal(text, self._keys)
            if claims is None or held.now >= claims.expires_at + grace:
                raise faults.Unauthorized(meaning.GENERIC)
            found = meaning.of(held, claims)
        if len(known) < REMEMBERED:
            known[text] = found
        return found

    def _memory(self, held: session.Session) -> Memory:
        """What is remembered of this moment's version: a reader of an older moment gets a memory of its own."""
        version, newest = versions.number(held), self._remembered
        if version == newest.version and len(newest.tokens) < REMEMBERED:
            return newest
        fresh = Memory(version=version)
        if version >= newest.version:
            self._remembered = fresh
        return fresh

    def added(self) -> catalog.Entries:
        """What an operator added to the catalog."""
        with self.database.read() as held:
            known = self._memory(held)
            if known.added is None:
                known.added = catalog.kept(held)
            return known.added

    def recognises(self, text: str) -> bool:
        """Whether this was ever a token of ours."""
        return tokens.unseal(text, self._keys) is not None

    def issue(self, held: session.Session, claims: tokens.Claims) -> tuple[str, meaning.Token]:
        """A token that says this, and what it means; raises faults.Unauthorized where it would be void already."""
        return tokens.seal(claims, self._keys[0]), meaning.of(held, claims)

    def period(self, now: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
        """When a token made now begins and ends."""
        return now, now + self._lifetime

    def secret(self) -> str:
        """A secret that nobody guesses: 512 random bits, base64url."""
        return base64.urlsafe_b64encode(self._entropy(64)).rstrip(b"=").decode()

    def audit_id(self) -> str:
        """A new name for a token that gives nothing of it away: 128 random bits, base64url."""
        return base64.urlsafe_b64encode(self._entropy(16)).rstrip(b"=").decode()

    def revoke(self, found: meaning.Token) -> None:
        """Void one token; rows about tokens that are over by now go with the same write."""
        with self.writing() as held:
            over = [each.id for each in rows.find(held, revocation.RevokedToken) if each.expires_at + GRACE < held.now]
            rows.remove(held, revocation.RevokedToken, *over)
            identifier = found.claims.audit_ids[0]
            if rows.get(held, revocation.RevokedToken, identifier) is None:
                rows.add(held, revocation.RevokedToken(id=identifier, expires_at=found.claims.expires_at))
