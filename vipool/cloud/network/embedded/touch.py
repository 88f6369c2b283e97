"""Telling nodes: raising the revision of what they must look at, and remembering what must go."""

from collections.abc import Iterable

from vipool.cloud.network.embedded import compiled
from vipool.model import device, loadbalancer, network, plug, securitygroup, spec
from vipool.model import port as ports
from vipool.model import router as routers
from vipool.store import rows, session


def router(held: session.Session, router_id: str | None) -> None:
    """Make nodes look at a router."""
    if router_id is not None:
        rows.change(held, routers.Router, router_id, {"revision": held.revision()})


def port(held: session.Session, changed: ports.Port) -> None:
    """Make nodes look at what uses a port: its router, its plug, or its load balancer."""
    if changed.device_owner in {device.ROUTER_INTERFACE, device.ROUTER_GATEWAY}:
        router(held, changed.device_id)
    if changed.device_owner == device.LOAD_BALANCER and changed.device_id.startswith("lb-"):
        values = {"revision": held.revision()}
        rows.change(held, loadbalancer.LoadBalancer, changed.device_id.removeprefix("lb-"), values)
    if rows.get(held, plug.Plug, changed.id) is not None:
        rows.change(held, plug.Plug, changed.id, {"revision": held.revision(), "realised": False, "fault": None})


def routers_of(held: session.Session, network_id: str) -> None:
    """Make nodes look at the routers that have an interface on a network."""
    inside = rows.find(held, ports.Port, network_id=network_id, device_owner=device.ROUTER_INTERFACE)
    for router_id in sorted({each.device_id for each in inside}):
        router(held, router_id)


def groups(held: session.Session, changed: Iterable[str]) -> None:
    """Make nodes look at the load balancers that security groups filter: those whose rules or ports have changed."""
    named = frozenset(changed)
    filtered = rows.find(held, ports.Port, guarded=True) if named else ()
    if filtered:
        naming = rows.find(held, securitygroup.Rule, remote_group_id=named)
        affected = named.union(each.security_group_id for each in naming)
        for each in filtered:
            if not affected.isdisjoint(each.security_groups):
                port(held, each)


def bury(held: session.Session, item: spec.Item) -> None:
    """Make nodes remove an item, and remember it until they have."""
    body = spec.dump(item)
    identifier = f"{body['kind']}:{item.id}"
    rows.remove(held, plug.Tombstone, identifier)
    rows.add(held, plug.Tombstone(id=identifier, item=body, revision=held.revision()))


def bury_network(held: session.Session, gone: network.Network) -> None:
    """Make nodes remove a network's bridge."""
    bury(held, spec.Network(id=gone.id, revision=0, absent=True, segment=gone.segment))


def bury_router(held: session.Session, gone: routers.Router) -> None:
    """Make nodes remove a router's namespace."""
    bury(held, spec.Router(id=gone.id, revision=0, absent=True))


def bury_plug(held: session.Session, gone: plug.Plug, of: ports.Port) -> None:
    """Make nodes unplug a port."""
    attachment = compiled.attachment(held, of)
    rows.remove(held, plug.Plug, gone.id)
    bury(held, spec.Plug(id=gone.id, revision=0, absent=True, port=attachment, target=gone.target, device=gone.device))
