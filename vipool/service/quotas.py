"""Quotas of load balancers: how many objects a project may have, and that nobody has more.

What is counted is counted in the transaction that adds to it, and writers take turns: two requests cannot both take
the last place.
"""

import collections
from collections.abc import Mapping

from vipool.model import (
    attr,
    deployment,
    faults,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    loadbalancer,
    member,
    pool,
    quota,
    tree,
)
from vipool.store import rows, session

KINDS: Mapping[str, type[tree.Row]] = {
    "loadbalancer": loadbalancer.LoadBalancer,
    "listener": listener.Listener,
    "pool": pool.Pool,
    "member": member.Member,
    "healthmonitor": healthmonitor.HealthMonitor,
    "l7policy": l7policy.L7Policy,
    "l7rule": l7rule.L7Rule,
}


def default(allowed: deployment.Deployment, kind: str) -> int:
    """The limit of a project that nobody gave another."""
    return allowed.quotas.get(kind, deployment.UNLIMITED)


def limit(found: quota.Quota | None, allowed: deployment.Deployment, kind: str) -> int:
    """The limit of a project whose quota this is, if it has one."""
    own: int | None = None if found is None else getattr(found, kind)
    return default(allowed, kind) if own is None else own


def charge(held: session.Session, before: tree.Tree | None, after: tree.Tree, allowed: deployment.Deployment) -> None:
    """Refuse a write that would give its project more than it may have.  Raises faults.OverQuota.

    Rows that are going count until they are gone; a batch that replaces members pays for the difference.
    """
    added = _added(before, after)
    if not added:
        return
    project = after.loadbalancer.project_id
    found = rows.get(held, quota.Quota, project)
    if found is None:
        rows.add(held, quota.Quota(id=project, project_id=project))
    met = []
    for kind, more in added.items():
        most = limit(found, allowed, kind)
        if most != deployment.UNLIMITED and rows.count(held, KINDS[kind], project_id=project) + more > most:
            met.append(KINDS[kind].NOUN.title)
    if met:
        raise faults.OverQuota(f"Quota has been met for resources: {', '.join(met)}")


def _added(before: tree.Tree | None, after: tree.Tree) -> dict[str, int]:
    """How many rows of each kind a write adds, less those it sends away."""
    found: collections.Counter[type[tree.Row]] = collections.Counter()
    for was, row in tree.differing(before, after):
        if row is not None and was is None:
            found[type(row)] += 1
        elif row is not None and was is not None and row.dying and not was.dying:
            found[type(row)] -= 1
    return {kind: found[cls] for kind, cls in KINDS.items() if found[cls] > 0}


def show(project: str, found: quota.Quota | None, allowed: deployment.Deployment) -> dict[str, object]:
    """The limits of a project as replies show them: every kind under each of its names."""
    shown: dict[str, object] = {"project_id": project, "tenant_id": project}
    return {**shown, **limits(found, allowed)}


def limits(found: quota.Quota | None, allowed: deployment.Deployment) -> dict[str, object]:
    """The limits alone."""
    known = attr.by_wire(quota.Quota)
    return {name: limit(found, allowed, kind) for kind in KINDS for name in (kind, *known[kind].attr.aliases)}


def change(held: session.Session, project: str, values: Mapping[str, object]) -> quota.Quota:
    """The changed limits of a project; null is the deployment's default again."""
    found = rows.get(held, quota.Quota, project)
    if found is None:
        made = quota.Quota.build({"id": project, "project_id": project, **values})
        rows.add(held, made)
        return made
    changed = found.having(values)
    rows.put(held, changed)
    return changed


def reset(held: session.Session, project: str) -> None:
    """Give a project the deployment's limits.  Raises faults.NotFound where it has no quota."""
    if rows.get(held, quota.Quota, project) is None:
        raise faults.not_found("Quotas", project)
    rows.remove(held, quota.Quota, project)
