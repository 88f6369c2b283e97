"""The hand of a provider made of two: each carries its half of a load balancer (`halves`).

Promises: each half is converged, whatever becomes of the other; what is told of the whole is what both tell, and the
metrics of both are on one page (`pages`). Knows providers only by `vipool.providers.base`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vipool.core import enabled, metrics
from vipool.model import listener, spec, tree, wiring
from vipool.providers import base, halves, pages

# On 127.0.0.1 of each namespace, where no listener is; the port before is that of HAProxy's peers.
METRICS = base.Ports(whole=1026, part=1027)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What carries both halves on a node."""

    streams: base.Engine
    datagrams: base.Engine
    whole: pages.Pages = field(default_factory=pages.Pages)

    def rules(self, place: base.Place, wanted: tree.Tree) -> wiring.Rules:
        """See `vipool.providers.base.Engine.rules`."""
        first = self.streams.rules(place, halves.stream(wanted))
        other = halves.datagram(wanted)
        if other is None:
            return first
        second = self.datagrams.rules(place, other)
        return wiring.Rules(
            ruleset=first.ruleset + second.ruleset,
            forwarding=first.forwarding or second.forwarding,
            tracking=first.tracking or second.tracking,
        )

    def converge(self, place: base.Place, wanted: tree.Tree, materials: Mapping[str, str] = spec.NO_MATERIALS) -> str:
        """See `vipool.providers.base.Engine.converge`. Of two troubles the second is told."""
        other = halves.datagram(wanted)
        told = ports(wanted)
        if told is not None:
            self.whole.serve(place, told)
        else:
            self.whole.forget(place)
        try:
            said = self.streams.converge(replace(place, metrics=told), halves.stream(wanted), materials)
        finally:
            more = self.datagrams.converge(place, _or_nothing(wanted, other))
        return "; ".join(filter(None, (said, more)))

    def observe(self, place: base.Place, wanted: tree.Tree) -> spec.Observation | None:
        """See `vipool.providers.base.Engine.observe`."""
        first = self.streams.observe(place, halves.stream(wanted))
        other = halves.datagram(wanted)
        second = None if other is None else self.datagrams.observe(place, other)
        if other is not None:
            self.whole.tell(place, metrics.page(other, second))
        return merged(first, second)

    def remove(self, place: base.Place) -> None:
        """See `vipool.providers.base.Engine.remove`."""
        self.whole.forget(place)
        self.datagrams.remove(place)
        self.streams.remove(place)

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        """See `vipool.providers.base.Engine.watch`."""
        return {**self.datagrams.watch(places), **self.streams.watch(places)}


def merged(one: spec.Observation | None, other: spec.Observation | None) -> spec.Observation | None:
    """What two observations of different rows say together."""
    if one is None or other is None:
        return one or other
    return spec.Observation(
        frontends={**one.frontends, **other.frontends},
        backends={**one.backends, **other.backends},
        servers={**one.servers, **other.servers},
        counters={**one.counters, **other.counters},
        members={**one.members, **other.members},
    )


def ports(wanted: tree.Tree) -> base.Ports | None:
    """The ports of metrics, where a listener tells of both halves."""
    tells = any(each.protocol is listener.Protocol.PROMETHEUS for each in enabled.listeners(wanted))
    return METRICS if tells and halves.datagram(wanted) is not None else None


def _or_nothing(wanted: tree.Tree, half: tree.Tree | None) -> tree.Tree:
    return tree.Tree(loadbalancer=wanted.loadbalancer) if half is None else half
