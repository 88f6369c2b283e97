"""LEAST_CONNECTIONS as a row of slots: who gets the flows that come next, given how many each member has.

Where a member is chosen the kernel does not tell how many flows each has. So the row is made from a count that was
taken some time ago, for about as many flows as are to come until the next: they are shared out as they would be if each
went to the member with the fewest flows for its weight, and none ended. Promises: pure; who has more for its weight
gets no more for it. Counts nothing (`sampler`), and loads nothing.
"""

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vipool.providers.nftables import slots

FEW = 4
"""At least so many flows for each member are to come: with fewer, one that is open for a moment counts too much."""

# Slots of a row, and for each member where there are many. Without privileges no more than 208 kB can be sent to the
# kernel in one transaction (net.core.wmem_default), and each slot takes 44 bytes.
_LEAST, _EACH, _MOST = 256, 8, 4096
# A member's slots are worth a change when they differ by more than this part of its usual share.
_NOTICED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Turning:
    """The members of one pool and address family that take new flows: the name of the map that their row is in, their
    weights by number, and the marks of the flows that each has."""

    name: str
    weights: Mapping[int, int]
    marks: Mapping[int, frozenset[int]]

    @property
    def size(self) -> int:
        """How many slots the row has."""
        return size(len(self.weights))

    def count(self, flows: Mapping[int, int]) -> int:
        """How many of the flows, which are counted by mark, are theirs."""
        return sum(flows.get(mark, 0) for marks in self.marks.values() for mark in marks)

    def row(self, active: Mapping[int, int], begun: int) -> tuple[int, ...]:
        """The row, `active` being the flows by mark, and `begun` how many came of late between two counts."""
        counted = {number: sum(active.get(mark, 0) for mark in self.marks[number]) for number in self.weights}
        wanted = shares(self.weights, counted, max(begun, FEW * len(self.weights)))
        return slots.spread(_whole(wanted, self.size))

    def differs(self, row: Sequence[int], other: Sequence[int]) -> bool:
        """Whether one row is worth being put in the place of the other."""
        total, now, before = sum(self.weights.values()), collections.Counter(row), collections.Counter(other)
        return any(
            abs(now[number] - before[number]) * _NOTICED * total > self.size * weight
            for number, weight in self.weights.items()
        )


def size(members: int) -> int:
    """How many slots the row of so many members has: a power of two."""
    return min(_MOST, 1 << (max(_LEAST, _EACH * members) - 1).bit_length())


def shares(weights: Mapping[int, int], active: Mapping[int, int], coming: float) -> dict[int, float]:
    """How the flows that come are shared out: whoever has least for its weight is filled up first, then with the next.

    Weights are positive.
    """
    emptiest = sorted(weights, key=lambda number: (active[number] / weights[number], number))
    level, weight, held = 0.0, 0, 0
    for number in emptiest:
        if weight and active[number] / weights[number] >= level:
            break
        weight, held = weight + weights[number], held + active[number]
        level = (coming + held) / weight
    return {number: max(0.0, level * weights[number] - active[number]) for number in weights}


def _whole(wanted: Mapping[int, float], size: int) -> dict[int, int]:
    """The shares as numbers of slots: rounded down, the rest to those that lost most."""
    total = sum(wanted.values())
    exact = {number: share * size / total for number, share in wanted.items()}
    found = {number: int(share) for number, share in exact.items()}
    by_remainder = sorted(exact, key=lambda number: (-(exact[number] % 1), number))
    for number in by_remainder[: size - sum(found.values())]:
        found[number] += 1
    return {number: count for number, count in found.items() if count}
