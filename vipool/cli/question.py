"""What a traced request says: an HTTP request over TCP, a datagram over UDP.

Promises: what it says is unlike what any other request says, unless it was given, so that it is recognised wherever it
is seen; a service of the usual kind for its port answers it. Sends nothing.
"""

from __future__ import annotations

import struct

from vipool.core import journey
from vipool.model import faults, packet

_MOST = 1200
"""Bytes of a datagram: what every path carries in one packet, the headers of IPv6 included (RFC 9000 section 14)."""


def check(protocol: packet.Protocol, path: str | None, payload: str | None) -> None:
    """Raise `faults.Invalid` for a path or payload that cannot be asked over the protocol."""
    if protocol is packet.Protocol.UDP and path is not None:
        raise faults.Invalid("--path is what to ask for over HTTP, and UDP is asked here: give --payload, or neither.")
    if protocol is packet.Protocol.TCP and payload is not None:
        raise faults.Invalid("--payload is what a datagram holds, and TCP is asked here: give --path, or neither.")
    if path is not None and (not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path):
        raise faults.Invalid(f"'{path}' is no path of a URL: it begins with / and has neither spaces nor accents.")
    if payload is not None:
        _given(payload)


def words(way: journey.Journey, token: str, *, path: str | None = None, payload: str | None = None) -> bytes:
    """The bytes to send; `token` is what is to be unlike any other."""
    if way.protocol is packet.Protocol.UDP:
        return _given(payload) if payload is not None else datagram(way.port, token)
    host = packet.endpoint(*way.target).removesuffix(":80")
    head = f"GET {path or '/'} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: vipool-trace/{token}\r\n"
    return f"{head}Accept: */*\r\nConnection: close\r\n\r\n".encode("ascii")


def datagram(port: int, token: str) -> bytes:
    """What a service of that port answers, whatever it knows: a question of DNS or NTP, else a line of text."""
    match port:
        case 53:
            # The address of a name that nobody has (RFC 6761 section 6.4): NXDOMAIN and REFUSED are answers too.
            labels = (f"vipool-trace-{token}".encode("ascii"), b"invalid", b"")
            name = b"".join(bytes([len(each)]) + each for each in labels)
            return struct.pack("!HHHHHH", int(token[:4], 16), 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)
        case 123:
            # Version 4, mode 3 (RFC 5905 section 7.3); the time it is sent at comes back, and may be any number.
            return bytes([0x23]) + bytes(39) + bytes.fromhex(token[:16])
        case _:
            return f"vipool-trace/{token}\n".encode("ascii")


def _given(payload: str) -> bytes:
    """The bytes of a payload as people write it: text, or 0x and hexadecimal digits."""
    found = payload.encode("utf-8", "surrogateescape")
    if payload.startswith("0x"):
        try:
            found = bytes.fromhex(payload[2:])
        except ValueError:
            raise faults.Invalid(
                f"'{payload}' begins with 0x, and what follows are no pairs of hexadecimal digits."
            ) from None
    if not found:
        raise faults.Invalid("The payload is empty: a datagram without any looks like a health check's.")
    if len(found) > _MOST:
        raise faults.Invalid(f"The payload has {len(found)} bytes: give at most {_MOST}, which fit into one packet.")
    return found
