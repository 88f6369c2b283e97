"""Ethernet frames to values: as much of IPv4, IPv6, ARP, TCP, UDP and ICMP as a trace needs.

Promises to give None for what it does not understand or cannot trust (truncated headers, other protocols), and never to
raise on bytes from the wire. Does not reassemble fragments, follow streams or check checksums (offloading leaves them
unfilled). Layouts: IEEE 802.3, RFC 791, 8200, 826, 4861, 9293, 768, 792, 4443.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct
from dataclasses import dataclass

from vipool.model import packet

SNAP = 512
"""How many payload bytes are kept of each packet."""

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BxHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_TCP = struct.Struct("!HHIIBBHHH")
_UDP = struct.Struct("!HHHH")
_ICMP = struct.Struct("!BBH4x")
_PORTS = struct.Struct("!HH")

_IP4, _IP6, _ARP_TYPE, _VLAN = 0x0800, 0x86DD, 0x0806, 0x8100
_ICMP4, _TCP_NUMBER, _UDP_NUMBER, _ICMP6 = 1, 6, 17, 58
_EXTENSIONS = frozenset({0, 43, 60})
"""Hop-by-hop, routing and destination options: IPv6 headers that are skipped (RFC 8200 section 4.1)."""

_FLAGS = ((0x02, packet.Flag.SYN), (0x10, packet.Flag.ACK), (0x01, packet.Flag.FIN), (0x04, packet.Flag.RST))
_UNREACHABLE4 = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "packet too big",
    9: "network prohibited",
    10: "host prohibited",
    13: "prohibited",
}
_UNREACHABLE6 = {0: "no route", 1: "prohibited", 3: "address unreachable", 4: "port unreachable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Where and when a frame was captured: what decoding adds to its bytes."""

    at: int
    hop: str
    direction: packet.Direction


def decode(frame: bytes, seen: Seen) -> packet.Packet | None:
    """The packet in an Ethernet frame, or None where there is none that a trace could use."""
    try:
        _, _, kind = _ETHERNET.unpack_from(frame)
        start = _ETHERNET.size
        if kind == _VLAN:
            (kind,) = struct.unpack_from("!H", frame, start + 2)
            start += 4
        match kind:
            case 0x0800:
                return _ipv4(frame[start:], seen)
            case 0x86DD:
                return _ipv6(frame[start:], seen)
            case 0x0806:
                return _arp(frame[start:], seen)
            case _:
                return None
    except (struct.error, ValueError, IndexError):
        return None


def _base(seen: Seen, source: bytes, destination: bytes) -> packet.Packet:
    return packet.Packet(
        at=seen.at,
        hop=seen.hop,
        direction=seen.direction,
        protocol=packet.Protocol.OTHER,
        source=str(ipaddress.ip_address(source)),
        destination=str(ipaddress.ip_address(destination)),
    )


def _ipv4(data: bytes, seen: Seen) -> packet.Packet | None:
    first, total, number, fragment, _, protocol, _, source, destination = _IPV4.unpack_from(data)
    if fragment & 0x1FFF:
        return None  # not the first fragment: it has no transport header
    header = (first & 0x0F) * 4
    # The length is 0 in offloaded packets beyond 64 KiB ("BIG TCP"): then what was captured is all there is to count.
    length = total - header if total else len(data) - header
    found = _transport(protocol, data[header:], length, _base(seen, source, destination))
    return found if found.protocol is not packet.Protocol.UDP else dataclasses.replace(found, sequence=number)


def _ipv6(data: bytes, seen: Seen) -> packet.Packet | None:
    _, length, following, _, source, destination = _IPV6.unpack_from(data)
    rest = data[_IPV6.size :]
    length = length or len(rest)
    while following in _EXTENSIONS:
        size = (rest[1] + 1) * 8
        following, rest, length = rest[0], rest[size:], length - size
    return _transport(following, rest, length, _base(seen, source, destination))


def _arp(data: bytes, seen: Seen) -> packet.Packet | None:
    _, kind, _, _, operation, _, source, _, target = _ARP.unpack_from(data)
    if kind != _IP4 or operation not in {1, 2}:
        return None
    # In a reply the one who answers is the sender; `destination` is the address in question either way.
    asked, asker = (target, source) if operation == 1 else (source, target)
    base = _base(seen, asker, asked)
    return dataclasses.replace(base, protocol=packet.Protocol.NEIGHBOUR, asking=operation == 1)


def _transport(protocol: int, data: bytes, length: int, base: packet.Packet) -> packet.Packet:
    match protocol:
        case 6:
            return _tcp(data, length, base)
        case 17:
            sport, dport, size, _ = _UDP.unpack_from(data)
            found = {"protocol": packet.Protocol.UDP, "length": max(size - _UDP.size, 0)}
            return dataclasses.replace(base, sport=sport, dport=dport, payload=data[8 : 8 + SNAP], **found)
        case 1:
            return _icmp4(data, base)
        case 58:
            return _icmp6(data, base)
        case _:
            return base


def _tcp(data: bytes, length: int, base: packet.Packet) -> packet.Packet:
    sport, dport, sequence, _, offset, bits, _, _, _ = _TCP.unpack_from(data)
    header = (offset >> 4) * 4
    size = max(length - header, 0)
    return dataclasses.replace(
        base,
        protocol=packet.Protocol.TCP,
        sport=sport,
        dport=dport,
        sequence=sequence,
        flags=frozenset(flag for bit, flag in _FLAGS if bits & bit),
        length=size,
        payload=data[header : header + min(size, SNAP)],  # short frames are padded: trust the length, not the frame
    )


def _icmp4(data: bytes, base: packet.Packet) -> packet.Packet:
    kind, code, _ = _ICMP.unpack_from(data)
    if kind not in {3, 11}:
        return dataclasses.replace(base, protocol=packet.Protocol.ICMP, note=f"type {kind}")
    note = _UNREACHABLE4.get(code, f"unreachable, code {code}") if kind == 3 else "time exceeded"
    return _report(base, note, data[8 + 16 : 8 + 20], data[8 + (data[8] & 0x0F) * 4 :])


def _icmp6(data: bytes, base: packet.Packet) -> packet.Packet:
    kind, code, _ = _ICMP.unpack_from(data)
    match kind:
        case 135 | 136:  # neighbour solicitation and advertisement: the target follows the first 8 bytes
            target = str(ipaddress.IPv6Address(data[8:24]))
            found = dataclasses.replace(base, protocol=packet.Protocol.NEIGHBOUR, asking=kind == 135)
            asker = base.source if kind == 135 else base.destination
            return dataclasses.replace(found, source=asker, destination=target)
        case 1 | 2 | 3:
            unreachable = _UNREACHABLE6.get(code, f"unreachable, code {code}")
            note = {1: unreachable, 2: "packet too big", 3: "time exceeded"}[kind]
            return _report(base, note, data[8 + 24 : 8 + 40], data[8 + _IPV6.size :])
        case _:
            return dataclasses.replace(base, protocol=packet.Protocol.ICMP, note=f"type {kind}")


def _report(base: packet.Packet, note: str, about: bytes, transport: bytes) -> packet.Packet:
    """An error message: it shows the header of the packet it is about, and at least 8 bytes more (RFC 792)."""
    sport, dport = _PORTS.unpack_from(transport) if len(transport) >= _PORTS.size else (0, 0)
    found = dataclasses.replace(base, protocol=packet.Protocol.ICMP, sport=sport, dport=dport)
    return dataclasses.replace(found, note=note, about=str(ipaddress.ip_address(about)))
