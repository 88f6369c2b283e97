"""How often: delays after a failure, and intervals of looking that cost a bounded share of a core.

Promises: pure arithmetic; times are in seconds.
"""

import math
import zlib

RETRY = (1.0, 60.0)
"""The first and the longest delay after a failure."""

NOT_NOW = (0.1, 5.0)
"""The same for something that will be possible soon."""

PATIENCE = 30.0
"""How long something may stay impossible for the moment before people are told why."""

WATCH = 0.25
"""Between two questions whether every process lives: a dead one must be back within a second."""

OBSERVE = 1.0
"""Between two looks at one load balancer's data plane, as long as there are few."""

COUNTERS = 5.0
"""The least time between two reports of one load balancer in which nothing but counters changed."""

SHARE = 0.015
"""The share of a core that looking at data planes may cost, however many there are."""

AUDIT = {"network": 60.0, "router": 60.0, "plug": 15.0, "loadbalancer": 300.0}
"""Between two looks at an item of which nothing is known to have changed.

A plug is looked at more often: what it is plugged into is somebody else's, and comes and goes without our knowing.
"""


def delay(bounds: tuple[float, float], failures: int) -> float:
    """The delay after so many failures in a row: doubled each time, between the bounds."""
    first, longest = bounds
    return min(longest, first * 2.0 ** min(max(0, failures - 1), 30))


def interval(count: int, cost: float) -> float:
    """Between two looks at each of `count` load balancers, when one look costs `cost` seconds of processor time."""
    return max(OBSERVE, count * cost / SHARE)


def portion(count: int, cost: float) -> int:
    """How many of `count` load balancers to look at in one go, so that all have their turn in an interval.

    All of them at once would keep whatever else is to be done waiting. Half as many again, as some rounds are late.
    """
    return math.ceil(1.5 * count * WATCH / interval(count, cost))


def spread(period: float, identifier: str) -> float:
    """The period, longer by up to a quarter: always the same for one id, so that many items do not fall due at once."""
    return period * (1 + zlib.crc32(identifier.encode()) / 2**32 / 4)
