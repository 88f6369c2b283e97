"""The instances of load balancers: made with them, replaced by a failover, gone with them."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.model import amphora, attr, faults, loadbalancer
from vipool.store import rows, session

# The name of the device that holds the VIP, in the namespace of the load balancer.
INTERFACE = "vip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The node that carries instances, as administrators know it: the host's name and its address."""

    name: str = "localhost"
    address: str = "127.0.0.1"

    @property
    def id(self) -> str:
        """The id of the node: made from its name alone, so that it is always the same."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))


THIS = Node()
"""The machine itself, where nobody said what it is called."""


def place(held: session.Session, root: loadbalancer.LoadBalancer, node: Node, new_id: Callable[[], str]) -> None:
    """Make the instance of a new load balancer."""
    rows.add(
        held,
        amphora.Amphora(
            id=new_id(),
            project_id=root.project_id,
            loadbalancer_id=root.id,
            compute_id=node.id,
            lb_network_ip=node.address,
            vrrp_ip=root.vip_address,
            ha_ip=root.vip_address,
            vrrp_port_id=root.vip_port_id,
            ha_port_id=root.vip_port_id,
            vrrp_interface=INTERFACE,
            cached_zone=root.availability_zone,
            created_at=held.now,
            updated_at=held.now,
            compute_flavor=root.flavor.get("compute_flavor"),
        ),
    )


def replace(held: session.Session, root: loadbalancer.LoadBalancer, node: Node, new_id: Callable[[], str]) -> None:
    """Put a new instance in the place of those that were."""
    forget(held, root.id)
    place(held, root, node, new_id)


def forget(held: session.Session, loadbalancer_id: str) -> None:
    """Remove the instances of a load balancer that is gone."""
    rows.remove_where(held, amphora.Amphora, loadbalancer_id=loadbalancer_id)


def seen(held: session.Session, found: Sequence[amphora.Amphora]) -> list[dict[str, Any]]:
    """The instances as a reply shows them, each with the status that follows from its load balancer."""
    roots = rows.find_by_ids(held, loadbalancer.LoadBalancer, (each.loadbalancer_id for each in found))
    return [{**attr.show(each), "status": status(roots[each.loadbalancer_id]).value} for each in found]


def status(root: loadbalancer.LoadBalancer) -> amphora.Status:
    """The status of the instances of a load balancer; the same as ``store.trees.amphora_status``."""
    if root.failed > root.settled:
        return amphora.Status.ERROR
    if root.dying:
        return amphora.Status.PENDING_DELETE
    return amphora.Status.ALLOCATED if root.settled else amphora.Status.PENDING_CREATE


def need(held: session.Session, identifier: str) -> amphora.Amphora:
    """The instance with that id.  Raises faults.NotFound."""
    found = rows.get(held, amphora.Amphora, identifier)
    if found is None:
        raise faults.not_found("Amphora", identifier)
    return found
