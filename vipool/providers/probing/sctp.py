"""The first packet of an SCTP association and what answers it, as bytes (RFC 9260).

Promises: pure. A listener answers INIT with INIT ACK and keeps nothing of it until the association is completed
(section 5.1.3), so that asking leaves no trace; where nobody listens the answer is ABORT (section 8.4). Sends nothing.
"""

import enum
import struct

PROTOCOL = 132
"""SCTP's number as an IP protocol."""

_HEADER = struct.Struct("!HHII")
_CHUNK = struct.Struct("!BBH")
# Verification tag of ours, window of 128 kB, one stream each way, first sequence number.
_INIT = struct.Struct("!IIHHI")
_WINDOW = 1 << 17
_CHECKSUM_AT = 8


class Answer(enum.Enum):
    """What a packet says to an INIT."""

    LISTENS = 2
    REFUSES = 6


def init(source: int, destination: int, tag: int) -> bytes:
    """An INIT from one port to another; `tag` is the nonzero number by which the answer is known."""
    body = _INIT.pack(tag, _WINDOW, 1, 1, tag)
    packet = _HEADER.pack(source, destination, 0, 0) + _CHUNK.pack(1, 0, _CHUNK.size + len(body)) + body
    # The checksum stands in the packet with its least significant byte first (RFC 9260, appendix A).
    return packet[:_CHECKSUM_AT] + struct.pack("<I", crc32c(packet)) + packet[_CHECKSUM_AT + 4 :]


def receiver(packet: bytes) -> int:
    """The port that a packet is for; 0 where it is too short to have one."""
    return int(_HEADER.unpack_from(packet)[1]) if len(packet) >= _HEADER.size else 0


def answer(packet: bytes, source: int, destination: int, tag: int) -> Answer | None:
    """What an SCTP packet says to the INIT that had these ports and this tag; None when it is no answer to it."""
    if len(packet) < _HEADER.size + _CHUNK.size:
        return None
    sender, receiver, verification, _ = _HEADER.unpack_from(packet)
    kind, flags, _ = _CHUNK.unpack_from(packet, _HEADER.size)
    if (sender, receiver) != (destination, source):
        return None
    # An ABORT of one who knows no tag of ours reflects what we sent: none (section 8.5.1, the T bit).
    if verification != tag and not (kind == Answer.REFUSES.value and flags & 1):
        return None
    return Answer(kind) if kind in {each.value for each in Answer} else None


def _table() -> tuple[int, ...]:
    """The CRC of each byte, by the polynomial of Castagnoli, bits reflected."""
    found = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        found.append(crc)
    return tuple(found)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum of SCTP (RFC 9260, appendix A)."""
    crc = 0xFFFFFFFF
    for value in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ value) & 0xFF]
    return crc ^ 0xFFFFFFFF
