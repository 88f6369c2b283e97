"""The reads of the load-balancer API: objects as clients see them.

What a reply shows beside an object's own attributes (its status, the ids of what belongs to it) is gathered for a whole
page at once: a handful of queries, however long the page.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from vipool.model import (
    amphora,
    attr,
    faults,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    loadbalancer,
    member,
    pool,
    statistics,
    tree,
)
from vipool.service import act, views
from vipool.store import listing, rows, session, trees

R = TypeVar("R", bound=attr.Resource)
C = TypeVar("C", bound=tree.Row)
COUNTERS = ("active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections")
ROWS = (loadbalancer.LoadBalancer, *tree.FIELDS)


def page(held: session.Session, cls: type[R], query: listing.Query) -> tuple[R, ...]:
    """One page of objects; what ``computed`` names may be asked for and sorted by too."""
    columns: dict[str, Any] = {}
    if cls in ROWS:
        columns["provisioning_status"] = trees.provisioning(cls)
    if cls is pool.Pool:
        columns["healthmonitor_id"] = trees.monitor_of_pool()
    if cls is amphora.Amphora:
        columns["status"] = trees.amphora_status()
    return listing.select(held, cls, query, computed=columns)


def computed(cls: type[attr.Resource]) -> frozenset[str]:
    """What objects show and no column holds, and lists can be filtered and sorted by."""
    found = {"provisioning_status"} if cls in ROWS else set()
    if cls is pool.Pool:
        found.add("healthmonitor_id")
    if cls is amphora.Amphora:
        found.add("status")
    return frozenset(found)


def one(held: session.Session, what: act.Act, cls: type[C], identifier: str) -> C:
    """The object, if the caller may see it.  Raises faults.NotFound or Forbidden."""
    found = rows.get(held, cls, identifier)
    if found is None:
        raise faults.not_found(cls.NOUN.title, identifier)
    what.check(found.project_id)
    return found


def seen(held: session.Session, cls: type[C], found: Sequence[C]) -> list[views.View]:
    """The objects as a reply shows them."""
    kin = _kin(held, cls, found)
    return [views.view(each, kin) for each in found]


def _kin(held: session.Session, cls: type[C], found: Sequence[C]) -> views.Kin:
    own = [each.id for each in found]
    if cls is loadbalancer.LoadBalancer:
        roots = cast("Sequence[loadbalancer.LoadBalancer]", found)
        return views.Kin(
            progress={each.id: each.progress for each in roots},
            listeners=_grouped(rows.ids_by(held, listener.Listener, "loadbalancer_id", own)),
            pools=_grouped(rows.ids_by(held, pool.Pool, "loadbalancer_id", own)),
        )
    children = cast("Sequence[tree.Child]", found)
    above = rows.find_by_ids(held, loadbalancer.LoadBalancer, (each.loadbalancer_id for each in children))
    fronts, pools, policies = (own if cls is kind else [] for kind in (listener.Listener, pool.Pool, l7policy.L7Policy))
    monitors = rows.ids_by(held, healthmonitor.HealthMonitor, "pool_id", pools)
    return views.Kin(
        progress={identifier: root.progress for identifier, root in above.items()},
        listeners=_grouped(trees.listeners_of_pools(held, pools)),
        members=_grouped(rows.ids_by(held, member.Member, "pool_id", pools)),
        monitors=dict(monitors),  # the newest: an older one is going
        policies=_grouped(rows.ids_by(held, l7policy.L7Policy, "listener_id", fronts, order="position")),
        rules=_grouped(rows.ids_by(held, l7rule.L7Rule, "l7policy_id", policies)),
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, views.Ids]:
    """Ids by their owners, from pairs of owner and id in order."""
    found: dict[str, views.Ids] = {}
    for owner, identifier in pairs:
        found.setdefault(owner, []).append({"id": identifier})
    return found


def totals(held: session.Session, **equals: str) -> views.View:
    """The counters of one listener (``id=``) or of a load balancer, which is the sum of its listeners."""
    counted = rows.find(held, statistics.Statistics, **equals)
    return _sums(counted)


def member_totals(held: session.Session, row: member.Member) -> views.View:
    """The counters of one member."""
    return _sums(rows.find(held, statistics.MemberStatistics, id=row.id))


def _sums(counted: Iterable[statistics.Statistics]) -> views.View:
    found = tuple(counted)
    return {name: sum(getattr(each, name) for each in found) for name in COUNTERS}
