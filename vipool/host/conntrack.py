"""The flows a namespace's kernel remembers: which of ours there are, how many, and the end of some of them.

Promises: reads the kernel's own table and changes nothing but by `end`; a flow that is gone already is no error.
Layouts are those of linux/netfilter/nfnetlink_conntrack.h. Decides nothing.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import ipaddress
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from vipool.host import namespaces, netlink

_GET, _DELETE = (1 << 8) | 1, (1 << 8) | 2
_GENERIC = struct.Struct(">BBH")
_ORIGINAL, _REPLY, _STATE, _MARK, _ID = 1, 2, 4, 8, 12
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_SOURCES, _DESTINATIONS = (1, 3), (2, 4)  # of IPv4, of IPv6
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_ATTRIBUTE, _PORT = 4, 8  # bytes: the head of an attribute, and one that is a port, padded
_PORT_ANSWERING = struct.pack("=HH", _ATTRIBUTE + 2, _SOURCE_PORT)
# What the state of a connection is in, as linux/netfilter/nfnetlink_conntrack.h nests it: of TCP and of SCTP.
_TCP_STATE, _SCTP_STATE = 1, 3
# The states in which both ends have not greeted yet, and those of what is over: of nf_conntrack_tcp.h SYN_SENT is 1,
# SYN_RECV 2, SYN_SENT2 9, TIME_WAIT 7, CLOSE 8; of nf_conntrack_sctp.h COOKIE_WAIT 2, COOKIE_ECHOED 3, CLOSED 1.
_OPENING = {_TCP_STATE: frozenset((0, 1, 2, 9)), _SCTP_STATE: frozenset((0, 2, 3))}
_OVER = {_TCP_STATE: frozenset((7, 8)), _SCTP_STATE: frozenset((1,))}
_HEADER = struct.Struct("=HH")
_COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
End: TypeAlias = tuple[Address, int]
"""An address and a port, which is 0 where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One flow with a mark: its IP protocol number, who asks and whom, who answers and whom.

    Where nothing is translated, `called` is `answering` and `answered` is `asking`.
    """

    mark: int
    protocol: int
    asking: End
    called: End
    answering: End
    answered: End
    _key: tuple[int, bytes] = field(repr=False)


def marked(reference: str) -> tuple[Flow, ...]:
    """The flows of the namespace whose mark is not 0. Raises `errors.HostError`."""
    return namespaces.call(reference, _marked_here)


def counts(reference: str) -> dict[int, int]:
    """How many flows of the namespace are open, by their mark, which is not 0. Raises `errors.HostError`.

    Of a connection that is over the kernel remembers for two minutes that it was: such are not counted. One that is not
    open yet counts nothing, but its mark is there. A fifth of what `marked` costs where there are many: for 10,000
    flows 45 ms of processor time, 10 of them to look through the table.
    """
    return namespaces.call(reference, counts_here)


def end(reference: str, flows: Iterable[Flow]) -> None:
    """Forget these flows: what comes of one next is judged as the first packet of a new one. Raises as `marked`."""
    requests = [_deletion(flow) for flow in flows]
    if requests:
        namespaces.call(reference, lambda: _run_here(requests))


def ends(socket: netlink.Socket) -> Mapping[bytes, int]:
    """How many flows of the socket's namespace are answered by each end towards each address of ours.

    The keys are `read_end`'s to read: of a quarter of a million flows only those of the few that matter are.
    """
    request = netlink.Request(type=_GET, body=_GENERIC.pack(0, 0, 0), doing="listing flows")
    return collections.Counter(filter(None, map(_end, socket.dump(request))))


def _end(body: bytes) -> bytes:
    """The reply direction without its last attribute, the port it goes to; empty where there are no ports."""
    start = _GENERIC.size
    start += (int.from_bytes(body[start : start + 2], sys.byteorder) + 3) & ~3  # after the original direction
    length = int.from_bytes(body[start : start + 2], sys.byteorder)
    reply = body[start + _ATTRIBUTE : start + length - _PORT]
    return reply if reply[-_PORT:-_ATTRIBUTE] == _PORT_ANSWERING else b""


def read_end(end: bytes) -> tuple[int, Address, Address, int]:
    """The IP protocol number, the address of ours, and the address and port of who answers it."""
    protocol, answering, answered = _ends(end)
    return protocol, answered[0], *answering


def _marked_here() -> tuple[Flow, ...]:
    return tuple(flow for flow in map(_read, _listed_here()) if flow is not None)


def _listed_here() -> list[bytes]:
    # Listing looks through the table of the whole machine, 10 to 20 ms for a quarter of a million buckets; how many
    # there are here costs nothing.
    with contextlib.suppress(FileNotFoundError):
        if _COUNT.read_text().strip() == "0":
            return []
    request = netlink.Request(type=_GET, body=_GENERIC.pack(0, 0, 0), doing="listing flows")
    with netlink.Socket(netlink.NETFILTER) as socket:
        return socket.dump(request)


def counts_here() -> dict[int, int]:
    """As `counts`, in the calling thread's namespace."""
    found: dict[bytes, int] = {}
    for body in _listed_here():
        mark, count = _counted(body)
        if mark:
            found[mark] = found.get(mark, 0) + count
    return {number: count for mark, count in found.items() if (number := int.from_bytes(mark, "big"))}


