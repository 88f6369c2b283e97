"""Sharing networks with single projects: RBAC policies made, changed and removed."""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.network.embedded import visible
from vipool.model import caller, faults, network, port, rbacpolicy
from vipool.store import rows, session


def create(held: session.Session, who: caller.Caller, made: rbacpolicy.RbacPolicy) -> rbacpolicy.RbacPolicy:
    """Share a network of one's own.  Raises faults.NotFound, Forbidden or Conflict."""
    shared = visible.need(visible.get_network(held, who, made.object_id), network.Network, made.object_id)
    if not (who.is_admin or who.owns(shared.project_id)):
        raise faults.Forbidden("rule:create_rbac_policy is disallowed by policy", kind="PolicyNotAuthorized")
    _check_new(held, made)
    rows.add(held, made)
    return made


def change(held: session.Session, before: rbacpolicy.RbacPolicy, values: Mapping[str, Any]) -> rbacpolicy.RbacPolicy:
    """Share a network with another project instead.  Raises faults.Conflict while the first one uses it."""
    after = before.having(values)
    if after.target_tenant != before.target_tenant:
        _check_unused(held, before)
        _check_new(held, after)
    rows.put(held, after)
    return after


def _check_new(held: session.Session, made: rbacpolicy.RbacPolicy) -> None:
    same = {"object_id": made.object_id, "target_tenant": made.target_tenant, "action": made.action}
    if rows.count(held, rbacpolicy.RbacPolicy, **same):
        raise faults.Conflict(
            f"An RBAC policy already exists with those values: network {made.object_id} is shared with "
            f"{made.target_tenant}.",
            kind="DuplicateRbacPolicy",
        )


def remove(held: session.Session, gone: rbacpolicy.RbacPolicy) -> None:
    """Share a network no more.  Raises faults.Conflict while the other project uses it."""
    _check_unused(held, gone)
    rows.remove(held, rbacpolicy.RbacPolicy, gone.id)


def _check_unused(held: session.Session, of: rbacpolicy.RbacPolicy) -> None:
    """Refuse to take a network from a project that has ports on it and no other way to it."""
    on = rows.get(held, network.Network, of.object_id)
    if on is None or on.shared:
        return
    others = rows.find(held, rbacpolicy.RbacPolicy, object_id=of.object_id)
    left = {each.target_tenant for each in others if each.id != of.id} | {on.project_id, ""}
    users = set(rows.column(held, port.Port, "project_id", network_id=of.object_id))
    lost = users - left if of.target_tenant == rbacpolicy.EVERYBODY else users & {of.target_tenant} - left
    if lost and rbacpolicy.EVERYBODY not in left:
        raise faults.Conflict(
            f"RBAC policy on object {of.object_id} cannot be removed because other objects depend on it: project "
            f"{min(lost)} has ports on the network.",
            kind="RbacPolicyInUse",
        )


def forget(held: session.Session, object_id: str) -> None:
    """Remove what shares a network, because the network is being removed."""
    rows.remove_where(held, rbacpolicy.RbacPolicy, object_id=object_id)
