"""How the objects of a load balancer's tree look in replies: their own attributes, their status, and their kin.

Pure: rows and what belongs to them in, JSON values out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, assert_never

from vipool.model import (
    attr,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    loadbalancer,
    member,
    pool,
    status,
    tree,
)

View: TypeAlias = dict[str, Any]
Ids: TypeAlias = list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """What belongs to the objects of a page: ids by the id of the object they belong to."""

    progress: Mapping[str, status.Progress]
    listeners: Mapping[str, Ids] = field(default_factory=dict)
    pools: Mapping[str, Ids] = field(default_factory=dict)
    members: Mapping[str, Ids] = field(default_factory=dict)
    monitors: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, Ids] = field(default_factory=dict)
    rules: Mapping[str, Ids] = field(default_factory=dict)


def view(row: tree.Row, kin: Kin) -> View:
    """One object as a reply shows it."""
    root = row.id if isinstance(row, loadbalancer.LoadBalancer) else row.loadbalancer_id
    shown = common(row, kin.progress[root])
    match row:
        case loadbalancer.LoadBalancer():
            shown |= {"listeners": kin.listeners.get(row.id, []), "pools": kin.pools.get(row.id, [])}
        case listener.Listener():
            shown |= {"loadbalancers": [{"id": root}], "l7policies": kin.policies.get(row.id, [])}
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
        case l7policy.L7Policy():
            shown["rules"] = kin.rules.get(row.id, [])
        case member.Member() | l7rule.L7Rule():
            pass
        case _:
            assert_never(row)
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


def in_tree(whole: tree.Tree, row: tree.Row) -> View:
    """One object as a reply shows it, from the tree it belongs to."""
    root = whole.loadbalancer
    kin = Kin(progress={root.id: root.progress})
    match row:
        case loadbalancer.LoadBalancer():
            kin = replace(
                kin, listeners={row.id: _oldest_first(whole.listeners)}, pools={row.id: _oldest_first(whole.pools)}
            )
        case listener.Listener():
            kin = replace(kin, policies={row.id: _ids(whole.policies_of(row.id))})
        case pool.Pool():
            monitor = whole.monitor_of(row.id)
            kin = replace(
                kin,
                listeners={row.id: _oldest_first(whole.listeners_of(row.id))},
                members={row.id: _oldest_first(whole.members_of(row.id))},
                monitors={} if monitor is None else {row.id: monitor.id},
            )
        case l7policy.L7Policy():
            kin = replace(kin, rules={row.id: _oldest_first(whole.rules_of(row.id))})
        case healthmonitor.HealthMonitor() | member.Member() | l7rule.L7Rule():
            pass
        case _:
            assert_never(row)
    return view(row, kin)


def _oldest_first(found: Sequence[tree.Child]) -> Ids:
    return _ids(sorted(found, key=lambda each: (str(each.created_at), each.id)))


def _ids(found: Iterable[tree.Child]) -> Ids:
    return [{"id": each.id} for each in found]


def expanded(whole: tree.Tree) -> View:
    """A new tree as the answer to the call that made it: every object whole, nested."""
    root = whole.loadbalancer
    shown = common(root, root.progress)
    shown["listeners"] = [_expanded_listener(whole, each) for each in whole.listeners]
    shown["pools"] = [_expanded_pool(whole, each) for each in whole.pools]
    return shown


def _expanded_listener(whole: tree.Tree, row: listener.Listener) -> View:
    progress = whole.loadbalancer.progress
    policies = [
        {**common(each, progress), "rules": [common(rule, progress) for rule in whole.rules_of(each.id)]}
        for each in whole.policies_of(row.id)
    ]
    return {**common(row, progress), "l7policies": policies}


def _expanded_pool(whole: tree.Tree, row: pool.Pool) -> View:
    progress = whole.loadbalancer.progress
    monitor = whole.monitor_of(row.id)
    shown = {
        **common(row, progress),
        "listeners": _ids(whole.listeners_of(row.id)),
        "members": [common(each, progress) for each in whole.members_of(row.id)],
    }
    if monitor is not None:
        shown["healthmonitor"] = common(monitor, progress)
    return shown


def status_tree(whole: tree.Tree) -> View:
    """The statuses of a load balancer and of everything its listeners reach."""
    root = whole.loadbalancer
    reached = {back.id: {each.id for each in whole.listeners_of(back.id)} for back in whole.pools}
    listeners = [
        {
            **_state(front, root),
            "pools": [_pool_states(whole, back) for back in whole.pools if front.id in reached[back.id]],
        }
        for front in whole.listeners
    ]
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


Stated: TypeAlias = (
    loadbalancer.LoadBalancer | listener.Listener | pool.Pool | member.Member | healthmonitor.HealthMonitor
)


def _state(row: Stated, root: loadbalancer.LoadBalancer) -> View:
    return {
        "id": row.id,
        "name": row.name,
        "provisioning_status": provisioning(row, root.progress).value,
        "operating_status": row.operating_status.value,
    }
