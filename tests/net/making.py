"""Flows that a namespace's kernel is told to remember, by the thousand, as conntrack(8) tells it of one."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vipool.host import errors, namespaces, netlink

TCP, UDP = 6, 17
End = tuple[str, int]
_NEW = 1 << 8
# SEEN_REPLY, ASSURED, CONFIRMED (linux/netfilter/nf_conntrack_common.h): the kernel lets none go for another.
_LASTING = struct.pack(">I", 2 | 4 | 8)
_ESTABLISHED = netlink.nested(4, netlink.nested(1, netlink.attribute(1, bytes([3]))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A flow of IPv4: who asks and whom, who answers and whom."""

    protocol: int
    asking: End
    called: End
    answering: End
    answered: End

    def request(self) -> netlink.Request:
        body = struct.pack(">BBH", 2, 0, 0)
        body += _way(1, self.protocol, self.asking, self.called) + _way(2, self.protocol, self.answering, self.answered)
        body += netlink.attribute(7, struct.pack(">I", 600)) + netlink.attribute(3, _LASTING)
        body += _ESTABLISHED if self.protocol == TCP else b""
        return netlink.Request(type=_NEW, flags=netlink.EXCLUSIVE | netlink.CREATE, body=body, doing="making a flow")


def _way(kind: int, protocol: int, source: End, destination: End) -> bytes:
    (one, first), (other, second) = source, destination
    addresses = [netlink.attribute(at, ipaddress.ip_address(each).packed) for at, each in ((1, one), (2, other))]
    ports = [netlink.attribute(at, struct.pack(">H", each)) for at, each in ((2, first), (3, second))]
    return netlink.nested(
        kind, netlink.nested(1, *addresses), netlink.nested(2, netlink.attribute(1, bytes([protocol])), *ports)
    )


def make(namespace: str, flows: Iterable[Made]) -> bool:
    """Have a namespace remember flows; False where it had no room for all of them."""

    def work() -> bool:
        try:
            with netlink.Socket(netlink.NETFILTER) as channel:
                channel.run([each.request() for each in flows])
        except errors.Failed:
            return False
        return True

    return namespaces.call(namespace, work)


def unrelated(first: int, last: int) -> Iterator[Made]:
    """Flows that have nothing to do with anything, each another."""
    for each in range(first, last):
        one, other = (f"198.18.{each // 50000}.1", 1 + each % 50000), ("198.51.100.1", 9)
        yield Made(protocol=UDP, asking=one, called=other, answering=other, answered=one)


def translated(protocol: int, vip: str, member: End, ports: Iterable[int]) -> Iterator[Made]:
    """What clients of a VIP hold of its ports towards a member."""
    for each in ports:
        yield Made(
            protocol=protocol,
            asking=("198.18.0.1", each),
            called=(vip, 80),
            answering=member,
            answered=(vip, each),
        )
