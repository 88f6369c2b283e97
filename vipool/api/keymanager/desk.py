"""What every handler of the Key Manager API works with."""

from collections.abc import Callable
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.keymanager import policy
from vipool.cloud.secrets.embedded import finding, vault
from vipool.model import guarded
from vipool.store import session

Vault = vault.Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The store, the vault of payloads, and where new ids come from."""

    database: session.Database
    vault: Vault
    new_id: Callable[[], str]

    def one(self, held: session.Session, call: exchange.Call, noun: type[finding.G]) -> finding.G:
        """The object that the path names, if the call's rule lets the caller.  Raises faults.NotFound or Forbidden."""
        found = finding.one(held, noun, call.parts["id"])
        policy.check(call, found)
        return found


def ref(call: exchange.Call, noun: type[guarded.Guarded], identifier: str) -> str:
    """The reference of an object: its address, by the host name the client used."""
    return f"{call.mount}/v1/{noun.NOUN.collection}/{identifier}"


def made(call: exchange.Call, noun: type[guarded.Guarded], identifier: str) -> exchange.Answer:
    """The answer to whoever made an object."""
    where = ref(call, noun, identifier)
    return exchange.Answer(status=201, body={f"{noun.NOUN.wrapper}_ref": where}, headers={"Location": where})
