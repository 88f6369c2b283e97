"""Which of the flows that the kernel remembers lead somewhere no longer.

The kernel translates a flow that it knows without asking the rules, and a UDP flow lasts as long as its client sends:
so what led to a member that is gone must be ended, and its next packet finds another, or is answered with a reset where
it is one of TCP. Promises: pure. A flow stays with its member while the listener is served and the member is of its
pool and not known to be down; a drained one keeps its flows. One out of service keeps its connections and SCTP
associations, which end by themselves, but no UDP flows, which might not. Where the flavor says so, connections stay
with their member whatever becomes of it, as long as the listener is served. A client that its member saw is not kept
where the pool does not preserve addresses any more: nobody would bring the answers back.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from vipool.core import enabled
from vipool.host import conntrack, prodding
from vipool.model import listener, member, pool, tree, types
from vipool.providers.nftables import render, streams
from vipool.providers.probing import sctp

UDP = 17
_PROTOCOLS = {"TCP": streams.TCP, "UDP": UDP, "SCTP": sctp.PROTOCOL}

Way: TypeAlias = tuple[int, int, tuple[conntrack.Address, int]]
"""The mark of a listener with a member, its protocol's number, and the address and port that answer."""

Door: TypeAlias = tuple[int, tuple[conntrack.Address, int]]
"""A protocol's number, with the address and port that a listener is called at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which flows stay: those of these ways, those that are `left` to themselves (by their listeners' doors), and where
    members saw the client, only those whose marks are `seen` through."""

    ways: frozenset[Way]
    left: frozenset[Door]
    seen: frozenset[int]

    def keeps(self, flow: conntrack.Flow) -> bool:
        """Whether a flow of ours stays."""
        if flow.answered == flow.asking and flow.mark not in self.seen:
            return False
        return (flow.mark, flow.protocol, flow.answering) in self.ways or (flow.protocol, flow.called) in self.left

    def stale(self, found: Iterable[conntrack.Flow]) -> tuple[conntrack.Flow, ...]:
        """The flows of ours that are to be ended."""
        return tuple(each for each in found if not self.keeps(each))

    def covers(self, before: "Kept") -> bool:
        """Whether every flow stays that stayed before: then there is none to look for."""
        return self.ways >= before.ways and self.left >= before.left and self.seen >= before.seen


def kept(wanted: tree.Tree, down: Collection[str]) -> Kept:
    """Which flows of a tree stay, `down` being the members that do not answer."""
    numbers, fronts = render.ways(wanted), tuple(enabled.listeners(wanted))
    behind = {front.id: enabled.pool_of(wanted, front.default_pool_id) for front in fronts}
    seen = {name for name, back in behind.items() if back and back.preserve_client_ip}
    left = set() if streams.resets(wanted) else {front.id for front in fronts if streams.carried(front)}
    return Kept(
        ways=frozenset(
            (numbers[front.id, each.id], protocol, end)
            for front in fronts
            if (back := behind[front.id]) is not None
            for each, protocol, end in _to(wanted, back, () if front.id in left else down)
        ),
        # Nobody brings back what a member answers that is deleted.
        left=frozenset(door for front in fronts if front.id in left - seen for door in _doors(wanted, front)),
        seen=frozenset(number for (front_id, _), number in numbers.items() if front_id in seen),
    )


def _doors(wanted: tree.Tree, front: listener.Listener) -> Iterator[Door]:
    """Where the connections of a listener come to: that tells whose they are, whatever became of the member."""
    for vip in wanted.loadbalancer.vips:
        yield streams.TCP, (types.address(vip), front.protocol_port)


def _to(
    wanted: tree.Tree, back: pool.Pool, down: Collection[str]
) -> Iterator[tuple[member.Member, int, tuple[conntrack.Address, int]]]:
    """The members that keep the flows they have, each with its protocol and the end that answers."""
    protocol = _PROTOCOLS[back.protocol.transport]
    for each in wanted.members_of(back.id):
        if each.id not in down and (each.admin_state_up or protocol != UDP):
            yield each, protocol, (types.address(each.address), each.protocol_port)


def ways(ended: Iterable[conntrack.Flow]) -> Iterator[prodding.Way]:
    """Who must be made to speak that the kernel has forgotten: both ends of each connection, as if by the other."""
    for flow in ended:
        if flow.protocol == streams.TCP:
            yield flow.called, flow.asking
            yield flow.answered, flow.answering
