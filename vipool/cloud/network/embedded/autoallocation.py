"""A project's own network with a way out, made on request from what an administrator marked as the default."""

from collections.abc import Callable, Mapping
from typing import Any

from vipool.cloud.network.embedded import quotas, routers, segments, subnetpools, subnetting
from vipool.model import autoallocated, caller, faults, network, router, subnetpool
from vipool.store import rows, session

NewId = Callable[[], str]
NAME = "auto_allocated"


def requirements(held: session.Session) -> tuple[tuple[subnetpool.SubnetPool, ...], network.Network]:
    """The default pools and the default external network.  Raises faults.Conflict where there are none."""
    pools = tuple(each for version in (4, 6) if (each := subnetpools.default(held, version)) is not None)
    if not pools:
        raise _failure("No default subnetpools defined.")
    outside = rows.find(held, network.Network, external=True, is_default=True)
    if not outside:
        raise _failure("No default router:external network.")
    return pools, outside[0]


def _failure(sentence: str) -> faults.Conflict:
    return faults.Conflict(f"Deployment error: {sentence}", kind="AutoAllocationFailure")


def ensure(held: session.Session, who: caller.Caller, project_id: str, new_id: NewId) -> str:
    """The id of the project's network, which is made with all that belongs to it if it is not there."""
    known = rows.get(held, autoallocated.AutoAllocated, project_id)
    if known is not None and rows.get(held, network.Network, known.network_id) is not None:
        return known.network_id
    pools, outside = requirements(held)
    for resource, count in (("network", 1), ("subnet", len(pools)), ("router", 1), ("port", len(pools))):
        quotas.check(held, project_id, resource, count)
    common = {"project_id": project_id}
    inside = segments.create_network(held, network.Network.build({**common, "id": new_id(), "name": f"{NAME}_network"}))
    gateway = {"network_id": outside.id, "enable_snat": None, "external_fixed_ips": None}
    way = {"id": new_id(), "name": f"{NAME}_router", "external_gateway_info": gateway}
    gate = routers.create(held, who, router.Router.build({**common, **way}), new_id)
    for pool in pools:
        wanted = {**common, "id": new_id(), "network_id": inside.id}
        made = _subnet(held, who, pool, wanted)
        routers.add_interface(held, who, gate, {"subnet_id": made}, new_id)
    if known is not None:
        rows.remove(held, autoallocated.AutoAllocated, project_id)
    rows.add(held, autoallocated.AutoAllocated(id=project_id, network_id=inside.id, router_id=gate.id))
    return inside.id


def _subnet(held: session.Session, who: caller.Caller, pool: subnetpool.SubnetPool, wanted: Mapping[str, Any]) -> str:
    values = {
        **wanted,
        "name": f"{NAME}_subnet_v{pool.ip_version}",
        "ip_version": pool.ip_version,
        "subnetpool_id": pool.id,
    }
    placed = subnetpools.placed(held, caller.NOBODY, values, {})
    return subnetting.create(held, who, placed, gateway_given="gateway_ip" in placed).id


def remove(held: session.Session, project_id: str) -> None:
    """Remove what was made for a project; nothing happens if nothing was.  Raises faults.Conflict while it is used."""
    known = rows.get(held, autoallocated.AutoAllocated, project_id)
    if known is None:
        return
    gate = rows.get(held, router.Router, known.router_id)
    if gate is not None:
        for each in routers.interfaces(held, gate):
            routers.remove_interface(held, gate, {"port_id": each.id})
        routers.remove(held, rows.get(held, router.Router, gate.id) or gate)
    inside = rows.get(held, network.Network, known.network_id)
    if inside is not None:
        segments.remove_network(held, inside)
    rows.remove(held, autoallocated.AutoAllocated, project_id)
