"""Payloads at rest: sealed under a key that the database does not hold, each for the secret it belongs to.

The seal is AES-256-GCM (NIST SP 800-38D) with a random nonce; the secret's id is authenticated with it, so that a
payload moved to another row opens nothing.  There may be several keys, the newest first: it seals, all of them open.
"""

import base64
import hashlib
import logging
from collections.abc import Callable, Sequence

from cryptography import exceptions
from cryptography.hazmat.primitives.ciphers import aead

from vipool.model import faults, payload

log = logging.getLogger(__name__)

KEY_BYTES = 32
NONCE_BYTES = 12


class Vault:
    """Seals and opens payloads.  ``keys`` have 32 bytes each; ``entropy`` gives that many random bytes."""

    def __init__(self, keys: Sequence[bytes], entropy: Callable[[int], bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a key for secrets has {KEY_BYTES} bytes")
        self._keys = {_name(key): aead.AESGCM(key) for key in keys}
        self._newest = _name(keys[0])
        self._entropy = entropy

    @property
    def newest(self) -> str:
        """The name of the key that seals."""
        return self._newest

    def holds(self, key_id: str) -> bool:
        """Whether a key of that name is here."""
        return key_id in self._keys

    def seal(self, secret_id: str, clear: bytes) -> payload.Payload:
        """What may be kept of a payload."""
        nonce = self._entropy(NONCE_BYTES)
        sealed = nonce + self._keys[self._newest].encrypt(nonce, clear, _bound(secret_id))
        return payload.Payload(id=secret_id, key_id=self._newest, sealed=base64.b64encode(sealed).decode())

    def open(self, kept: payload.Payload) -> bytes:
        """The payload again.  Raises faults.Unavailable when its key is lost or it was tampered with."""
        key = self._keys.get(kept.key_id)
        if key is None:
            log.error("Secret %s is sealed with key %s, which is not in the key file.", kept.id, kept.key_id)
            raise _lost(kept.id, "the key it is sealed with is missing")
        clear = _decrypted(key, kept)
        if clear is None:
            log.error("Secret %s is not as it was sealed: its row was changed by other means.", kept.id)
            raise _lost(kept.id, "what is kept of it was changed")
        return clear


def _decrypted(key: aead.AESGCM, kept: payload.Payload) -> bytes | None:
    try:
        sealed = base64.b64decode(kept.sealed, validate=True)
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(kept.id))
    except (exceptions.InvalidTag, ValueError):  # binascii.Error is a ValueError
        return None


def _lost(secret_id: str, reason: str) -> faults.Unavailable:
    return faults.Unavailable(
        f"The payload of secret {secret_id} cannot be read: {reason}. Ask the operator, or store it anew."
    )


def _bound(secret_id: str) -> bytes:
    return b"vipool payload of " + secret_id.encode()


def _name(key: bytes) -> str:
    """What a key is called where it is not: nothing of it can be told from that."""
    return hashlib.sha256(b"vipool name of a key for secrets" + key).hexdigest()[:16]


def write_keys(keys: Sequence[bytes]) -> str:
    """A key file: one key on each line, in base64, the newest first."""
    return "".join(f"{base64.b64encode(key).decode()}\n" for key in keys)


def read_keys(content: bytes) -> tuple[bytes, ...]:
    """The keys of a key file.  Raises ValueError with a sentence that repeats nothing of it."""
    found: list[bytes] = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except ValueError as error:  # binascii.Error is one
            raise ValueError(f"line {number} is not base64: each is a key of {KEY_BYTES} bytes in base64") from error
        if key and len(key) != KEY_BYTES:
            raise ValueError(f"line {number} holds {len(key)} bytes: a key has {KEY_BYTES}")
        found += [key] if key else []
    if not found:
        raise ValueError("there is no key in it")
    return tuple(found)
