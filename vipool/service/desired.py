"""What nodes must be: the items that changed since the revision a node knows."""

import dataclasses

from vipool.cloud.network import base as network
from vipool.cloud.secrets import base as key_manager
from vipool.model import spec, tree
from vipool.service import materials
from vipool.store import session, trees


def desired(
    held: session.Session, networks: network.Network, secrets: key_manager.Secrets, *, known: int
) -> spec.Desired:
    """The items a node does not know yet; all of them, and a claim to be complete, when it knows none."""
    revision = held.current()
    complete = known <= 0 or known > revision
    since = 0 if complete else known
    plane = networks.items(held, since=since)
    balancers = tuple(_balancer(held, networks, secrets, whole) for whole in trees.changed(held, since))
    return spec.Desired(revision=revision, complete=complete, items=(*plane, *balancers))


def _balancer(
    held: session.Session, networks: network.Network, secrets: key_manager.Secrets, whole: tree.Tree
) -> spec.LoadBalancer:
    root = whole.loadbalancer
    port_id = root.vip_port_id
    served = whole.live()
    return spec.LoadBalancer(
        id=root.id,
        revision=root.revision,
        absent=root.dying,
        tree=dataclasses.replace(served, loadbalancer=root),
        vip=None if port_id is None else networks.attachment(held, port_id),
        materials={} if root.dying else materials.of(held, secrets, served),
    )
