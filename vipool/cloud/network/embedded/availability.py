"""How many addresses the subnets of a network have, and how many are used."""

from typing import Any

from vipool.cloud.network.embedded import allocation, making
from vipool.core import address
from vipool.model import network, subnet
from vipool.store import session

COUNTS = (
    "total_ips_in_subnet",
    "total_ips_in_allocation_pool",
    "used_ips_in_subnet",
    "used_ips_in_allocation_pool",
)


def of_network(held: session.Session, of: network.Network, ip_version: int | None = None) -> dict[str, Any]:
    """The entry of Neutron's `network-ip-availabilities` for a network."""
    subnets = [each for each in making.subnets_of(held, of.id) if ip_version in {None, each.ip_version}]
    inside = [_of_subnet(held, each) for each in subnets]
    details = {name: sum(each["ip_availability_details"][name] for each in inside) for name in COUNTS}
    return {
        "network_id": of.id,
        "network_name": of.name,
        "project_id": of.project_id,
        "tenant_id": of.project_id,
        "subnet_ip_availability": inside,
        "used_ips": details["used_ips_in_subnet"],
        "total_ips": details["total_ips_in_allocation_pool"],
        "ip_availability_details": details,
    }


def _of_subnet(held: session.Session, of: subnet.Subnet) -> dict[str, Any]:
    pools, used = allocation.pools(of), allocation.used(held, of.id)
    total, first_last = address.size(pools), address.hosts(of.block)
    counts = (address.size([first_last]), total, len(used), address.within(pools, used))
    return {
        "subnet_id": of.id,
        "ip_version": of.ip_version,
        "cidr": of.cidr,
        "subnet_name": of.name,
        "used_ips": len(used),
        "total_ips": total,
        "ip_availability_details": dict(zip(COUNTS, counts, strict=True)),
    }
