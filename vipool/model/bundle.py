"""A certificate with its key: what tenants keep of it, and what a listener needs of it.

Values on their way, never kept as they are.  No text that is shown of them holds a key.
"""

import datetime
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """All of it in one PKCS#12 file (RFC 7292) without a pass phrase."""

    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Its parts by themselves: PEM (RFC 7468), the intermediates as PKCS#7 (RFC 2315) in PEM or DER if need be."""

    certificate: bytes = field(repr=False)
    private_key: bytes = field(repr=False)
    passphrase: bytes | None = field(default=None, repr=False)
    intermediates: bytes | None = field(default=None, repr=False)


Material: TypeAlias = Archive | Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A certificate and the key that belongs to it, in PEM.

    ``private_key`` is PKCS#8 (RFC 5958), in clear.  ``intermediates`` come in the order of a TLS server's message: each
    issued the one before it, the first the certificate; what is not of that chain follows.  ``name`` is the subject's
    common name, or the first of ``dns_names`` (its subject alternative names) where it has none.  ``not_after`` is the
    end of its life (UTC), which may be past.
    """

    certificate: str
    private_key: str = field(repr=False)
    intermediates: tuple[str, ...] = ()
    name: str
    dns_names: tuple[str, ...] = ()
    not_after: datetime.datetime
