"""What the suite is about: one provider, by what makes its two halves."""

from collections.abc import Callable
from dataclasses import dataclass

from vipool.providers import base


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One provider under test.

    `engine` is called once for each agent that the suite plays: a second engine beside the first is an agent that was
    started again, and must find everything on the node. With `packets` false it carries nothing and remembers what it
    did by itself: there are then no namespaces, no traffic and no second agent.
    """

    name: str
    capabilities: Callable[[], base.Capabilities]
    engine: Callable[[], base.Engine]
    packets: bool = True
