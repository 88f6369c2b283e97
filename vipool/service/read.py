"""The reads of the load-balancer API: objects as clients see them.

What a reply shows beside an object's own attributes (its status, the ids of what belongs to it) is gathered for a whole
page at once: a handful of queries, however long the page.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from vipool.core import policy
from vipool.model import (
    attr,
    caller,
    faults,
    healthmonitor,
    listener,
    loadbalancer,
    member,
    pool,
    statistics,
    status,
    tree,
)
from vipool.store import listing, rows, session, trees

C = TypeVar("C", bound=tree.Row)
View = dict[str, Any]
Ids = list[dict[str, str]]
COUNTERS = ("active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """What belongs to the objects of a page: ids by the id of the object they belong to."""

    progress: Mapping[str, status.Progress]
    listeners: Mapping[str, Ids]
    pools: Mapping[str, Ids]
    members: Mapping[str, Ids]
    monitors: Mapping[str, str]


def page(held: session.Session, cls: type[C], query: listing.Query) -> tuple[C, ...]:
    """One page of objects; what ``computed`` names may be asked for and sorted by too."""
    columns = {"provisioning_status": trees.provisioning(cls)}
    if cls is pool.Pool:
        columns["healthmonitor_id"] = trees.monitor_of_pool()
    return listing.select(held, cls, query, computed=columns)


def computed(cls: type[tree.Row]) -> frozenset[str]:
    """What objects show and no column holds, and lists can be filtered and sorted by."""
    return frozenset({"provisioning_status", *(("healthmonitor_id",) if cls is pool.Pool else ())})


def one(held: session.Session, who: caller.Caller, action: str, cls: type[C], identifier: str) -> C:
    """The object, if the caller may see it.  Raises faults.NotFound or Forbidden."""
    found = rows.get(held, cls, identifier)
    if found is None:
        raise faults.not_found(cls.NOUN.title, identifier)
    policy.check(action, who, found.project_id)
    return found


def views(held: session.Session, cls: type[C], found: Sequence[C]) -> list[View]:
    """The objects as a reply shows them."""
    kin = _kin(held, cls, found)
    return [_view(each, kin) for each in found]


def in_tree(whole: tree.Tree, row: tree.Row) -> View:
    """One object as a reply shows it, from the tree it belongs to."""
    root = whole.loadbalancer
    monitors = {back.id: monitor.id for back in whole.pools if (monitor := whole.monitor_of(back.id)) is not None}
    kin = Kin(
        progress={root.id: root.progress},
        listeners={root.id: _oldest_first(whole.listeners)},
        pools={root.id: _oldest_first(whole.pools)},
        members={back.id: _oldest_first(whole.members_of(back.id)) for back in whole.pools},
        monitors=monitors,
    )
    if isinstance(row, pool.Pool):
        kin = replace(kin, listeners={row.id: _oldest_first(whole.listeners_of(row.id))})
    return _view(row, kin)


def _oldest_first(found: Sequence[tree.Child]) -> Ids:
    return [{"id": each.id} for each in sorted(found, key=lambda each: (str(each.created_at), each.id))]


def _view(row: tree.Row, kin: Kin) -> View:
    root = row.id if isinstance(row, loadbalancer.LoadBalancer) else row.loadbalancer_id
    shown = common(row, kin.progress[root])
    match row:
        case loadbalancer.LoadBalancer():
            shown |= {"listeners": kin.listeners.get(row.id, []), "pools": kin.pools.get(row.id, [])}
        case listener.Listener():
            shown |= {"loadbalancers": [{"id": root}], "l7policies": []}
        case pool.Pool():
            shown |= {
                "loadbalancers": [{"id": root}],
                "listeners": kin.listeners.get(row.id, []),
                "members": kin.members.get(row.id, []),
            }
            if row.id in kin.monitors:
                shown["healthmonitor_id"] = kin.monitors[row.id]
        case healthmonitor.HealthMonitor():
            shown["pools"] = [{"id": row.pool_id}]
        case member.Member():
            pass
    return shown


def common(row: tree.Row, progress: status.Progress) -> View:
    """What every object of a tree shows: its attributes, its owner under both names, its status."""
    shown = attr.show(row)
    shown["tenant_id"] = row.project_id
    shown["provisioning_status"] = provisioning(row, progress).value
    if isinstance(row, listener.Listener):
        shown["insert_headers"] = row.insert_headers or {}
        shown["allowed_cidrs"] = list(row.allowed_cidrs) if row.allowed_cidrs else None
    return shown


def provisioning(row: tree.Row, progress: status.Progress) -> status.Provisioning:
    """The provisioning status of a row of a tree."""
    return status.provisioning(born=row.born, touched=row.touched, dying=row.dying, progress=progress)


def _kin(held: session.Session, cls: type[C], found: Sequence[C]) -> Kin:
    own = [each.id for each in found]
    if cls is loadbalancer.LoadBalancer:
        roots = cast("Sequence[loadbalancer.LoadBalancer]", found)
        return Kin(
            progress={each.id: each.progress for each in roots},
            listeners=_ids(held, listener.Listener, "loadbalancer_id", own),
            pools=_ids(held, pool.Pool, "loadbalancer_id", own),
            members={},
            monitors={},
        )
    children = cast("Sequence[tree.Child]", found)
    above = rows.find_by_ids(held, loadbalancer.LoadBalancer, (each.loadbalancer_id for each in children))
    pools = own if cls is pool.Pool else []
    monitors = _ids(held, healthmonitor.HealthMonitor, "pool_id", pools)
    return Kin(
        progress={identifier: root.progress for identifier, root in above.items()},
        listeners=_ids(held, listener.Listener, "default_pool_id", pools),
        pools={},
        members=_ids(held, member.Member, "pool_id", pools),
        # The newest: an older one is going.
        monitors={pool_id: ids[-1]["id"] for pool_id, ids in monitors.items()},
    )


def _ids(held: session.Session, cls: type[tree.Child], column: str, owners: Sequence[str]) -> dict[str, Ids]:
    """The ids of the rows of a kind by the value of a column, oldest first."""
    found: dict[str, Ids] = {}
    for owner, identifier in rows.ids_by(held, cls, column, owners):
        found.setdefault(owner, []).append({"id": identifier})
    return found


def expanded(whole: tree.Tree) -> View:
    """A new tree as the answer to the call that made it: every object whole, nested."""
    root = whole.loadbalancer
    shown = common(root, root.progress)
    shown["listeners"] = [{**common(each, root.progress), "l7policies": []} for each in whole.listeners]
    shown["pools"] = [_expanded_pool(whole, each) for each in whole.pools]
    return shown


def _expanded_pool(whole: tree.Tree, row: pool.Pool) -> View:
    progress = whole.loadbalancer.progress
    monitor = whole.monitor_of(row.id)
    shown = {
        **common(row, progress),
        "listeners": [{"id": each.id} for each in whole.listeners_of(row.id)],
        "members": [common(each, progress) for each in whole.members_of(row.id)],
    }
    if monitor is not None:
        shown["healthmonitor"] = common(monitor, progress)
    return shown


def status_tree(whole: tree.Tree) -> View:
    """The statuses of a load balancer and of everything its listeners reach."""
    root = whole.loadbalancer
    listeners = []
    for front in whole.listeners:
        reached = [each for each in whole.pools if each.id == front.default_pool_id]
        listeners.append({**_state(front, root), "pools": [_pool_states(whole, each) for each in reached]})
    return {"loadbalancer": {**_state(root, root), "listeners": listeners}}


def _pool_states(whole: tree.Tree, row: pool.Pool) -> View:
    root = whole.loadbalancer
    shown = _state(row, root)
    monitor = whole.monitor_of(row.id)
    if monitor is not None:
        shown["health_monitor"] = {**_state(monitor, root), "type": monitor.type.value}
    shown["members"] = [
        {**_state(each, root), "address": each.address, "protocol_port": each.protocol_port}
        for each in whole.members_of(row.id)
    ]
    return shown


def _state(row: tree.Row, root: loadbalancer.LoadBalancer) -> View:
    return {
        "id": row.id,
        "name": row.name,
        "provisioning_status": provisioning(row, root.progress).value,
        "operating_status": row.operating_status.value,
    }


def totals(held: session.Session, **equals: str) -> View:
    """The counters of one listener (``id=``) or of a load balancer, which is the sum of its listeners."""
    found: Iterable[statistics.Statistics] = rows.find(held, statistics.Statistics, **equals)
    counted = list(found)
    return {name: sum(getattr(each, name) for each in counted) for name in COUNTERS}
