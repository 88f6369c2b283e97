"""How new flows are shared out: a row of slots, each with the number of a member, in proportion to their weights.

`turns` is a row to count through, `homes` one to hash into. Promises: pure; the same row for the same members, whatever
came before; each of a dozen members has its share to within one slot. In `homes` most slots stay with their member when
another comes or goes: that is the point of it. Knows no packets.
"""

import hashlib
import heapq
import math
from collections.abc import Iterator, Mapping

LEAST = 1024
"""The fewest slots of a row that is hashed into, and the most of one whose shares come out even."""

# With fewer slots than this for each member, shares differ by more than an eighth of the smallest.
_EACH = 8
# The more slots there are, the fewer move when members change, and the longer they take to load: twice as long.
# Another number of slots is another row altogether, so that there are three numbers for all but the largest pools.
# Without privileges no more than 208 kB can be sent to the kernel in one transaction (net.core.wmem_default), and each
# slot takes 44 bytes: so pools of up to 64 have fewer than 5,000, and hardly more clients move than with twice as many.
_FEW, _SIZES, _MOST = 12, ((12, LEAST), (64, 4096)), 8192
# So much more than its share may one of many have, where shares are not small: evenness moves clients.
_SPARE, _MANY = 4, 256
_GOLDEN = (math.sqrt(5) - 1) / 2


def turns(weights: Mapping[int, int]) -> tuple[int, ...]:
    """The members in the order in which they have their turns; weights are positive."""
    divisor = math.gcd(*weights.values())
    exact = {number: weight // divisor for number, weight in weights.items()}
    if sum(exact.values()) <= LEAST:
        return spread(exact)
    return spread(quotas(weights, max(LEAST, _EACH * len(weights))))


def homes(weights: Mapping[int, int]) -> tuple[int, ...]:
    """The member at home in each slot; their number is a power of two, and weights are positive.

    Each member has an order of its own in which it would like to have the slots, and says its next wish the sooner the
    greater its share; who says one first has the slot. A wish that is lost is not made up for, as it is in the rows of
    "Maglev" (Eisenbud and others, NSDI 2016, section 3.4): so a member that comes changes nothing but what it gets, as
    in rendezvous hashing (Thaler and Ravishankar, 1998). Only who has its share wishes no more, and who has nothing yet
    goes before.
    """
    count = len(weights)
    usual = next((size for most, size in _SIZES if count <= most), _MOST)
    size = 1 << (max(usual, _EACH * count) - 1).bit_length()
    shares = quotas(weights, size)
    spare = _FEW < count <= _MANY
    left = {number: share + share // _SPARE * spare for number, share in shares.items()}
    wishes = {number: _wishes(number, size) for number in shares}
    row: list[int | None] = [None] * size
    empty, waiting = size, [(0.0, number) for number in shares]
    heapq.heapify(waiting)
    while empty:
        time, number = waiting[0]
        slot = next(wishes[number])
        free = row[slot] is None
        if free:
            row[slot], empty = number, empty - 1
            left[number] -= 1
        if not left[number]:
            heapq.heappop(waiting)
        elif free or time > 0:
            heapq.heapreplace(waiting, (time + 1 / shares[number], number))
    return tuple(number for number in row if number is not None)


def spread(shares: Mapping[int, int]) -> tuple[int, ...]:
    """Each member as often as it is its share, evenly between the others."""
    # Begun at parts of the golden ratio, no two of which are near each other: else all would have their turns at once.
    places = (
        ((turn + place * _GOLDEN % 1) / share, number)
        for place, (number, share) in enumerate(sorted(shares.items()))
        for turn in range(share)
    )
    return tuple(number for _, number in sorted(places))


def quotas(weights: Mapping[int, int], size: int) -> dict[int, int]:
    """How many of so many slots each member has: its share, rounded, but one at least. There is room for all."""
    spare, total = size - len(weights), sum(weights.values())
    # One for each first, the rest by weight: what is wanting to the share is given by what is left over.
    wanted = {number: max(0.0, weight * size / total - 1) for number, weight in weights.items()}
    scale = spare / (sum(wanted.values()) or 1.0)
    found = {number: 1 + int(share * scale) for number, share in wanted.items()}
    left = size - sum(found.values())
    by_remainder = sorted(wanted, key=lambda number: (-(wanted[number] * scale % 1), number))
    for number in by_remainder[:left]:
        found[number] += 1
    return found


def _wishes(number: int, size: int) -> Iterator[int]:
    """Every slot once, in the member's own order; their number is a power of two.

    A linear congruence with an odd increment and a factor of 4k + 1 goes through all of them (Hull and Dobell, 1962).
    Steps of one width would do so too, but two members whose steps are alike would meet again and again.
    """
    digest = int.from_bytes(hashlib.sha256(number.to_bytes(8, "big")).digest(), "big")
    slot, increment = digest % size, digest // size % size | 1
    factor = 5 + 4 * (digest // size**2 % (size // 4 - 1))
    for _ in range(size):
        yield slot
        slot = (factor * slot + increment) % size
