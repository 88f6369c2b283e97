"""Changing the key: at a start, what older keys sealed is sealed anew under the newest."""

import logging
from collections.abc import Iterator

from vipool.cloud.secrets.embedded import vault as vaults
from vipool.model import faults, payload
from vipool.store import rows, session

log = logging.getLogger(__name__)


# How many payloads are held in memory at a time: one is 27 kB at most.
SLICE = 200


def renew(database: session.Database, vault: vaults.Vault) -> int:
    """Seal anew what can be; returns how many payloads that was.  What no key opens stays, and is said in the log."""
    with database.read() as held:
        used = set(rows.column(held, payload.Payload, "key_id")) - {vault.newest}
    lost = sorted(name for name in used if not vault.holds(name))
    if lost:
        log.error("Some payloads cannot be read: they are sealed with keys that are missing (%s).", ", ".join(lost))
    older = used.difference(lost)
    if not older:
        return 0
    with database.write() as held:
        renewed = sum(_renew(held, vault, each) for name in older for each in _sealed_with(held, name))
    log.info("%d payloads are sealed under the newest key now.", renewed)
    return renewed


def _sealed_with(held: session.Session, key_id: str) -> Iterator[payload.Payload]:
    found = rows.column(held, payload.Payload, "id", key_id=key_id)
    for start in range(0, len(found), SLICE):
        yield from rows.find(held, payload.Payload, id=found[start : start + SLICE])


def _renew(held: session.Session, vault: vaults.Vault, old: payload.Payload) -> int:
    try:
        rows.put(held, vault.seal(old.id, vault.open(old)))
    except faults.Unavailable:
        return 0  # the vault has said why
    return 1
