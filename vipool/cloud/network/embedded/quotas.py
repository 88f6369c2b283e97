"""Quotas: how many objects a project may have, and has."""

from collections.abc import Mapping

from vipool.model import (
    attr,
    faults,
    floatingip,
    network,
    networkquota,
    port,
    rbacpolicy,
    router,
    securitygroup,
    subnet,
    subnetpool,
)
from vipool.store import rows, session

COUNTED: Mapping[str, type[attr.Resource]] = {
    cls.NOUN.wrapper: cls
    for cls in (
        network.Network,
        subnet.Subnet,
        subnetpool.SubnetPool,
        port.Port,
        router.Router,
        floatingip.FloatingIp,
        securitygroup.SecurityGroup,
        securitygroup.Rule,
        rbacpolicy.RbacPolicy,
    )
}


def limits(held: session.Session, project_id: str) -> dict[str, int]:
    """The limits of a project by resource; -1 is none."""
    return networkquota.of(rows.get(held, networkquota.NetworkQuota, project_id))


def used(held: session.Session, project_id: str, resource: str) -> int:
    """How many a project has."""
    cls = COUNTED.get(resource)
    return 0 if cls is None else rows.count(held, cls, project_id=project_id)


def check(held: session.Session, project_id: str, resource: str, more: int) -> None:
    """Refuse more than a project may have.  Raises faults.Conflict."""
    limit = limits(held, project_id).get(resource, networkquota.UNLIMITED)
    if limit != networkquota.UNLIMITED and used(held, project_id, resource) + more > limit:
        raise faults.Conflict(f"Quota exceeded for resources: ['{resource}'].", kind="OverQuota")


def change(held: session.Session, project_id: str, wanted: Mapping[str, int], *, force: bool) -> dict[str, int]:
    """New limits of a project.  Raises faults.Invalid for one below what is in use, unless forced."""
    for resource, limit in wanted.items():
        present = used(held, project_id, resource)
        if not force and networkquota.UNLIMITED < limit < present:
            raise faults.Invalid(
                f"Quota limit {limit} for {resource} must be greater than or equal to already used {present}",
                kind="HTTPBadRequest",
            )
    found = rows.get(held, networkquota.NetworkQuota, project_id)
    if found is None:
        rows.add(held, networkquota.NetworkQuota(id=project_id, limits=dict(wanted)))
    else:
        rows.put(held, found.having({"limits": {**found.limits, **wanted}}))
    return limits(held, project_id)


def reset(held: session.Session, project_id: str) -> None:
    """Back to the defaults.  Raises faults.NotFound where nothing was set."""
    if rows.get(held, networkquota.NetworkQuota, project_id) is None:
        raise faults.NotFound(f"Quota for project {project_id} could not be found.", kind="TenantQuotaNotFound")
    rows.remove(held, networkquota.NetworkQuota, project_id)
