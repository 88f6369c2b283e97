"""Which observations are news: states and conditions at once, numbers now and then.

Promises: pure.
"""

from dataclasses import dataclass

from vipool.agent import pace
from vipool.core import conditions
from vipool.model import spec

NOTHING = spec.Observation(frontends={}, backends={}, servers={}, counters={})
"""What is seen where nothing runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The observation that was reported last of one load balancer, and when."""

    observation: spec.Observation
    at: float


def is_news(told: Told | None, seen: spec.Observation, now: float) -> bool:
    """Whether an observation is worth a report, given the last one."""
    if told is None:
        return True
    if states(told.observation) != states(seen):
        return True
    before = told.observation
    changed = (counted(before), before.conditions) != (counted(seen), seen.conditions)
    return changed and now - told.at >= pace.COUNTERS


def states(seen: spec.Observation) -> tuple[object, ...]:
    """What of an observation is reported as soon as it changes: of conditions, which there are."""
    return seen.frontends, seen.backends, seen.servers, frozenset(map(conditions.key, seen.conditions or ()))


def counted(seen: spec.Observation) -> tuple[object, ...]:
    """What of an observation is reported now and then."""
    return seen.counters, seen.members


def is_busy(told: Told | None, seen: spec.Observation | None) -> bool:
    """Whether connections are open, or anything was counted since the last report."""
    if told is None or seen is None:
        return seen is not None
    return seen.counters != told.observation.counters or any(each.active_connections for each in seen.counters.values())
