"""Which of the flows that the kernel remembers lead somewhere no longer.

The kernel translates a flow that it knows without asking the rules, and a UDP flow lasts as long as its client sends:
so what led to a member that is gone must be ended, and its next packet finds another, or is answered with a reset where
it is one of TCP. Promises: pure. A flow stays with its member while the listener is served and the member is of its
pool and not known to be down; a drained one keeps its flows. One out of service keeps its connections and SCTP
associations, which end by themselves, but no UDP flows, which might not. Where the flavor says so, connections stay
with their member whatever becomes of it, as long as the listener is served. A client that its member saw is not kept
where the pool does not preserve addresses any more: nobody would bring the answers back.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from vipool.core import enabled
from vipool.host import conntrack, prodding
from vipool.model import pool, tree
from vipool.providers.nftables import render, streams
from vipool.providers.probing import sctp

UDP = 17
_PROTOCOLS = {"TCP": streams.TCP, "UDP": UDP, "SCTP": sctp.PROTOCOL}

Way: TypeAlias = tuple[int, int, tuple[conntrack.Address, int]]
"""The mark of a listener, its protocol's number, and an address and port that answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which flows stay: those of these ways, those that are `left` to themselves (a listener's mark and a protocol),
    and where members saw the client, only those of listeners that are `seen` through."""

    ways: frozenset[Way]
    left: frozenset[tuple[int, int]]
    seen: frozenset[int]

    def keeps(self, flow: conntrack.Flow) -> bool:
        """Whether a flow of ours stays."""
        if flow.answered == flow.asking and flow.mark not in self.seen:
            return False
        return (flow.mark, flow.protocol, flow.answering) in self.ways or (flow.mark, flow.protocol) in self.left

    def stale(self, found: Iterable[conntrack.Flow]) -> tuple[conntrack.Flow, ...]:
        """The flows of ours that are to be ended."""
        return tuple(each for each in found if not self.keeps(each))

    def covers(self, before: "Kept") -> bool:
        """Whether every flow stays that stayed before: then there is none to look for."""
        return self.ways >= before.ways and self.left >= before.left and self.seen >= before.seen


def kept(wanted: tree.Tree, down: Collection[str]) -> Kept:
    """Which flows of a tree stay, `down` being the members that do not answer."""
    numbers, fronts = render.numbers(wanted), tuple(enabled.listeners(wanted))
    behind = {front.id: enabled.pool_of(wanted, front.default_pool_id) for front in fronts}
    seen = {name for name, back in behind.items() if back and back.preserve_client_ip}
    left = set() if streams.resets(wanted) else {front.id for front in fronts if streams.carried(front)}
    return Kept(
        ways=frozenset(
            (numbers[front.id], *way)
            for front in fronts
            if (back := behind[front.id]) is not None
            for way in _to(wanted, back, () if front.id in left else down)
        ),
        # Nobody brings back what a member answers that is deleted.
        left=frozenset((numbers[each], streams.TCP) for each in left - seen),
        seen=frozenset(numbers[each] for each in seen),
    )


def _to(
    wanted: tree.Tree, back: pool.Pool, down: Collection[str]
) -> Iterator[tuple[int, tuple[conntrack.Address, int]]]:
    """The ways of a pool's flows, but for the mark of their listener."""
    protocol = _PROTOCOLS[back.protocol.transport]
    for each in wanted.members_of(back.id):
        if each.id not in down and (each.admin_state_up or protocol != UDP):
            yield protocol, (ipaddress.ip_address(each.address), each.protocol_port)


def ways(ended: Iterable[conntrack.Flow]) -> Iterator[prodding.Way]:
    """Who must be made to speak that the kernel has forgotten: both ends of each connection, as if by the other."""
    for flow in ended:
        if flow.protocol == streams.TCP:
            yield flow.called, flow.asking
            yield flow.answered, flow.answering
