"""Which of the flows that the kernel remembers lead somewhere no longer.

The kernel translates a flow that it knows without asking the rules, and a UDP flow lasts as long as its client sends:
so what led to a member that is gone must be ended, and its next packet finds another, or is answered with a reset where
it is one of TCP. Promises: pure. A flow stays with its member while the listener is served and the member is of its
pool and not known to be down; a drained one keeps its flows. One out of service keeps its connections and SCTP
associations, which end by themselves, but no UDP flows, which might not. Where the flavor says so, connections stay
with their member whatever becomes of it, as long as the listener is served.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from vipool.host import conntrack, prodding
from vipool.model import listener, tree
from vipool.providers.nftables import render, rotation, sctp, streams

UDP = 17
_PROTOCOLS = {"TCP": streams.TCP, "UDP": UDP, "SCTP": sctp.PROTOCOL}

Way: TypeAlias = tuple[int, int, tuple[conntrack.Address, int]]
"""The mark of a listener, its protocol's number, and an address and port that answer."""


def stale(wanted: tree.Tree, down: Collection[str], found: Iterable[conntrack.Flow]) -> tuple[conntrack.Flow, ...]:
    """The flows of ours that are to be ended."""
    ways, left, seen = frozenset(_ways(wanted, down)), frozenset(_left(wanted)), frozenset(_seen(wanted))
    return tuple(
        each
        for each in found
        if ((each.mark, each.protocol, each.answering) not in ways and (each.mark, each.protocol) not in left)
        or (each.answered == each.asking and each.mark not in seen)
    )


def _seen(wanted: tree.Tree) -> Iterator[int]:
    """The marks of the listeners whose clients members see, and answer: of others nobody would bring it back."""
    numbers = render.numbers(wanted)
    for front in rotation.fronts(wanted):
        back = rotation.answering(wanted, front)
        if back is not None and back.preserve_client_ip:
            yield numbers[front.id]


def _left(wanted: tree.Tree) -> Iterator[tuple[int, int]]:
    """The marks and protocol numbers of the listeners whose flows are left to themselves."""
    if not streams.resets(wanted):
        numbers = render.numbers(wanted)
        for front in rotation.fronts(wanted):
            if streams.carried(front):
                yield numbers[front.id], streams.TCP


def _ways(wanted: tree.Tree, down: Collection[str]) -> Iterator[Way]:
    """Every way a flow may have."""
    numbers = render.numbers(wanted)
    for front in rotation.fronts(wanted):
        yield from _of(wanted, front, numbers, down)


def _of(
    wanted: tree.Tree, front: listener.Listener, numbers: Mapping[str, int], down: Collection[str]
) -> Iterator[Way]:
    back = rotation.answering(wanted, front)
    protocol = _PROTOCOLS[front.protocol.transport]
    for each in wanted.members_of(back.id) if back else ():
        if each.id not in down and (each.admin_state_up or protocol != UDP):
            end = (ipaddress.ip_address(each.address), each.protocol_port)
            yield numbers[front.id], protocol, end


def ways(ended: Iterable[conntrack.Flow]) -> Iterator[prodding.Way]:
    """Who must be made to speak that the kernel has forgotten: both ends of each connection, as if by the other."""
    for flow in ended:
        if flow.protocol == streams.TCP:
            yield flow.called, flow.asking
            yield flow.answered, flow.answering