def _counted(body: bytes) -> tuple[bytes, int]:
    """The mark of a flow and what it counts, no mark when it is over. The attributes are walked and not read: there may
    be many."""
    position, size, mark = _GENERIC.size, len(body), b""
    while position < size:
        length, kind = _HEADER.unpack_from(body, position)
        kind &= netlink.TYPE_MASK
        if kind == _MARK:
            mark = body[position + 4 : position + 8]
        elif kind == _STATE:
            # Two headers, then the state: each protocol's nest begins with it.
            nest, state = _HEADER.unpack_from(body, position + 4)[1] & netlink.TYPE_MASK, body[position + 12]
            over, opening = state in _OVER.get(nest, ()), state in _OPENING.get(nest, ())
            return (b"", 0) if over else (mark, 0 if opening else 1)
        position += (length + 3) & ~3
    return mark, 1


def _read(body: bytes) -> Flow | None:
    found = netlink.attributes(body[_GENERIC.size :])
    mark = int.from_bytes(found.get(_MARK, b""), "big")
    if not mark:
        return None
    protocol, asking, called = _ends(found[_ORIGINAL])
    _, answering, answered = _ends(found[_REPLY])
    key = netlink.nested(_ORIGINAL, found[_ORIGINAL]) + netlink.attribute(_ID, found[_ID])
    return Flow(
        mark=mark,
        protocol=protocol,
        asking=asking,
        called=called,
        answering=answering,
        answered=answered,
        _key=(body[0], key),
    )


def _ends(way: bytes) -> tuple[int, End, End]:
    """The protocol of one direction of a flow, where its packets come from and where they go."""
    parts = netlink.attributes(way)
    addresses, protocol = netlink.attributes(parts[_TUPLE_IP]), netlink.attributes(parts[_TUPLE_PROTOCOL])

    def end(kinds: tuple[int, int], port: int) -> End:
        address = next(addresses[kind] for kind in kinds if kind in addresses)
        return ipaddress.ip_address(address), int.from_bytes(protocol.get(port, b""), "big")

    return protocol[_NUMBER][0], end(_SOURCES, _SOURCE_PORT), end(_DESTINATIONS, _DESTINATION_PORT)


def _deletion(flow: Flow) -> netlink.Request:
    family, key = flow._key
    return netlink.Request(
        type=_DELETE,
        body=_GENERIC.pack(family, 0, 0) + key,
        doing="ending a flow",
        accept=frozenset({errno.ENOENT}),
    )


def _run_here(requests: list[netlink.Request]) -> None:
    with netlink.Socket(netlink.NETFILTER) as socket:
        socket.run(requests)
