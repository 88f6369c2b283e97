"""May this write happen, and what is the tree after it?  Pure: a tree in, a tree out, or a refusal.

Every path of entry (single objects, single-call trees, batches) goes through these functions, so that what is accepted
in one way is accepted in all.  Each of them makes one step: the caller gives the terms of the whole write.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, assert_never

from vipool.core import l7, terms
from vipool.core.rules import check, members, pairs
from vipool.model import (
    faults,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    member,
    pool,
    status,
    tree,
)

C = TypeVar("C", bound=tree.Child)


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


def touch(whole: tree.Tree, when: terms.Terms, *rows: tree.Row) -> tree.Tree:
    """The tree with its load balancer and these rows stamped with the generation of the write."""
    root = dataclasses.replace(whole.loadbalancer, generation=when.generation, touched=when.generation)
    stamped = [dataclasses.replace(row, touched=when.generation) for row in rows if row.id != root.id]
    return whole.replacing(root, *stamped)


def create(whole: tree.Tree, row: tree.Child, when: terms.Terms) -> tree.Tree:
    """The tree with a new row, checked against the rest and stamped; its neighbours are stamped as Octavia shows."""
    if isinstance(row, member.Member):
        return create_members(whole, (row,), when)
    terms.refuse_busy(whole, row, when.allowed)
    check.check(whole, row, when.allowed)
    made: tree.Child = dataclasses.replace(row, **_stamps(whole, when))
    if isinstance(made, l7policy.L7Policy):
        made = l7.complete(made)
    grown = whole.adding(made)
    if isinstance(made, l7policy.L7Policy):
        grown = l7.arrange(grown, made)
    return touch(grown, when, *above(grown, made))


def _stamps(whole: tree.Tree, when: terms.Terms) -> dict[str, Any]:
    root = whole.loadbalancer
    owner = {"project_id": root.project_id, "loadbalancer_id": root.id}
    return {**owner, "born": when.generation, "touched": when.generation, "created_at": when.now}


def create_members(whole: tree.Tree, new: tuple[member.Member, ...], when: terms.Terms) -> tree.Tree:
    """The tree with new members of one pool, however many: the work grows with their number, not its square."""
    if not new:
        return whole
    terms.refuse_busy(whole, new[0], when.allowed)
    members.check(whole, new, when.allowed)
    monitor = whole.monitor_of(new[0].pool_id)
    unwatched = monitor is None or monitor.dying
    state = status.Operating.NO_MONITOR if unwatched else status.Operating.OFFLINE
    stamps = {"operating_status": state, **_stamps(whole, when)}
    made = tuple(dataclasses.replace(_bound(each), **stamps) for each in new)
    grown = whole.having({"members": (*whole.members, *made)})
    return touch(grown, when, *above(grown, made[0]))


def _bound(row: member.Member) -> member.Member:
    """The member with the kind of port that it asks for."""
    return dataclasses.replace(row, vnic_type="direct") if row.request_sriov else row


def create_pool(whole: tree.Tree, row: pool.Pool, listener_id: str | None, when: terms.Terms) -> tree.Tree:
    """The tree with a new pool, which becomes the default pool of a listener if one is named."""
    if listener_id is None:
        return create(whole, row, when)
    front = find(whole, listener.Listener, listener_id)
    pairs.refuse_childless(front.protocol)
    if front.default_pool_id is not None:
        raise faults.Conflict("This listener already has a default pool")
    pairs.check(front.protocol, row.protocol)
    grown = create(whole, row, when)
    fronted = dataclasses.replace(front, default_pool_id=row.id, touched=when.generation)
    return grown.replacing(fronted)


def update(
    whole: tree.Tree, cls: type[C], identifier: str, values: Mapping[str, object], when: terms.Terms
) -> tree.Tree:
    """The tree with a changed row, checked as a whole against the rest."""
    row = find(whole, cls, identifier)
    terms.refuse_busy(whole, row, when.allowed)
    changes: dict[str, Any] = {**values, "updated_at": when.now, "touched": when.generation}
    changed: tree.Child = dataclasses.replace(row, **changes)
    if isinstance(changed, l7policy.L7Policy):
        changed = l7.complete(changed)
    check.check(whole, changed, when.allowed)
    grown = whole.replacing(changed)
    if isinstance(changed, l7policy.L7Policy):
        grown = l7.arrange(grown, changed)
    kept = grown.find(type(changed), identifier)
    return touch(grown, when, kept or changed, *above(grown, changed))


def update_root(whole: tree.Tree, values: Mapping[str, object], when: terms.Terms) -> tree.Tree:
    """The tree with its load balancer changed."""
    changes: dict[str, Any] = {**values, "updated_at": when.now}
    changed = dataclasses.replace(whole.loadbalancer, **changes)
    if changed.vip_sg_ids and any(each.allowed_cidrs for each in whole.listeners if not each.dying):
        raise faults.Invalid("Validation failure: Allowed CIDRs are not allowed when using custom VIP Security Groups.")
    return touch(whole.replacing(changed), when)


def fail_over(whole: tree.Tree, when: terms.Terms) -> tree.Tree:
    """The tree as it is, to be carried by new instances."""
    root = whole.loadbalancer
    return touch(whole.replacing(dataclasses.replace(root, incarnation=root.incarnation + 1)), when)


def delete(whole: tree.Tree, cls: type[C], identifier: str, when: terms.Terms) -> tree.Tree:
    """The tree with a row on its way out, and with it what cannot be without it.

    A row whose deletion failed may be deleted again.
    """
    row = whole.find(cls, identifier)
    if row is None:
        raise faults.not_found(cls.NOUN.title, identifier)
    if row.dying and terms.provisioning(row, whole.loadbalancer) is not status.Provisioning.ERROR:
        raise immutable(row)
    terms.refuse_busy(whole, row, when.allowed)
    if isinstance(row, pool.Pool):
        refuse_redirected(whole, row)
    upper = above(whole, row)
    stamped = [dataclasses.replace(each, dying=True, touched=when.generation) for each in (row, *below(whole, row))]
    left = whole.replacing(*stamped, *_freed(whole, row))
    if isinstance(row, l7policy.L7Policy):
        left = l7.arrange(left, dataclasses.replace(row, dying=True))
    kept = {each.id: each for each in left.rows()}
    return touch(left, when, *(kept[each.id] for each in upper))


def refuse_redirected(whole: tree.Tree, row: pool.Pool) -> None:
    """Refuse to delete a pool that an L7 policy leads to."""
    for each in whole.l7policies:
        if each.redirect_pool_id == row.id and not each.dying:
            raise faults.Conflict(f"Pool {row.id} is in use by L7 policy {each.id}")


def _freed(whole: tree.Tree, row: tree.Child) -> list[tree.Child]:
    """The rows that change because a row goes."""
    if isinstance(row, pool.Pool):
        fronts = [each for each in whole.listeners if each.default_pool_id == row.id]
        return [dataclasses.replace(front, default_pool_id=None) for front in fronts]
    if isinstance(row, healthmonitor.HealthMonitor):
        unwatched = status.Operating.NO_MONITOR
        return [dataclasses.replace(each, operating_status=unwatched) for each in whole.members_of(row.pool_id)]
    return []


def delete_root(whole: tree.Tree, *, cascade: bool, when: terms.Terms) -> tree.Tree:
    """The tree on its way out.  Raises faults.Invalid when it has children and ``cascade`` was not asked for."""
    root = whole.loadbalancer
    live = whole.live()
    if not cascade and not root.dying and (live.listeners or live.pools):
        raise faults.Invalid(f"Validation failure: Cannot delete Load Balancer {root.id} - it has children")
    return touch(whole.replacing(dataclasses.replace(root, dying=True)), when)


def above(whole: tree.Tree, row: tree.Child) -> tuple[tree.Child, ...]:
    """The rows between a row and its load balancer: they show PENDING_UPDATE while the row is pending."""
    match row:
        case listener.Listener():
            return ()
        case pool.Pool():
            return tuple(each for each in whole.listeners_of(row.id) if not each.dying)
        case member.Member() | healthmonitor.HealthMonitor():
            return _with_above(whole, whole.find(pool.Pool, row.pool_id))
        case l7policy.L7Policy():
            return _with_above(whole, whole.find(listener.Listener, row.listener_id))
        case l7rule.L7Rule():
            return _with_above(whole, whole.find(l7policy.L7Policy, row.l7policy_id))
        case _:
            assert_never(row)


def _with_above(whole: tree.Tree, holder: tree.Child | None) -> tuple[tree.Child, ...]:
    return () if holder is None or holder.dying else (holder, *above(whole, holder))


def below(whole: tree.Tree, row: tree.Child) -> tuple[tree.Child, ...]:
    """The rows that cannot be without a row."""
    match row:
        case listener.Listener():
            owned = whole.policies_of(row.id)
            return (*owned, *(rule for each in owned for rule in whole.rules_of(each.id)))
        case pool.Pool():
            watching = tuple(each for each in whole.healthmonitors if each.pool_id == row.id)
            return (*whole.members_of(row.id), *watching)
        case l7policy.L7Policy():
            return whole.rules_of(row.id)
        case member.Member() | healthmonitor.HealthMonitor() | l7rule.L7Rule():
            return ()
        case _:
            assert_never(row)
