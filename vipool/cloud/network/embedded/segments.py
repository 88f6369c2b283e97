"""Networks and subnets: made, changed and removed, with the checks that keep addresses unambiguous."""

import dataclasses
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from vipool.cloud.network.embedded import making, touch, visible
from vipool.core import address
from vipool.model import caller, device, faults, network, plug, port, subnet
from vipool.store import rows, session

OWN_DEVICES = frozenset({device.ROUTER_INTERFACE, device.ROUTER_GATEWAY, device.FLOATING_IP})


def create_network(held: session.Session, made: network.Network) -> network.Network:
    """A new network, of which nodes hear."""
    kept = dataclasses.replace(made, created_at=held.now, updated_at=held.now, revision=held.revision())
    rows.add(held, kept)
    return kept


def change_network(held: session.Session, before: network.Network, values: dict[str, Any]) -> network.Network:
    """A changed network, with the routers and load balancers on it."""
    after = dataclasses.replace(
        before,
        **{
            **values,
            "updated_at": held.now,
            "revision_number": before.revision_number + 1,
            "revision": held.revision(),
        },
    )
    rows.put(held, after)
    if after.mtu != before.mtu:
        for each in rows.find(held, port.Port, network_id=after.id):
            touch.port(held, each)
    return after


def remove_network(held: session.Session, gone: network.Network) -> None:
    """Remove a network with its subnets.  Raises faults.Conflict while ports are on it."""
    if rows.count(held, port.Port, network_id=gone.id):
        raise faults.Conflict(
            f"Unable to complete operation on network {gone.id}. There are one or more ports still in use on the "
            "network: delete them first.",
            kind="NetworkInUse",
        )
    rows.remove(held, subnet.Subnet, *(each.id for each in making.subnets_of(held, gone.id)))
    rows.remove(held, network.Network, gone.id)
    touch.bury_network(held, gone)


def create_subnet(
    held: session.Session, who: caller.Caller, values: dict[str, Any], *, gateway_given: bool
) -> subnet.Subnet:
    """A new subnet of a network that the caller owns."""
    on = visible.need(visible.get_network(held, who, values["network_id"]), network.Network, values["network_id"])
    if not (who.is_admin or who.owns(on.project_id)):
        raise faults.Forbidden("rule:create_subnet is disallowed by policy", kind="PolicyNotAuthorized")
    range_ = ipaddress.ip_network(values["cidr"])
    _check_range(held, on, range_, int(values["ip_version"]))
    gateway = _gateway(range_, values.get("gateway_ip"), given=gateway_given)
    if not values.get("allocation_pools"):
        spans = address.default_pools(range_, gateway if gateway is None or gateway in range_ else None)
        values["allocation_pools"] = tuple(
            {"start": address.spell(range_.version, first), "end": address.spell(range_.version, last)}
            for first, last in spans
        )
    made = subnet.Subnet(
        **{
            **values,
            "project_id": values.get("project_id") or on.project_id,
            "gateway_ip": None if gateway is None else str(gateway),
            "created_at": held.now,
            "updated_at": held.now,
        }
    )
    check_pools(range_, made.allocation_pools, gateway)
    rows.add(held, made)
    return made


def _check_range(held: session.Session, on: network.Network, range_: address.Network, version: int) -> None:
    if version not in {4, 6} or range_.version != version:
        raise faults.Invalid(
            f"Invalid input for operation: The ip_version '{version}' does not match the cidr {range_}.",
            kind="InvalidInput",
        )
    if (range_.num_addresses < 4 and version == 4) or range_.num_addresses == 1:
        raise faults.Invalid(
            f"Invalid input for operation: Subnet {range_} is too small to have hosts: use a shorter prefix.",
            kind="InvalidInput",
        )
    for other in making.subnets_of(held, on.id):
        if ipaddress.ip_network(other.cidr).overlaps(range_):
            raise faults.Invalid(
                f"Invalid input for operation: Requested subnet with cidr: {range_} for network: {on.id} overlaps "
                f"with another subnet, {other.id} ({other.cidr}).",
                kind="InvalidInput",
            )


def _gateway(range_: address.Network, asked: str | None, *, given: bool) -> address.Address | None:
    if asked is not None:
        return ipaddress.ip_address(asked)
    return None if given else address.default_gateway(range_)


def check_pools(range_: address.Network, pools: Sequence[Mapping[str, str]], gateway: address.Address | None) -> None:
    """Refuse pools that are reversed, outside the subnet, overlapping, or hold the gateway."""
    spans: list[address.Range] = []
    for each in pools:
        first, last = ipaddress.ip_address(each["start"]), ipaddress.ip_address(each["end"])
        if first.version != range_.version or last.version != range_.version or int(first) > int(last):
            raise faults.Invalid(f"The allocation pool {first}-{last} is not valid.", kind="InvalidAllocationPool")
        if not (address.usable(range_, first) and address.usable(range_, last)):
            raise faults.Invalid(
                f"The allocation pool {first}-{last} spans beyond the subnet cidr {range_}.",
                kind="OutOfBoundsAllocationPool",
            )
        for low, high in spans:
            if low <= int(last) and int(first) <= high:
                raise faults.Conflict(
                    f"Found overlapping allocation pools for subnet {range_}.", kind="OverlappingAllocationPools"
                )
        spans.append((int(first), int(last)))
        if gateway is not None and int(first) <= int(gateway) <= int(last) and gateway.version == range_.version:
            raise faults.Conflict(
                f"Gateway ip {gateway} conflicts with allocation pool {first}-{last}.",
                kind="GatewayConflictWithAllocationPools",
            )


def change_subnet(held: session.Session, before: subnet.Subnet, values: dict[str, Any]) -> subnet.Subnet:
    """A changed subnet; what has addresses in it is looked at again."""
    after = dataclasses.replace(
        before, **{**values, "updated_at": held.now, "revision_number": before.revision_number + 1}
    )
    gateway = None if after.gateway_ip is None else ipaddress.ip_address(after.gateway_ip)
    check_pools(ipaddress.ip_network(after.cidr), after.allocation_pools, gateway)
    rows.put(held, after)
    for each in rows.find(held, port.Port, network_id=after.network_id):
        touch.port(held, each)
    return after


def remove_subnet(held: session.Session, gone: subnet.Subnet) -> None:
    """Remove a subnet.  Raises faults.Conflict while ports have addresses in it."""
    if rows.count(held, port.Allocation, subnet_id=gone.id):
        raise faults.Conflict(
            f"Unable to complete operation on subnet {gone.id}: One or more ports have an IP allocation from this "
            "subnet: delete them first.",
            kind="SubnetInUse",
        )
    rows.remove(held, subnet.Subnet, gone.id)


def refuse_service_port(held: session.Session, gone: port.Port) -> None:
    """Refuse to delete a port by hand that a router, a floating IP, a load balancer or a plug has."""
    if gone.device_owner in OWN_DEVICES:
        raise faults.Conflict(
            f"Port {gone.id} cannot be deleted directly via the port API: has device owner {gone.device_owner}.",
            kind="ServicePortInUse",
        )
    if rows.get(held, plug.Plug, gone.id) is not None:
        raise faults.Conflict(
            f"Port {gone.id} is plugged: detach it first (vipool port detach {gone.id}).", kind="PortInUse"
        )
