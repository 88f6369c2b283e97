"""What nodes must be: the items that changed since the revision a node knows."""

import dataclasses

import sqlalchemy as sa

from vipool.cloud.network import base
from vipool.model import loadbalancer, spec, tree
from vipool.store import rows, session, tables, trees


def desired(held: session.Session, networks: base.Network, *, known: int) -> spec.Desired:
    """The items a node does not know yet; all of them, and a claim to be complete, when it knows none."""
    revision = current(held)
    complete = known <= 0 or known > revision
    since = 0 if complete else known
    plane = networks.items(held, since=since)
    balancers = tuple(_balancer(held, networks, whole) for whole in _changed(held, since))
    return spec.Desired(revision=revision, complete=complete, items=(*plane, *balancers))


def current(held: session.Session) -> int:
    """The revision of the last write that nodes must hear of."""
    return int(held.connection.execute(sa.select(tables.clock.c.revision)).scalar_one())


def _changed(held: session.Session, since: int) -> tuple[tree.Tree, ...]:
    table = tables.TABLES[loadbalancer.LoadBalancer]
    found = held.connection.execute(sa.select(table).where(table.c.revision > since).order_by(table.c.revision))
    return trees.load_many(held, [rows.noun(loadbalancer.LoadBalancer, row) for row in found])


def _balancer(held: session.Session, networks: base.Network, whole: tree.Tree) -> spec.LoadBalancer:
    root = whole.loadbalancer
    port_id = root.vip_port_id
    return spec.LoadBalancer(
        id=root.id,
        revision=root.revision,
        absent=root.dying,
        tree=dataclasses.replace(whole.live(), loadbalancer=root),
        vip=None if port_id is None else networks.attachment(held, port_id),
    )
