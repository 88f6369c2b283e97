"""Echo requests and replies of ICMP, as bytes.

Promises: pure; whatever bytes come are read without complaint. Sends nothing.
"""

import struct

# Message types: RFC 792 and RFC 4443, section 4.
_REQUEST, _REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
_HEADER = struct.Struct("!BBHHH")
_LEAST_IPV4_HEADER = 20


def request(version: int, identity: int, sequence: int) -> bytes:
    """An echo request. The kernel fills in the checksum of an ICMPv6 message (RFC 3542, section 3.1)."""
    kind = _REQUEST[version]
    total = (kind << 8) + identity + sequence
    total = (total & 0xFFFF) + (total >> 16)
    return _HEADER.pack(kind, 0, 0 if version == 6 else ~(total + (total >> 16)) & 0xFFFF, identity, sequence)


def reply(version: int, packet: bytes) -> tuple[int, int] | None:
    """The identity and sequence of an echo reply; None for anything else. A raw IPv4 socket shows the IP header too."""
    start = (packet[0] & 0xF) * 4 if version == 4 and len(packet) >= _LEAST_IPV4_HEADER else 0
    if len(packet) < start + _HEADER.size:
        return None
    kind, code, _, identity, sequence = _HEADER.unpack_from(packet, start)
    return (identity, sequence) if (kind, code) == (_REPLY[version], 0) else None
