"""The history of load balancers, as SQL: marking many entries at once, and forgetting old ones."""

import datetime

import sqlalchemy as sa

from vipool.model import event, loadbalancer
from vipool.store import session, tables

_TABLE = tables.TABLES[event.Event]


def realised(held: session.Session, root: str, generation: int, words: str | None) -> None:
    """Mark the writes up to a generation as realised now: those that are not, and their failures are over."""
    new = (
        sa.update(_TABLE)
        .where(_TABLE.c.loadbalancer_id == root, _TABLE.c.generation <= generation, _TABLE.c.realised_at.is_(None))
        .values(realised_at=held.now, realised_by=words, fault=None)
    )
    held.connection.execute(new)


def failed(held: session.Session, root: str, generation: int, words: str) -> None:
    """Mark the writes up to a generation that are not realised with the reason."""
    new = (
        sa.update(_TABLE)
        .where(_TABLE.c.loadbalancer_id == root, _TABLE.c.generation <= generation, _TABLE.c.realised_at.is_(None))
        .values(fault=words)
    )
    held.connection.execute(new)


def owner(held: session.Session, root: str) -> str | None:
    """The project of a load balancer that is there, or was; None when there never was one."""
    balancers = tables.TABLES[loadbalancer.LoadBalancer]
    there = sa.select(balancers.c.project_id).where(balancers.c.id == root)
    was = sa.select(_TABLE.c.project_id).where(_TABLE.c.loadbalancer_id == root).limit(1)
    for query in (there, was):
        found = held.connection.execute(query).scalar()
        if found is not None:
            return str(found)
    return None


def forget(held: session.Session, before: datetime.datetime) -> int:
    """Remove entries of before a moment; returns how many."""
    return int(held.connection.execute(sa.delete(_TABLE).where(_TABLE.c.created_at < before)).rowcount)
