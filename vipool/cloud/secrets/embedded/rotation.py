"""Changing the key: at a start, what older keys sealed is sealed anew under the newest."""

import logging

from vipool.cloud.secrets.embedded import vault as vaults
from vipool.model import faults, payload
from vipool.store import rows, session

log = logging.getLogger(__name__)


def renew(database: session.Database, vault: vaults.Vault) -> int:
    """Seal anew what can be; returns how many payloads that was.  What no key opens stays, and is said in the log."""
    with database.read() as held:
        used = set(rows.values(held, payload.Payload, "key_id")) - {vault.newest}
    if not used:
        return 0
    renewed = 0
    with database.write() as held:
        for old in rows.find(held, payload.Payload, key_id=tuple(sorted(used))):
            if vault.holds(old.key_id):
                renewed += _renew(held, vault, old)
    lost = sorted(name for name in used if not vault.holds(name))
    if renewed:
        log.info("%d payloads are sealed under the newest key now.", renewed)
    if lost:
        log.error("Some payloads cannot be read: they are sealed with keys that are missing (%s).", ", ".join(lost))
    return renewed


def _renew(held: session.Session, vault: vaults.Vault, old: payload.Payload) -> int:
    try:
        rows.put(held, vault.seal(old.id, vault.open(old)))
    except faults.Unavailable:
        return 0  # the vault has said why
    return 1
