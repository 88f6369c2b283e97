"""The seam between vipool and a way of carrying traffic: two small Protocols.

A provider package says what it can do (``Capabilities``, pure, asked at admission) and how it acts on a node
(``Engine``).  The core knows providers only through these.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from vipool.core import offers
from vipool.model import spec, tree, wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where metrics are told over HTTP on 127.0.0.1 of the namespace: the `whole` page of a load balancer by the node,
    and an engine's `part` of it, to the node and, while that does not answer, to clients."""

    whole: int
    part: int


OF_METRICS = ("metrics", "exporter")
"""What the ways of the whole page, and of an engine's part, may be called in the engine's own metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the engine of one load balancer lives on this node: its namespace's name and its own directory.

    `metrics` are given when another engine carries a part of the load balancer, and a listener tells metrics.
    """

    namespace: str
    directory: str
    metrics: Ports | None = None


GONE = "its process is gone"
"""The reason to converge again where what carried the traffic has ended by itself."""


class Broken(Exception):
    """The desired state cannot be realised as it is: the sentence becomes the load balancer's fault."""


class NotNow(Exception):
    """It cannot be realised at the moment; trying again later may work."""


class Capabilities(Protocol):
    """What a provider can do."""

    name: str
    description: str
    flavors: Mapping[str, offers.Offer]
    """What flavor profiles may choose, by the key they choose it under."""
    zones: Mapping[str, offers.Offer]
    """The same for availability zone profiles."""

    def refuse(self, wanted: tree.Tree) -> str | None:
        """The sentence that says why this tree cannot be carried, or None when it can."""


class Engine(Protocol):
    """The hand of a provider on a node.  Every call is safe to repeat, and reads the truth from the node itself."""

    def rules(self, place: Place, wanted: tree.Tree) -> wiring.Rules:
        """What of the tree's traffic the kernel is to carry, as the packet rules of the namespace.

        Whoever wires the namespace loads them, beside what else belongs there, before `converge` is called.  The same
        for the same tree, until `watch` says that the place must be converged again.
        """

    def converge(self, place: Place, wanted: tree.Tree, materials: Mapping[str, str] = spec.NO_MATERIALS) -> str:
        """Carry the tree's traffic by the cheapest change that does it; returns what was done, in a few words.

        Called when the namespace has its addresses and rules.  ``materials`` are those of the item
        (``spec.LoadBalancer``); a listener that cannot be served for want of one is left out.  Raises Broken or NotNow;
        the last good state then keeps serving.
        """

    def observe(self, place: Place, wanted: tree.Tree) -> spec.Observation | None:
        """What the data plane says now, or None when nothing runs."""

    def remove(self, place: Place) -> None:
        """Stop everything of this load balancer and remove its files."""

    def watch(self, places: Sequence[Place]) -> Mapping[str, str]:
        """The namespaces among these that must be converged again, each with the reason: a process is not running
        though it should be, or what became of members asks for other rules."""


class Checker(Protocol):
    """What checks members for an engine that does not speak what their monitors ask for: TLS, requests of HTTP.

    An engine is given one where it is built.  Every call is safe to repeat.
    """

    def assign(self, place: Place, wanted: tree.Tree, down: Collection[str]) -> str:
        """Check the members of every pool of the tree as its monitor says, and no others; what was done, in words.

        A member whose standing is not known yet begins up, but those of `down`. Raises Broken or NotNow; what was
        checked before is then checked on.
        """

    def down(self, place: Place) -> frozenset[str]:
        """The members of a load balancer that were down when somebody looked last (`assign` does, and `watch`)."""

    def forget(self, place: Place) -> None:
        """Check nothing of this load balancer any more, and leave nothing of it on the node."""

    def watch(self, places: Sequence[Place]) -> Mapping[str, str]:
        """Look where there is news; the namespaces among these whose checks must be assigned again, with the reason."""
