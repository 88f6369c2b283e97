"""Which of the flows that the kernel remembers lead somewhere no longer.

The kernel translates a flow that it knows without asking the rules, and a UDP flow lasts as long as its client sends:
so what led to a member that is gone must be ended, and its next packet finds another. Promises: pure. A flow stays with
its member while the listener is served and the member is of its pool and not known to be down; a drained one keeps its
flows. One out of service keeps its SCTP associations, which end by themselves, but no UDP flows, which might not.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from vipool.host import conntrack
from vipool.model import listener, tree
from vipool.providers.nftables import render, rotation, sctp

UDP = 17

Way: TypeAlias = tuple[int, int, tuple[conntrack.Address, int]]
"""The mark of a listener, its protocol's number, and an address and port that answer."""


def stale(wanted: tree.Tree, down: Collection[str], found: Iterable[conntrack.Flow]) -> tuple[conntrack.Flow, ...]:
    """The flows of ours that are to be ended."""
    ways = frozenset(_ways(wanted, down))
    return tuple(each for each in found if (each.mark, each.protocol, each.answering) not in ways)


def _ways(wanted: tree.Tree, down: Collection[str]) -> Iterator[Way]:
    """Every way a flow may have."""
    numbers = render.numbers(wanted)
    for front in rotation.fronts(wanted):
        yield from _of(wanted, front, numbers, down)


def _of(
    wanted: tree.Tree, front: listener.Listener, numbers: Mapping[str, int], down: Collection[str]
) -> Iterator[Way]:
    back = rotation.answering(wanted, front)
    datagrams = front.protocol is listener.Protocol.UDP
    for each in wanted.members_of(back.id) if back else ():
        if each.id not in down and (each.admin_state_up or not datagrams):
            end = (ipaddress.ip_address(each.address), each.protocol_port)
            yield numbers[front.id], UDP if datagrams else sctp.PROTOCOL, end
