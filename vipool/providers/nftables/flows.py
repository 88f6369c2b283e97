"""Which of the flows that the kernel remembers lead somewhere no longer.

The kernel translates a flow that it knows without asking the rules, and a UDP flow lasts as long as its client sends:
so what led to a member that is gone must be ended, and its next packet finds another, or is answered with a reset where
it is one of TCP. Promises: pure. A flow stays with its member while the listener is served and the member is of its
pool and not known to be down; a drained one keeps its flows. One out of service keeps its connections and SCTP
associations, which end by themselves, but no UDP flows, which might not. Where the flavor says so, connections stay
with their member whatever becomes of it, as long as the listener is served. A client that its member saw is not kept
where the pool does not preserve addresses any more: nobody would bring the answers back.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from vipool.core import enabled
from vipool.host import conntrack, prodding
from vipool.model import pool, tree, types
from vipool.providers.nftables import streams
from vipool.providers.probing import sctp

UDP = 17
_PROTOCOLS = {"TCP": streams.TCP, "UDP": UDP, "SCTP": sctp.PROTOCOL}

Door: TypeAlias = tuple[int, conntrack.End]
"""A protocol's number, with the address and port that a listener is called at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which flows stay: those of `ends`, by the doors they came to; those that are `left` to themselves; and where
    members saw the client, only those of doors that are `seen` through.

    Who answers is an address and a port: a member with another id at the same end keeps the flows that lead there.
    """

    ends: Mapping[Door, frozenset[conntrack.End]]
    left: frozenset[Door]
    seen: frozenset[Door]

    def keeps(self, flow: conntrack.Flow) -> bool:
        """Whether a flow of ours stays."""
        door = flow.protocol, flow.called
        if flow.answered == flow.asking and door not in self.seen:
            return False
        return flow.answering in self.ends.get(door, ()) or door in self.left

    def stale(self, found: Iterable[conntrack.Flow]) -> tuple[conntrack.Flow, ...]:
        """The flows of ours that are to be ended."""
        return tuple(each for each in found if not self.keeps(each))

    def covers(self, before: "Kept") -> bool:
        """Whether every flow stays that stayed before: then there is none to look for."""
        kept = all(self.ends.get(door, frozenset()) >= ends for door, ends in before.ends.items())
        return kept and self.left >= before.left and self.seen >= before.seen


def kept(wanted: tree.Tree, down: Collection[str]) -> Kept:
    """Which flows of a tree stay, `down` being the members that do not answer."""
    resets = streams.resets(wanted)
    vips = [types.address(vip) for vip in wanted.loadbalancer.vips]
    answering: dict[tuple[str, bool], frozenset[conntrack.End]] = {}
    ends: dict[Door, frozenset[conntrack.End]] = {}
    left: set[Door] = set()
    seen: set[Door] = set()
    for front in enabled.listeners(wanted):
        doors = [(_PROTOCOLS[front.protocol.transport], (vip, front.protocol_port)) for vip in vips]
        back = enabled.pool_of(wanted, front.default_pool_id)
        leaves = not resets and streams.carried(front)
        if back is not None:
            key = back.id, leaves
            if key not in answering:
                answering[key] = frozenset(_ends(wanted, back, () if leaves else down))
            ends.update(dict.fromkeys(doors, answering[key]))
        if back is not None and back.preserve_client_ip:
            seen.update(doors)
        elif leaves:
            # Nobody brings back what a member answers that is deleted: where members see clients, none is left alone.
            left.update(doors)
    return Kept(ends=ends, left=frozenset(left), seen=frozenset(seen))


def _ends(wanted: tree.Tree, back: pool.Pool, down: Collection[str]) -> Iterator[conntrack.End]:
    """The ends of the members that keep the flows they have."""
    udp = _PROTOCOLS[back.protocol.transport] == UDP
    for each in wanted.members_of(back.id):
        if each.id not in down and (each.admin_state_up or not udp):
            yield types.address(each.address), each.protocol_port


def ways(ended: Iterable[conntrack.Flow]) -> Iterator[prodding.Way]:
    """Who must be made to speak that the kernel has forgotten: both ends of each connection, as if by the other."""
    for flow in ended:
        if flow.protocol == streams.TCP:
            yield flow.called, flow.asking
            yield flow.answered, flow.answering
