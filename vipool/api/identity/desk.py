"""What every handler of the Identity API works with, and how it reads bodies and says who is asking."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.cloud.identity.embedded import authority as authorities
from vipool.cloud.identity.embedded import hashes, login, meaning
from vipool.model import attr, faults
from vipool.store import session


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The identity service, its door, and where new ids come from (32 hexadecimal digits, as Keystone's)."""

    authority: authorities.Authority
    login: login.Login
    new_id: Callable[[], str]

    @property
    def database(self) -> session.Database:
        """The store."""
        return self.authority.database

    @property
    def hashes(self) -> hashes.Hashes:
        """How passwords are hashed."""
        return self.login.hashes

    def asking(self, call: exchange.Call) -> meaning.Token:
        """The token of a call, in full."""
        return self.authority.examine(call.token)

    def home(self, call: exchange.Call) -> str:
        """The domain in which something is made when the body names none: that of the token."""
        token = self.asking(call)
        return token.domain.id if token.domain else token.user_domain.id


def inside(call: exchange.Call, noun: attr.Noun) -> Mapping[str, Any]:
    """The object in the wrapper of a body; raises faults.Invalid where there is none."""
    body = call.body if isinstance(call.body, dict) else {}
    if noun.wrapper not in body:
        if body:
            name = next(iter(body))
            raise faults.Invalid(f"Additional properties are not allowed ({name!r} was unexpected)")
        raise faults.Invalid(f"{noun.wrapper!r} is a required property")
    found = body[noun.wrapper]
    if not isinstance(found, dict):
        raise faults.BadAttribute(noun.wrapper, found, f"{found!r} is not of type 'object'")
    return found
