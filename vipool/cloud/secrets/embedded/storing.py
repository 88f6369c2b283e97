"""Secrets and their payloads: making, filling, reading and removing them."""

from dataclasses import dataclass, field

from vipool.cloud.secrets.embedded import vault as vaults
from vipool.model import consumer, container, faults, payload, secret
from vipool.store import rows, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A payload on its way in, with what it is."""

    content_type: str
    clear: bytes = field(repr=False)


def create(held: session.Session, vault: vaults.Vault, made: secret.Secret, deposit: Deposit | None) -> secret.Secret:
    """A new secret, with its payload or, for now, without."""
    if deposit is None:
        rows.add(held, made)
        return made
    full = made.having({"content_type": deposit.content_type})
    rows.add(held, full, vault.seal(full.id, deposit.clear))
    return full


def fill(held: session.Session, vault: vaults.Vault, found: secret.Secret, deposit: Deposit) -> None:
    """Give a secret the payload it was made without.  Raises faults.Conflict when it has one."""
    if found.content_type is not None:
        raise faults.Conflict(f"Secret {found.id} has its payload, which cannot be changed: make another secret.")
    rows.add(held, vault.seal(found.id, deposit.clear))
    rows.change(held, secret.Secret, found.id, {"content_type": deposit.content_type, "updated": held.now})


def clear(held: session.Session, vault: vaults.Vault, found: secret.Secret) -> bytes:
    """The payload.  Raises faults.NotFound where there is none yet, faults.Unavailable where it cannot be opened."""
    kept = rows.get(held, payload.Payload, found.id)
    if kept is None:
        raise faults.NotFound(f"Secret {found.id} has no payload yet: send it with PUT.")
    return vault.open(kept)


def remove(held: session.Session, found: secret.Secret) -> None:
    """Remove a secret, its payload and its consumers, and take it out of every container."""
    rows.remove_where(held, container.Reference, secret_id=found.id)
    rows.remove_where(held, consumer.SecretConsumer, of_id=found.id)
    rows.remove(held, payload.Payload, found.id)
    rows.remove(held, secret.Secret, found.id)
