"""May a write begin at all, and on what terms?  Pure: a tree, the time and the deployment in, terms or a refusal out.

A load balancer that is going is immutable.  While a write is under way, others are taken too and realised together,
unless the deployment wants Octavia's lock: then whatever is pending is immutable.
"""

import datetime
from dataclasses import dataclass
from typing import assert_never

from vipool.model import (
    deployment,
    faults,
    healthmonitor,
    l7policy,
    l7rule,
    loadbalancer,
    member,
    pool,
    status,
    tree,
)

Provisioning = status.Provisioning


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a write: the generation it makes, when it happens, and what the deployment allows."""

    generation: int
    now: datetime.datetime
    allowed: deployment.Deployment = deployment.USUAL


def below(whole: tree.Tree, now: datetime.datetime, allowed: deployment.Deployment) -> Terms:
    """The terms of the next write below a load balancer.  Raises faults.Conflict."""
    root = whole.loadbalancer
    if root.dying or not at_rest(root, allowed):
        raise faults.Conflict(f"Load Balancer {root.id} is immutable and cannot be updated.")
    return Terms(generation=root.generation + 1, now=now, allowed=allowed)


def itself(whole: tree.Tree, now: datetime.datetime, allowed: deployment.Deployment, *also: Provisioning) -> Terms:
    """The terms of a write to the load balancer itself, which may begin in these states ``also``.

    Raises faults.Conflict.
    """
    root = whole.loadbalancer
    if root.dying or not at_rest(root, allowed, *also):
        raise wrong_state(root)
    return Terms(generation=root.generation + 1, now=now, allowed=allowed)


def deletion(whole: tree.Tree, now: datetime.datetime, allowed: deployment.Deployment) -> Terms:
    """The terms of deleting a load balancer; a deletion that failed may be asked for again.  Raises faults.Conflict."""
    root = whole.loadbalancer
    failed = provisioning(root, root) is Provisioning.ERROR
    if (root.dying and not failed) or not at_rest(root, allowed, Provisioning.ERROR):
        raise wrong_state(root)
    return Terms(generation=root.generation + 1, now=now, allowed=allowed)


def at_rest(root: loadbalancer.LoadBalancer, allowed: deployment.Deployment, *also: Provisioning) -> bool:
    """Whether nothing is under way that the deployment would not have disturbed."""
    match allowed.immutable:
        case deployment.Immutable.ACCEPT:
            return True
        case deployment.Immutable.CONFLICT:
            return provisioning(root, root) in {Provisioning.ACTIVE, *also}
        case _:
            assert_never(allowed.immutable)


def refuse_busy(whole: tree.Tree, row: tree.Child, allowed: deployment.Deployment) -> None:
    """Refuse a write below a row that is changing, where the deployment refuses such writes.

    Octavia looks at pools for their members and monitors, and at policies for their rules.
    """
    above: tree.Child | None = None
    called = ""
    if isinstance(row, member.Member | healthmonitor.HealthMonitor):
        above, called = whole.find(pool.Pool, row.pool_id), "Pool"
    if isinstance(row, l7rule.L7Rule):
        above, called = whole.find(l7policy.L7Policy, row.l7policy_id), "L7Policy"
    if above is None or allowed.immutable is deployment.Immutable.ACCEPT:
        return
    if provisioning(above, whole.loadbalancer) is not Provisioning.ACTIVE:
        raise faults.Conflict(f"{called} {above.id} is immutable and cannot be updated.")


def wrong_state(root: loadbalancer.LoadBalancer) -> faults.Conflict:
    """The refusal of a write to a load balancer itself in its state."""
    return faults.Conflict(f"Invalid state {provisioning(root, root)} of loadbalancer resource {root.id}")


def provisioning(row: tree.Row, root: loadbalancer.LoadBalancer) -> Provisioning:
    """The provisioning status of a row of the tree of that load balancer."""
    return status.provisioning(born=row.born, touched=row.touched, dying=row.dying, progress=root.progress)
