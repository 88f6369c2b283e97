"""The vital signs of namespaces, read from the kernel: the table of flows, the neighbours, the source ports.

Promises: reads only. One thread visits all the namespaces of a round, so that each costs what its few questions cost:
some 100 microseconds where nothing much goes on. One that is gone is left out. What is dear (files of /proc, counters
of each processor, the listing of flows or of sockets) is read only where so much is open that it can matter. Layouts
are those of linux/netfilter/nfnetlink_conntrack.h, linux/neighbour.h and linux/inet_diag.h.
Decides nothing.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import ipaddress
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vipool.host import conntrack, namespaces, netlink
from vipool.model import vitals

TRANSLATED = 65536 - 1024
"""Source ports the kernel chooses among where it translates a client's port of 1024 and up (nf_nat_core.c)."""

_STATISTICS_CPU, _STATISTICS = (1 << 8) | 4, (1 << 8) | 5
_GENERIC = struct.Struct(">BBH")
_ENTRIES, _MAXIMUM = 1, 2
_INSERT_FAILED, _DROP, _EARLY_DROP = 9, 10, 11

_GET_NEIGHBOURS = 30
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_DESTINATION, _CACHE = 1, 3
_INCOMPLETE, _FAILED = 0x01, 0x20
_CACHE_INFO = struct.Struct("=IIII")
# What the kernel tells times in, whatever its own tick is (USER_HZ, time(7)).
_TICKS = 100

_DIAGNOSE, _BY_FAMILY = 4, 20
_ASK_SOCKETS = struct.Struct("=BBBxI48x")
_NOT_LISTENING = 0xFFF & ~(1 << 10)
_TCP = 6
_PROTOCOLS = {_TCP: "TCP", 17: "UDP", 132: "SCTP"}
_FAMILIES = {2: 4, 10: 16}  # AF_INET, AF_INET6: bytes of an address
_NET = Path("/proc/thread-self/net")
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_SHARE = 4
"""Ends are looked for where at least one in so many ports could be taken by one."""


def read(asked: Mapping[str, vitals.Question]) -> vitals.Readings:
    """The vital signs of the namespaces that are there."""
    found: dict[str, vitals.Vitals] = {}

    def look(reference: str) -> None:
        found[reference] = read_here(asked[reference])

    return vitals.Readings(cost=namespaces.tour(asked, look), found=found)


def read_here(question: vitals.Question) -> vitals.Vitals:
    """The vital signs of the calling thread's namespace. Raises `errors.Failed`."""
    losses: vitals.Losses | None = None
    crowds: tuple[vitals.Crowd, ...] = ()
    with netlink.Socket(netlink.NETFILTER) as socket:
        flows, room = _table(socket)
        if flows >= min(TRANSLATED // _SHARE, room // 2 or TRANSLATED):
            losses = _losses(socket)
            before = question.before.losses if question.before else None
            crowds = tuple(_flows(socket)) if before and losses.clashed > before.clashed else ()
    return vitals.Vitals(
        flows=flows,
        room=room,
        losses=losses,
        neighbours=tuple(_neighbours()),
        crowds=(*crowds, *(_sockets() if question.busy else ())),
    )


def _table(socket: netlink.Socket) -> tuple[int, int]:
    request = netlink.Request(type=_STATISTICS, body=_GENERIC.pack(0, 0, 0), doing="counting flows")
    (answer,) = socket.ask([request])
    found = netlink.attributes((answer or b"")[_GENERIC.size :])
    return _big(found.get(_ENTRIES, b"")), _big(found.get(_MAXIMUM, b""))


def _losses(socket: netlink.Socket) -> vitals.Losses:
    """What every processor has counted, together."""
    found: collections.Counter[int] = collections.Counter()
    request = netlink.Request(type=_STATISTICS_CPU, body=_GENERIC.pack(0, 0, 0), doing="reading the counters of flows")
    for body in socket.dump(request):
        found.update({kind: _big(value) for kind, value in netlink.attributes(body[_GENERIC.size :]).items()})
    return vitals.Losses(dropped=found[_DROP], clashed=found[_INSERT_FAILED], displaced=found[_EARLY_DROP])


def _big(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _neighbours() -> Iterator[vitals.Neighbour]:
    request = netlink.Request(type=_GET_NEIGHBOURS, body=_NEIGHBOUR.pack(0, 0, 0, 0, 0), doing="listing neighbours")
    with netlink.Socket() as socket:
        bodies = socket.dump(request)
    for body in bodies:
        _, _, state, _, _ = _NEIGHBOUR.unpack_from(body)
        if state & (_INCOMPLETE | _FAILED):
            found = netlink.attributes(body[_NEIGHBOUR.size :])
            _, used, _, _ = _CACHE_INFO.unpack_from(found[_CACHE])
            yield vitals.Neighbour(
                address=str(ipaddress.ip_address(found[_DESTINATION])),
                asking=bool(state & _INCOMPLETE),
                idle=used / _TICKS,
            )


def _flows(socket: netlink.Socket) -> Iterator[vitals.Crowd]:
    """The ends that many flows lead to from one address of ours."""
    for end, count in conntrack.ends(socket).items():
        if count >= TRANSLATED // _SHARE:
            protocol, source, address, port = conntrack.read_end(end)
            yield vitals.Crowd(
                protocol=_PROTOCOLS.get(protocol, ""),
                source=str(source),
                address=str(address),
                port=port,
                count=count,
                room=TRANSLATED,
                translated=True,
            )


def _sockets() -> Iterator[vitals.Crowd]:
    """The ends that many sockets of this namespace lead to from one address."""
    open_now = _open("sockstat") + _open("sockstat6")
    room = _room()
    if open_now < room // _SHARE:
        return
    ends: collections.Counter[tuple[int, bytes]] = collections.Counter()
    with netlink.Socket(_DIAGNOSE) as socket:
        for family in _FAMILIES:
            body = _ASK_SOCKETS.pack(family, _TCP, 0, _NOT_LISTENING)
            request = netlink.Request(
                type=_BY_FAMILY, body=body, doing="listing sockets", accept=frozenset({errno.ENOENT})
            )
            # After the port of ours come the other's, the address of ours and the other's: all that makes a crowd.
            ends.update((family, found[6:40]) for found in socket.dump(request))
    for (family, end), count in ends.items():
        if count >= room // _SHARE:
            size = _FAMILIES[family]
            yield vitals.Crowd(
                protocol=_PROTOCOLS[_TCP],
                source=str(ipaddress.ip_address(end[2 : 2 + size])),
                address=str(ipaddress.ip_address(end[18 : 18 + size])),
                port=_big(end[:2]),
                count=count,
                room=room,
                translated=False,
            )


def _room() -> int:
    """How many ports a socket that has none is given one of."""
    first, last = map(int, _RANGE.read_text().split())
    return last - first + 1


def _open(name: str) -> int:
    """The sockets of TCP that are open, and those that wait for what may still be under way (TIME_WAIT)."""
    with contextlib.suppress(FileNotFoundError):
        return sum(_numbers((_NET / name).read_text().splitlines()))
    return 0


def _numbers(lines: Iterable[str]) -> Iterator[int]:
    for line in lines:
        kind, _, rest = line.partition(": ")
        if kind in {"TCP", "TCP6"}:
            words = rest.split()
            values = dict(zip(words[::2], map(int, words[1::2]), strict=False))
            yield values.get("inuse", 0) + values.get("tw", 0)
