"""Trees: loading one whole, and keeping what changed of it.

Promises that nobody reads a tree as it was: rows below a load balancer are written here alone, and with them its
edition, by which what is remembered of trees (`store.memory`) is known to be what the store holds.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from vipool.model import amphora, healthmonitor, l7policy, l7rule, listener, loadbalancer, pool, status, tree
from vipool.store import rows, session, tables


def load(held: session.Session, identifier: str) -> tree.Tree | None:
    """The tree of a load balancer, rows in the order they were made; None when there is none."""
    root = rows.get(held, loadbalancer.LoadBalancer, identifier)
    return None if root is None else load_many(held, (root,))[0]


def load_many(held: session.Session, roots: Iterable[loadbalancer.LoadBalancer]) -> tuple[tree.Tree, ...]:
    """The trees of these load balancers as this transaction reads them, in their order: one query a table.

    Those that are remembered are not asked for.
    """
    wanted = tuple({root.id: root for root in roots}.values())
    known = {root.id: whole for root in wanted if (whole := held.trees.recall(root)) is not None}
    found = known | _read(held, [root for root in wanted if root.id not in known])
    return tuple(found[root.id] for root in wanted)


def _read(held: session.Session, roots: Sequence[loadbalancer.LoadBalancer]) -> dict[str, tree.Tree]:
    """The trees of these load balancers from the store, by id; they are remembered."""
    found = {root.id: tree.Tree(loadbalancer=root) for root in roots}
    for cls, field in tree.FIELDS.items():
        by_root: dict[str, list[Any]] = {}
        for row in rows.among(held, cls, "loadbalancer_id", found):
            by_root.setdefault(row.loadbalancer_id, []).append(row)
        for identifier, children in by_root.items():
            found[identifier] = found[identifier].having({field: _in_order(children)})
    for whole in found.values():
        held.trees.keep(whole)
    return found


def _in_order(children: Iterable[tree.Child]) -> tuple[tree.Child, ...]:
    return tuple(sorted(children, key=lambda row: (row.born, row.created_at, row.id)))


def changed(held: session.Session, since: int) -> tuple[tree.Tree, ...]:
    """The trees that changed after a revision, in the order they did."""
    return load_many(held, rows.since(held, loadbalancer.LoadBalancer, since))


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
    """Write the difference between two states of a tree, and raise the revision so that nodes hear of it.

    The first state is that which this transaction has read.
    """
    root = after.loadbalancer.having({"revision": held.revision(), "edition": uuid.uuid4().hex})
    pairs = list(tree.differing(before, after.replacing(root)))
    added = [new for old, new in pairs if old is None and new is not None]
    changed = [new for old, new in pairs if old is not None and new is not None and old != new]
    gone = [old for old, new in pairs if old is not None and new is None]
    rows.add(held, *added)
    rows.put(held, *changed)
    _remove(held, gone)
    if before is not None:
        _remember(held, before.replacing(root), (*added, *changed, *gone))


def settle(
    held: session.Session,
    before: tree.Tree,
    progress: Mapping[str, Any],
    gone: Sequence[tree.Child],
    states: Sequence[tuple[tree.Row, status.Operating]],
) -> None:
    """Write what nodes have made of a tree: its progress, rows that are gone, and the states of others.

    Rows that were realised for the first time, and not changed since, say from now on that they were.
    """
    settled = progress.get("settled", 0)
    stamped = [row for row in before.rows() if row.updated_at is None and row.born <= settled] if settled else []
    written = [*gone, *stamped, *(row for row, _ in states)]
    below = any(not isinstance(row, loadbalancer.LoadBalancer) for row in written)
    values = {**progress, "edition": uuid.uuid4().hex} if below else progress
    rows.change(held, loadbalancer.LoadBalancer, before.loadbalancer.id, values)
    _stamp(held, before.loadbalancer.id, {type(row) for row in stamped}, settled)
    _remove(held, gone)
    for row, state in states:
        rows.change(held, type(row), row.id, {"operating_status": state})
    if below:
        _remember(held, before.replacing(before.loadbalancer.having(values)), written)


def _stamp(held: session.Session, root: str, kinds: Iterable[type[tree.Row]], settled: int) -> None:
    """Note on the rows of these kinds that they are realised."""
    for cls in kinds:
        table = tables.TABLES[cls]
        own = table.c.id if cls is loadbalancer.LoadBalancer else table.c.loadbalancer_id
        new = sa.update(table).where(own == root, table.c.born <= settled, table.c.updated_at.is_(None))
        held.connection.execute(new.values(updated_at=held.now))


def _remove(held: session.Session, gone: Iterable[tree.Row]) -> None:
    going: dict[type[tree.Row], list[str]] = {}
    for row in gone:
        going.setdefault(type(row), []).append(row.id)
    for cls, identifiers in going.items():
        rows.remove(held, cls, *identifiers)


def _remember(held: session.Session, before: tree.Tree, written: Sequence[tree.Row]) -> None:
    """Remember a tree after a write: the rows that were written are read again, to be as the store gives them."""
    fields: dict[str, Any] = {}
    for cls, field in tree.FIELDS.items():
        again = {row.id for row in written if isinstance(row, cls)}
        if again:
            same = (row for row in getattr(before, field) if row.id not in again)
            fields[field] = _in_order((*same, *rows.find_by_ids(held, cls, again).values()))
    held.trees.keep(before.having(fields))


def remove(held: session.Session, gone: tree.Tree) -> None:
    """Remove a tree, every row of it."""
    _remove(held, gone.rows())


def listeners_of_pools(held: session.Session, pools: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The pool and the listener of every pair in which the listener may send requests to the pool; oldest first.

    The same as ``tree.Tree.listeners_of``, for many pools at once.
    """
    fronts, policies, conditions = (tables.TABLES[cls] for cls in (listener.Listener, l7policy.L7Policy, l7rule.L7Rule))
    for start in range(0, len(pools), rows.SLICE):
        some = pools[start : start + rows.SLICE]
        met = sa.exists().where(conditions.c.l7policy_id == policies.c.id)
        through = sa.select(
            policies.c.redirect_pool_id.label("pool_id"), policies.c.listener_id.label("listener_id")
        ).where(policies.c.redirect_pool_id.in_(some), policies.c.admin_state_up, met)
        default = sa.select(fronts.c.default_pool_id, fronts.c.id).where(fronts.c.default_pool_id.in_(some))
        pairs = sa.union(through, default).subquery()
        query = (
            sa.select(pairs.c.pool_id, pairs.c.listener_id)
            .join(fronts, fronts.c.id == pairs.c.listener_id)
            .order_by(fronts.c.created_at, fronts.c.id)
        )
        yield from ((str(pool_id), str(listener_id)) for pool_id, listener_id in held.connection.execute(query))


def monitor_of_pool() -> sa.ColumnElement[str]:
    """The id of the health monitor of the pools of a table, as SQL."""
    pools, monitors = tables.TABLES[pool.Pool], tables.TABLES[healthmonitor.HealthMonitor]
    found = sa.select(sa.func.max(monitors.c.id)).where(monitors.c.pool_id == pools.c.id, ~monitors.c.dying)
    return found.scalar_subquery()


def amphora_status() -> sa.ColumnElement[str]:
    """The status of the instances of load balancers, as SQL: it follows from how far their trees have come."""
    table = tables.TABLES[amphora.Amphora]
    root = tables.TABLES[loadbalancer.LoadBalancer].alias("carried")
    words = amphora.Status
    found = sa.case(
        (root.c.failed > root.c.settled, words.ERROR.value),
        (root.c.dying, words.PENDING_DELETE.value),
        (root.c.settled == 0, words.PENDING_CREATE.value),
        else_=words.ALLOCATED.value,
    )
    return sa.select(found).where(root.c.id == table.c.loadbalancer_id).scalar_subquery()


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
