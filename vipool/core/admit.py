"""May this write happen, and what is the tree after it?  Pure: a tree in, a tree out, or a refusal.

Every path of entry (single objects, single-call trees, batches) goes through these functions, so that what is accepted
in one way is accepted in all.  Each of them makes one step: the caller gives the generation of the whole write.
"""

import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from vipool.core import rules
from vipool.model import faults, healthmonitor, listener, loadbalancer, member, pool, status, tree

C = TypeVar("C", bound=tree.Child)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a write happens: the generation it makes, and the time."""

    generation: int
    now: datetime.datetime


def moment(whole: tree.Tree, now: datetime.datetime) -> Moment:
    """The moment of the next write to a tree.  Raises faults.Conflict when the tree is going."""
    refuse_going(whole)
    return Moment(generation=whole.loadbalancer.generation + 1, now=now)


def refuse_going(whole: tree.Tree) -> None:
    """Refuse a write below a load balancer that is being deleted: the one state that is immutable.

    Every write below a load balancer passes here, so that a stricter rule (Octavia's lock on all pending states, for
    those who test clients against it) would have one place.
    """
    if whole.loadbalancer.dying:
        raise faults.Conflict(f"Load Balancer {whole.loadbalancer.id} is immutable and cannot be updated.")


def find(whole: tree.Tree, cls: type[C], identifier: str) -> C:
    """The row to write to.  Raises faults.NotFound, or faults.Conflict when it is being deleted."""
    row = whole.find(cls, identifier)
    if row is None:
        raise faults.not_found(cls.NOUN.title, identifier)
    if row.dying:
        raise immutable(row)
    return row


def immutable(row: tree.Child) -> faults.Conflict:
    """The refusal of a write to a row that is being deleted."""
    return faults.Conflict(f"{row.NOUN.title} {row.id} is immutable and cannot be updated.")


def wrong_state(root: loadbalancer.LoadBalancer) -> faults.Conflict:
    """The refusal of a write to a load balancer itself in its state."""
    return faults.Conflict(f"Invalid state {provisioning(root, root)} of loadbalancer resource {root.id}")


def provisioning(row: tree.Row, root: loadbalancer.LoadBalancer) -> status.Provisioning:
    """The provisioning status of a row of the tree of that load balancer."""
    return status.provisioning(born=row.born, touched=row.touched, dying=row.dying, progress=root.progress)


def touch(whole: tree.Tree, when: Moment, *rows: tree.Row) -> tree.Tree:
    """The tree with its load balancer and these rows stamped with the generation of the write."""
    root = dataclasses.replace(whole.loadbalancer, generation=when.generation, touched=when.generation)
    stamped = [dataclasses.replace(row, touched=when.generation) for row in rows if row.id != root.id]
    return whole.replacing(root, *stamped)


def create(whole: tree.Tree, row: tree.Child, when: Moment) -> tree.Tree:
    """The tree with a new row, checked against the rest and stamped; its neighbours are stamped as Octavia shows."""
    rules.check(whole, row)
    project = whole.loadbalancer.project_id
    stamps: dict[str, Any] = {"born": when.generation, "touched": when.generation, "created_at": when.now}
    made = dataclasses.replace(row, project_id=project, loadbalancer_id=whole.loadbalancer.id, **stamps)
    if isinstance(made, member.Member):
        return create_members(whole, (made,), when)
    grown = whole.adding(made)
    return touch(grown, when, *above(grown, made))


def create_members(whole: tree.Tree, members: tuple[member.Member, ...], when: Moment) -> tree.Tree:
    """The tree with new members of one pool, however many: the work grows with their number, not its square."""
    if not members:
        return whole
    rules.check_members(whole, members)
    monitor = whole.monitor_of(members[0].pool_id)
    unwatched = monitor is None or monitor.dying
    state = status.Operating.NO_MONITOR if unwatched else status.Operating.OFFLINE
    stamps: dict[str, Any] = {"born": when.generation, "touched": when.generation, "created_at": when.now}
    made = tuple(dataclasses.replace(each, operating_status=state, **stamps) for each in members)
    grown = dataclasses.replace(whole, members=(*whole.members, *made))
    return touch(grown, when, *above(grown, made[0]))


def create_pool(whole: tree.Tree, row: pool.Pool, listener_id: str | None, when: Moment) -> tree.Tree:
    """The tree with a new pool, which becomes the default pool of a listener if one is named."""
    if listener_id is None:
        return create(whole, row, when)
    front = find(whole, listener.Listener, listener_id)
    if front.default_pool_id is not None:
        raise faults.Conflict("This listener already has a default pool")
    rules.check_pair(front.protocol, row.protocol)
    grown = create(whole, row, when)
    fronted = dataclasses.replace(front, default_pool_id=row.id, touched=when.generation)
    return grown.replacing(fronted)


def update(whole: tree.Tree, cls: type[C], identifier: str, values: Mapping[str, object], when: Moment) -> tree.Tree:
    """The tree with a changed row, checked as a whole against the rest."""
    row = find(whole, cls, identifier)
    changed = dataclasses.replace(row, **{**values, "updated_at": when.now, "touched": when.generation})  # type: ignore[arg-type]
    rules.check(whole, changed)
    grown = whole.replacing(changed)
    return touch(grown, when, changed, *above(grown, changed))


def update_root(whole: tree.Tree, values: Mapping[str, object], when: Moment) -> tree.Tree:
    """The tree with its load balancer changed."""
    changed = dataclasses.replace(whole.loadbalancer, **{**values, "updated_at": when.now})  # type: ignore[arg-type]
    return touch(whole.replacing(changed), when)


def delete(whole: tree.Tree, cls: type[C], identifier: str, when: Moment) -> tree.Tree:
    """The tree with a row on its way out, and with it what cannot be without it.

    A row whose deletion failed may be deleted again.
    """
    row = whole.find(cls, identifier)
    if row is None:
        raise faults.not_found(cls.NOUN.title, identifier)
    if row.dying and provisioning(row, whole.loadbalancer) is not status.Provisioning.ERROR:
        raise immutable(row)
    going: list[tree.Child] = [row]
    freed: list[tree.Child] = []
    if isinstance(row, pool.Pool):
        going += whole.members_of(row.id)
        going += [each for each in whole.healthmonitors if each.pool_id == row.id]
        freed = [dataclasses.replace(front, default_pool_id=None) for front in whole.listeners_of(row.id)]
    if isinstance(row, healthmonitor.HealthMonitor):
        unwatched = status.Operating.NO_MONITOR
        freed = [dataclasses.replace(each, operating_status=unwatched) for each in whole.members_of(row.pool_id)]
    upper = above(whole, row)
    stamped = [dataclasses.replace(each, dying=True, touched=when.generation) for each in going]
    left = whole.replacing(*stamped, *freed)
    kept = {each.id: each for each in left.rows()}
    return touch(left, when, *(kept[each.id] for each in upper))


def delete_root(whole: tree.Tree, *, cascade: bool, now: datetime.datetime) -> tree.Tree:
    """The tree on its way out; one whose deletion failed may be deleted again.

    Raises faults.Invalid when it has children and ``cascade`` was not asked for, faults.Conflict while it is going.
    """
    root = whole.loadbalancer
    live = whole.live()
    if root.dying and provisioning(root, root) is not status.Provisioning.ERROR:
        raise wrong_state(root)
    if not cascade and not root.dying and (live.listeners or live.pools):
        raise faults.Invalid(f"Validation failure: Cannot delete Load Balancer {root.id} - it has children")
    when = Moment(generation=root.generation + 1, now=now)
    return touch(whole.replacing(dataclasses.replace(root, dying=True)), when)


def above(whole: tree.Tree, row: tree.Child) -> tuple[tree.Child, ...]:
    """The rows between a row and its load balancer: they show PENDING_UPDATE while the row is pending."""
    match row:
        case listener.Listener():
            return ()
        case pool.Pool():
            return tuple(each for each in whole.listeners_of(row.id) if not each.dying)
        case _:
            holder = whole.find(pool.Pool, row.pool_id)
            if holder is None or holder.dying:
                return ()
            return (holder, *above(whole, holder))
