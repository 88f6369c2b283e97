"""Trees: loading one whole, and keeping what changed of it."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from vipool.model import healthmonitor, loadbalancer, pool, status, tree
from vipool.store import rows, session, tables


def load(held: session.Session, identifier: str) -> tree.Tree | None:
    """The tree of a load balancer, rows in the order they were made; None when there is none."""
    root = rows.get(held, loadbalancer.LoadBalancer, identifier)
    return None if root is None else load_many(held, (root,))[0]


def load_many(held: session.Session, roots: Iterable[loadbalancer.LoadBalancer]) -> tuple[tree.Tree, ...]:
    """The trees of these load balancers, in their order: one query a table."""
    found = {root.id: tree.Tree(loadbalancer=root) for root in roots}
    ids = list(found)
    for cls, field in tree.FIELDS.items():
        by_root: dict[str, list[Any]] = {}
        for start in range(0, len(ids), rows.SLICE):
            for row in rows.find(held, cls, loadbalancer_id=ids[start : start + rows.SLICE]):
                by_root.setdefault(row.loadbalancer_id, []).append(row)
        for identifier, children in by_root.items():
            children.sort(key=lambda row: (row.born, row.created_at, row.id))
            found[identifier] = tree.with_children(found[identifier], field, tuple(children))
    return tuple(found.values())


def changed(held: session.Session, since: int) -> tuple[tree.Tree, ...]:
    """The trees that changed after a revision, in the order they did."""
    table = tables.TABLES[loadbalancer.LoadBalancer]
    found = held.connection.execute(sa.select(table).where(table.c.revision > since).order_by(table.c.revision))
    return load_many(held, [rows.noun(loadbalancer.LoadBalancer, row) for row in found])


def behind(held: session.Session) -> dict[str, status.Progress]:
    """The progress, by id, of the trees whose wanted generation is neither realised nor failed."""
    table = tables.TABLES[loadbalancer.LoadBalancer]
    wanted = sa.select(table.c.id, table.c.generation, table.c.settled, table.c.failed).where(
        table.c.generation > table.c.settled, table.c.generation > table.c.failed
    )
    found = held.connection.execute(wanted)
    return {row.id: status.Progress(generation=row[1], settled=row[2], failed=row[3]) for row in found}


def root_of(held: session.Session, cls: type[tree.Child], identifier: str) -> str | None:
    """The id of the load balancer whose tree has this row, or None."""
    table = tables.TABLES[cls]
    found = held.connection.execute(sa.select(table.c.loadbalancer_id).where(table.c.id == identifier)).scalar()
    return None if found is None else str(found)


def keep(held: session.Session, before: tree.Tree | None, after: tree.Tree) -> None:
    """Write the difference between two states of a tree, and raise the revision so that nodes hear of it."""
    root = after.loadbalancer.having({"revision": held.revision()})
    old = {row.id: row for row in before.rows()} if before is not None else {}
    new = {row.id: row for row in after.replacing(root).rows()}
    rows.add(held, *(row for identifier, row in new.items() if identifier not in old))
    for identifier, row in new.items():
        if identifier in old and row is not old[identifier] and row != old[identifier]:
            rows.put(held, row)
    going: dict[type[tree.Row], list[str]] = {}
    for identifier, row in old.items():
        if identifier not in new:
            going.setdefault(type(row), []).append(identifier)
    for cls, identifiers in going.items():
        rows.remove(held, cls, *identifiers)


def remove(held: session.Session, gone: tree.Tree) -> None:
    """Remove a tree, every row of it."""
    for cls in tree.FIELDS:
        rows.remove(held, cls, *(row.id for row in gone.children(cls)))
    rows.remove(held, loadbalancer.LoadBalancer, gone.loadbalancer.id)


def monitor_of_pool() -> sa.ColumnElement[str]:
    """The id of the health monitor of the pools of a table, as SQL."""
    pools, monitors = tables.TABLES[pool.Pool], tables.TABLES[healthmonitor.HealthMonitor]
    found = sa.select(sa.func.max(monitors.c.id)).where(monitors.c.pool_id == pools.c.id, ~monitors.c.dying)
    return found.scalar_subquery()


def provisioning(cls: type[Any]) -> sa.ColumnElement[str]:
    """The provisioning status of the rows of a table, as SQL: the same arithmetic as ``model.status``."""
    table = tables.TABLES[cls]
    if cls is loadbalancer.LoadBalancer:
        settled: sa.ColumnElement[Any] = table.c.settled
        failed: sa.ColumnElement[Any] = table.c.failed
    else:
        root = tables.TABLES[loadbalancer.LoadBalancer].alias("root")
        settled = sa.select(root.c.settled).where(root.c.id == table.c.loadbalancer_id).scalar_subquery()
        failed = sa.select(root.c.failed).where(root.c.id == table.c.loadbalancer_id).scalar_subquery()
    words = status.Provisioning
    return sa.case(
        (sa.and_(settled >= table.c.touched, table.c.dying), words.DELETED.value),
        (settled >= table.c.touched, words.ACTIVE.value),
        (failed >= table.c.touched, words.ERROR.value),
        (table.c.dying, words.PENDING_DELETE.value),
        (settled < table.c.born, words.PENDING_CREATE.value),
        else_=words.PENDING_UPDATE.value,
    )
