"""Tokens: what one says, sealed so that it can be neither made nor changed without the key.

A token holds who logged in, how, for which scope and until when, in about a hundred bytes; whether that is still true
(the user enabled, the role still held) is looked up each time it is used.  The seal is HMAC-SHA-256 (RFC 2104) over
the packed claims; the text is unpadded base64url (RFC 4648 section 5), below 255 characters.  No clock, no store.
"""

import base64
import binascii
import datetime
import enum
import hashlib
import hmac
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

LAYOUT = 1
SEAL = hashlib.sha256().digest_size
# Key files shorter than this are refused: HMAC-SHA-256 is as strong as its key, up to the size of its digest.
KEY_LEAST = 32
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)
# layout, methods, kind of scope, epoch of the user, issued and expires (µs since 1970)
HEAD = struct.Struct(">BBBIqq")


class Method(enum.StrEnum):
    """How somebody proved who they are; in the order in which a token lists them."""

    TOKEN = "token"
    PASSWORD = "password"
    APPLICATION_CREDENTIAL = "application_credential"


class Kind(enum.IntEnum):
    """What a token is for."""

    UNSCOPED = 0
    PROJECT = 1
    DOMAIN = 2
    SYSTEM = 3
    TRUST = 4  # the project of the trust whose id is the scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says, in naive UTC.  ``audit_ids`` are its own and, after rescoping, that of the first."""

    user_id: str
    epoch: int
    methods: tuple[Method, ...]
    kind: Kind
    scope_id: str = ""
    credential_id: str = ""
    audit_ids: tuple[str, ...]
    issued_at: datetime.datetime
    expires_at: datetime.datetime


def seal(claims: Claims, key: bytes) -> str:
    """The token that says this."""
    methods = sum(1 << place for place, method in enumerate(Method) if method in claims.methods)
    head = HEAD.pack(
        LAYOUT, methods, claims.kind, claims.epoch, _microseconds(claims.issued_at), _microseconds(claims.expires_at)
    )
    words = (claims.user_id, claims.scope_id, claims.credential_id, *claims.audit_ids)
    packed = head + b"".join(_pack(word) for word in words)
    return _spelled(packed + _mac(packed, key))


def unseal(token: str, keys: Sequence[bytes]) -> Claims | None:
    """What a token says, or None for anything that was not sealed with one of the keys."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{40,400}", token):
        return None
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        return None
    # The last letter may hold bits that no byte has (RFC 4648 section 3.5): one token has one spelling.
    if _spelled(sealed) != token:
        return None
    packed, mac = sealed[:-SEAL], sealed[-SEAL:]
    if not any(hmac.compare_digest(mac, _mac(packed, key)) for key in keys):
        return None
    return _claims(packed) if packed[0] == LAYOUT else None


def _spelled(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _claims(packed: bytes) -> Claims:
    """What was packed; sealed by us, so trusted to have the right form."""
    _, methods, kind, epoch, issued, expires = HEAD.unpack_from(packed)
    user, scope, credential, *audit = _unpack(packed[HEAD.size :])
    return Claims(
        user_id=user,
        epoch=epoch,
        methods=tuple(method for place, method in enumerate(Method) if methods >> place & 1),
        kind=Kind(kind),
        scope_id=scope,
        credential_id=credential,
        audit_ids=tuple(audit),
        issued_at=EPOCH + issued * MICROSECOND,
        expires_at=EPOCH + expires * MICROSECOND,
    )


def _mac(packed: bytes, key: bytes) -> bytes:
    return hmac.digest(key, packed, "sha256")


def _microseconds(moment: datetime.datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _pack(word: str) -> bytes:
    """A word behind its length; identifiers of 32 hexadecimal digits take half the room and have length 0xff."""
    if re.fullmatch(r"[0-9a-f]{32}", word):
        return b"\xff" + bytes.fromhex(word)
    text = word.encode()
    return bytes([len(text)]) + text


def _unpack(packed: bytes) -> list[str]:
    found: list[str] = []
    place = 0
    while place < len(packed):
        size, place = packed[place], place + 1
        if size == 0xFF:
            found.append(packed[place : place + 16].hex())
            place += 16
        else:
            found.append(packed[place : place + size].decode())
            place += size
    return found
