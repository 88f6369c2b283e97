"""PING monitors: who is pinged, and echo requests as bytes.

HAProxy can ping only by running a program for each check, which costs most of a core for a thousand members; so the
agent pings (`prober`) and tells HAProxy the verdict. Promises: pure; sends nothing.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from vipool.core import enabled, standing
from vipool.model import healthmonitor, tree
from vipool.providers.haproxy import served

# Message types: RFC 792 and RFC 4443, section 4.
_REQUEST, _REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
_HEADER = struct.Struct("!BBHHH")
_LEAST_IPV4_HEADER = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One member to ping: its address, HAProxy's names for it (`backend/server`), its monitor's terms in seconds."""

    member_id: str
    address: str
    names: tuple[str, ...]
    delay: int
    timeout: int
    rise: int
    fall: int


def fresh(target: Target, *, up: bool = True) -> standing.Standing:
    """The standing of a member that was not pinged yet, from what HAProxy thinks of it."""
    return standing.begin(target.rise, target.fall, up=up)


def targets(wanted: tree.Tree) -> Iterator[Target]:
    """The members that are to be pinged: those in service, of pools that answer, with an enabled PING monitor."""
    names: dict[str, list[str]] = {}
    for front, back in served.pairs(wanted):
        for each in wanted.members_of(back.id):
            names.setdefault(each.id, []).append(f"{served.backend_name(back.id, front)}/{each.id}")
    for each in wanted.members:
        monitor = monitor_of(wanted, each.pool_id)
        if monitor is not None and each.id in names and each.admin_state_up:
            yield Target(
                member_id=each.id,
                address=each.monitor_address or each.address,
                names=tuple(names[each.id]),
                delay=monitor.delay,
                timeout=monitor.timeout,
                rise=monitor.max_retries,
                fall=monitor.max_retries_down,
            )


def monitor_of(wanted: tree.Tree, pool_id: str) -> healthmonitor.HealthMonitor | None:
    """The enabled PING monitor of a pool, or None."""
    found = enabled.monitor_of(wanted, pool_id)
    return found if found and found.type is healthmonitor.Type.PING else None


def request(version: int, identity: int, sequence: int) -> bytes:
    """An echo request. The kernel fills in the checksum of an ICMPv6 message (RFC 3542, section 3.1)."""
    blank = _HEADER.pack(_REQUEST[version], 0, 0, identity, sequence)
    if version == 6:
        return blank
    return _HEADER.pack(_REQUEST[version], 0, checksum(blank), identity, sequence)


def reply(version: int, packet: bytes) -> tuple[int, int] | None:
    """The identity and sequence of an echo reply; None for anything else. A raw IPv4 socket shows the IP header too."""
    start = (packet[0] & 0xF) * 4 if version == 4 and len(packet) >= _LEAST_IPV4_HEADER else 0
    if len(packet) < start + _HEADER.size:
        return None
    kind, code, _, identity, sequence = _HEADER.unpack_from(packet, start)
    return (identity, sequence) if (kind, code) == (_REPLY[version], 0) else None


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
