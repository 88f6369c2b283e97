"""Which observations are news: states at once, counters now and then.

Promises: pure.
"""

from dataclasses import dataclass

from vipool.agent import pace
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
    return counted(told.observation) != counted(seen) and now - told.at >= pace.COUNTERS


def states(seen: spec.Observation) -> tuple[object, ...]:
    """What of an observation is reported as soon as it changes."""
    return seen.frontends, seen.backends, seen.servers


def counted(seen: spec.Observation) -> tuple[object, ...]:
    """What of an observation is reported now and then."""
    return seen.counters, seen.members
