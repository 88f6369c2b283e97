"""One provider made of two: what carries connections, and what carries datagrams, of the same load balancer.

A UDP or SCTP listener has only UDP or SCTP pools, and no other listener has one (OCTAVIA-SPEC 4.1): so a tree falls
into two that share nothing but the load balancer, and each half is carried by a provider that never hears of the other.
Promises: each half is converged, whatever becomes of the other; what is told of the whole is what both tell. Knows
providers only by `vipool.providers.base`. The metrics of both are on one page (`pages`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from vipool.core import enabled, exposition, offers
from vipool.model import healthmonitor, l7policy, l7rule, listener, member, pool, spec, tree, wiring
from vipool.providers import base, pages

# On 127.0.0.1 of each namespace, where no listener is; the port before is that of HAProxy's peers.
METRICS = base.Ports(whole=1026, part=1027)


def stream(wanted: tree.Tree) -> tree.Tree:
    """The half that is carried by connections, and every row that says nothing of it."""
    ids = _datagram_ids(wanted)
    return wanted.keep(lambda row: not _belongs(row, ids)) if ids else wanted


def datagram(wanted: tree.Tree) -> tree.Tree | None:
    """The half that is carried by datagrams; None where there is nothing of it, which is the usual case."""
    ids = _datagram_ids(wanted)
    return wanted.keep(lambda row: _belongs(row, ids)) if ids else None


def _datagram_ids(wanted: tree.Tree) -> frozenset[str]:
    """The ids of the listeners, their policies, and the pools of the half for datagrams."""
    fronts = frozenset(each.id for each in wanted.listeners if each.protocol.transport != "TCP")
    policies = frozenset(each.id for each in wanted.l7policies if each.listener_id in fronts)
    return fronts | policies | frozenset(each.id for each in wanted.pools if each.protocol.transport != "TCP")


def _belongs(row: tree.Child, ids: frozenset[str]) -> bool:
    """Whether a row belongs to these listeners, policies and pools, or is one of them."""
    match row:
        case listener.Listener() | pool.Pool() | l7policy.L7Policy():
            return row.id in ids
        case member.Member() | healthmonitor.HealthMonitor():
            return row.pool_id in ids
        case l7rule.L7Rule():
            return row.l7policy_id in ids
        case _:
            assert_never(row)


class Capabilities:
    """What both together can do. Flavors and zones are those of the first, which is asked about every load balancer."""

    def __init__(self, streams: base.Capabilities, datagrams: base.Capabilities) -> None:
        self._streams, self._datagrams = streams, datagrams
        self.name = streams.name
        self.description = f"{streams.description} {datagrams.description}"
        self.flavors: Mapping[str, offers.Offer] = streams.flavors
        self.zones: Mapping[str, offers.Offer] = streams.zones

    def refuse(self, wanted: tree.Tree) -> str | None:
        """See `vipool.providers.base.Capabilities.refuse`."""
        reason = self._streams.refuse(stream(wanted))
        other = datagram(wanted)
        return self._datagrams.refuse(other) if reason is None and other is not None else reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What carries both halves on a node."""

    streams: base.Engine
    datagrams: base.Engine
    whole: pages.Pages = field(default_factory=pages.Pages)

    def rules(self, place: base.Place, wanted: tree.Tree) -> wiring.Rules:
        """See `vipool.providers.base.Engine.rules`."""
        first = self.streams.rules(place, stream(wanted))
        other = datagram(wanted)
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
        other = datagram(wanted)
        ports = metrics(wanted)
        if ports is not None:
            self.whole.serve(place, ports)
        else:
            self.whole.forget(place)
        try:
            said = self.streams.converge(replace(place, metrics=ports), stream(wanted), materials)
        finally:
            more = self.datagrams.converge(place, _or_nothing(wanted, other))
        return "; ".join(filter(None, (said, more)))

    def observe(self, place: base.Place, wanted: tree.Tree) -> spec.Observation | None:
        """See `vipool.providers.base.Engine.observe`."""
        first = self.streams.observe(place, stream(wanted))
        other = datagram(wanted)
        second = None if other is None else self.datagrams.observe(place, other)
        if other is not None:
            self.whole.tell(place, exposition.page(other, second))
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


def metrics(wanted: tree.Tree) -> base.Ports | None:
    """The ports of metrics, where a listener tells of both halves."""
    tells = any(each.protocol is listener.Protocol.PROMETHEUS for each in enabled.listeners(wanted))
    return METRICS if tells and datagram(wanted) is not None else None


def _or_nothing(wanted: tree.Tree, half: tree.Tree | None) -> tree.Tree:
    return tree.Tree(loadbalancer=wanted.loadbalancer) if half is None else half
