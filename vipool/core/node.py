"""What the items of a node mean for the machine as a whole: the order to go in, and what then belongs there.

Promises: pure. Says nothing of a single item's inside: see `vipool.core.attach` and `vipool.core.router`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from vipool.core import attach, guard, router
from vipool.model import spec, wiring

Key: TypeAlias = tuple[str, str]
"""The kind of an item, as `spec.KINDS` names it, with its id."""

_MAKING = ("network", "router", "plug", "loadbalancer")
_REMOVING = tuple(reversed(_MAKING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """What of vipool's is on a node, or belongs there: names of namespaces, bridges and taps, ids of load balancers."""

    namespaces: frozenset[str] = frozenset()
    bridges: frozenset[str] = frozenset()
    taps: frozenset[str] = frozenset()
    loadbalancers: frozenset[str] = frozenset()

    def without(self, others: "Belongings") -> "Belongings":
        """What is here and not there."""
        return Belongings(
            namespaces=self.namespaces - others.namespaces,
            bridges=self.bridges - others.bridges,
            taps=self.taps - others.taps,
            loadbalancers=self.loadbalancers - others.loadbalancers,
        )


def key(item: spec.Item) -> Key:
    """What an item is known by."""
    match item:
        case spec.Network():
            return "network", item.id
        case spec.Router():
            return "router", item.id
        case spec.Plug():
            return "plug", item.id
        case spec.LoadBalancer():
            return "loadbalancer", item.id
    assert_never(item)


def order(item: spec.Item) -> tuple[bool, int]:
    """A sort key: what goes goes first, the load balancers before the networks they are on; what comes comes after,
    the networks before the load balancers. An address or a tap that moves is thus free before it is wanted again.
    """
    ranks = _REMOVING if item.absent else _MAKING
    return not item.absent, ranks.index(key(item)[0])


def namespace(item: spec.Item) -> wiring.Namespace | None:
    """The namespace an item must be, None where it needs none; of a load balancer without what its engine asks for.

    Raises attach.Unwirable.
    """
    match item:
        case spec.Network():
            return None
        case spec.Router():
            return router.namespace(item)
        case spec.Plug():
            return attach.plug(item)
        case spec.LoadBalancer():
            return loadbalancer(item, wiring.NO_RULES)
    assert_never(item)


def loadbalancer(item: spec.LoadBalancer, rules: wiring.Rules) -> wiring.Namespace:
    """The namespace of a load balancer, with the filter of its port and the rules that its engine asks for.

    Raises attach.Unwirable.
    """
    ingress = item.vip.ingress if item.vip else None
    filtering = guard.render(ingress, tracking=rules.tracking)
    return replace(attach.loadbalancer(item), ruleset=filtering + rules.ruleset, forwarding=rules.forwarding)


def belongings(items: Iterable[spec.Item]) -> Belongings:
    """What these items claim on the node, those that are going too: they are taken away one by one, with a report.

    Raises attach.Unwirable for an id that cannot be part of a name.
    """
    all_of_them = tuple(items)
    own = (attach.bridge(item.segment) for item in all_of_them if isinstance(item, spec.Network))
    return Belongings(
        namespaces=frozenset(name for item in all_of_them if (name := own_namespace(item))),
        bridges=frozenset(bridge.name for bridge in own if not bridge.foreign),
        taps=frozenset(attach.short("tap", port.port_id) for item in all_of_them for port in ports(item)),
        loadbalancers=frozenset(item.id for item in all_of_them if isinstance(item, spec.LoadBalancer)),
    )


def own_namespace(item: spec.Item) -> str | None:
    """The name of the namespace that exists for this item alone, None for kinds that have none."""
    match item:
        case spec.Router():
            return router.namespace_name(item.id)
        case spec.LoadBalancer():
            return attach.loadbalancer_namespace(item.id)
        case spec.Network() | spec.Plug():
            return None
    assert_never(item)


def ports(item: spec.Item) -> tuple[spec.Attachment, ...]:
    """Every port of an item."""
    match item:
        case spec.Network():
            return ()
        case spec.Router():
            return (*item.interfaces, item.gateway) if item.gateway else item.interfaces
        case spec.Plug():
            return (item.port,)
        case spec.LoadBalancer():
            return (item.vip,) if item.vip else ()
    assert_never(item)
