"""Subnets: made, changed and removed, with the checks that keep addresses unambiguous."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from vipool.cloud.network.embedded import allocation, making, subnetpools, touch
from vipool.core import address
from vipool.model import caller, device, faults, network, port, subnet
from vipool.store import rows, session

# Neutron's own limits.
MOST_NAMESERVERS = 5
MOST_ROUTES = 20
MOST_POOLS = 64


def create(held: session.Session, who: caller.Caller, values: dict[str, Any], *, gateway_given: bool) -> subnet.Subnet:
    """A new subnet of a network that the caller owns.  Raises faults.NotFound, Forbidden, Invalid or Conflict."""
    on = rows.get(held, network.Network, values["network_id"])
    if on is None:
        raise faults.NotFound(f"Network {values['network_id']} could not be found.", kind="NetworkNotFound")
    if not (who.is_admin or who.owns(on.project_id)):
        raise faults.Forbidden("rule:create_subnet is disallowed by policy", kind="PolicyNotAuthorized")
    if not values.get("cidr"):
        raise faults.Invalid(
            "Bad subnets request: a subnetpool must be specified in the absence of a cidr.", kind="BadRequest"
        )
    draft = subnet.Subnet.build({**values, "created_at": held.now, "updated_at": held.now})
    _check_range(draft)
    _check_modes(draft)
    block = draft.block
    gateway = draft.gateway_ip if gateway_given else str(address.default_gateway(block))
    made = draft.having({"gateway_ip": None if gateway is None else str(ipaddress.ip_address(gateway))})
    made = made.having({"allocation_pools": _pools(made)})
    _check(made)
    subnetpools.check_affinity(held, made)
    _check_overlap(held, made)
    rows.add(held, made)
    return made


def _invalid(sentence: str) -> faults.Invalid:
    return faults.Invalid(f"Invalid input for operation: {sentence}", kind="InvalidInput")


def _check_range(made: subnet.Subnet) -> None:
    block = made.block
    if made.ip_version not in {4, 6}:
        raise faults.Invalid(
            f"Invalid input for ip_version. Reason: {made.ip_version} is not in valid_values.", kind="HTTPBadRequest"
        )
    if block.version != made.ip_version:
        raise _invalid(f"cidr '{block}' does not match the ip_version '{made.ip_version}'.")
    if made.enable_dhcp and block.is_multicast:
        raise _invalid("Multicast IP subnet is not supported if enable_dhcp is True.")
    if made.enable_dhcp and block.max_prefixlen - block.prefixlen < 2:
        raise _invalid("Subnet has a prefix length that is incompatible with DHCP service enabled.")
    # 0.0.0.0/8 is "this network" (RFC 1122, 3.2.1.3) and 127.0.0.0/8 never leaves a host.
    if block.is_loopback or (block.version == 4 and block.overlaps(ipaddress.IPv4Network("0.0.0.0/8"))):
        raise _invalid(f"{block} is not a block that hosts may have: choose another, such as 10.0.0.0/24.")


def _check_modes(made: subnet.Subnet) -> None:
    advertised, derived = made.ipv6_ra_mode, made.ipv6_address_mode
    if advertised is None and derived is None:
        return
    if made.ip_version == 4:
        name = "ipv6_ra_mode" if advertised is not None else "ipv6_address_mode"
        raise _invalid(f"{name} is not valid when ip_version is 4.")
    if not made.enable_dhcp:
        raise _invalid("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False.")
    if advertised and derived and advertised != derived:
        raise _invalid(
            f"ipv6_ra_mode set to '{advertised}' with ipv6_address_mode set to '{derived}' is not valid: make them the "
            "same."
        )
    if made.derives_addresses and made.block.prefixlen != 64:
        raise _invalid(f"Invalid CIDR {made.cidr} for addresses derived from MACs: its prefix must be /64.")


def _pools(made: subnet.Subnet) -> tuple[Mapping[str, str], ...]:
    """The pools in canonical spelling, or the default ones."""
    if made.allocation_pools:
        return tuple({key: str(ipaddress.ip_address(each[key])) for key in ("start", "end")} for each in _bounded(made))
    gateway = None if made.gateway_ip is None else ipaddress.ip_address(made.gateway_ip)
    spans = address.default_pools(made.block, gateway)
    return tuple(
        {"start": address.spell(made.ip_version, a), "end": address.spell(made.ip_version, b)} for a, b in spans
    )


def _bounded(made: subnet.Subnet) -> Sequence[Mapping[str, str]]:
    if len(made.allocation_pools) > MOST_POOLS:
        raise _invalid(f"A subnet has at most {MOST_POOLS} allocation pools: join some.")
    return made.allocation_pools


def _check(made: subnet.Subnet) -> None:
    """What holds for a subnet whenever it is written."""
    _check_pools(made)
    _check_gateway(made)
    if len(made.dns_nameservers) > MOST_NAMESERVERS:
        raise faults.Invalid(
            f"The number of DNS nameservers exceeds the limit {MOST_NAMESERVERS}.", kind="DNSNameServersExhausted"
        )
    if len(made.host_routes) > MOST_ROUTES:
        raise faults.Invalid(f"The number of host routes exceeds the limit {MOST_ROUTES}.", kind="HostRoutesExhausted")
    for place, each in enumerate(made.dns_nameservers):
        if each in made.dns_nameservers[:place]:
            raise faults.Invalid(
                f"Invalid input for dns_nameservers. Reason: Duplicate nameserver '{each}'.", kind="HTTPBadRequest"
            )
    for route in made.host_routes:
        versions = {ipaddress.ip_network(route["destination"]).version, ipaddress.ip_address(route["nexthop"]).version}
        if versions != {made.ip_version}:
            raise _invalid(f"host route {route['destination']} via {route['nexthop']} is not IPv{made.ip_version}.")


def _check_pools(made: subnet.Subnet) -> None:
    block = made.block
    for each in made.allocation_pools:
        first, last = ipaddress.ip_address(each["start"]), ipaddress.ip_address(each["end"])
        if first.version != block.version or last.version != block.version or int(first) > int(last):
            raise faults.Invalid(
                f"The allocation pool {first}-{last} is not valid: its start must not be after its end.",
                kind="InvalidAllocationPool",
            )
        if not (address.usable(block, first) and address.usable(block, last)):
            raise faults.Invalid(
                f"The allocation pool {first}-{last} spans beyond the subnet cidr {block}.",
                kind="OutOfBoundsAllocationPool",
            )
    for one, other in address.overlaps(allocation.pools(made)):
        raise faults.Conflict(
            f"Found overlapping allocation pools: {_span(made, one)} {_span(made, other)} for subnet {block}.",
            kind="OverlappingAllocationPools",
        )


def _span(made: subnet.Subnet, span: address.Range) -> str:
    return "-".join(address.spell(made.ip_version, each) for each in span)


def _check_gateway(made: subnet.Subnet) -> None:
    if made.gateway_ip is None:
        return
    gateway = ipaddress.ip_address(made.gateway_ip)
    if gateway.version != made.ip_version:
        raise _invalid(f"gateway {gateway} is not IPv{made.ip_version}.")
    if gateway in made.block and not address.usable(made.block, gateway):
        raise _invalid("Gateway is not valid on subnet.")
    for span in allocation.pools(made):
        if span[0] <= int(gateway) <= span[1]:
            raise faults.Conflict(
                f"Gateway ip {gateway} conflicts with allocation pool {_span(made, span)}.",
                kind="GatewayConflictWithAllocationPools",
            )


def _check_overlap(held: session.Session, made: subnet.Subnet) -> None:
    for other in making.subnets_of(held, made.network_id):
        if other.block.overlaps(made.block):
            raise _invalid(
                f"Requested subnet with cidr: {made.cidr} for network: {made.network_id} overlaps with another subnet, "
                f"{other.id} ({other.cidr})."
            )


def change(held: session.Session, before: subnet.Subnet, values: Mapping[str, Any]) -> subnet.Subnet:
    """A changed subnet; what has addresses in it is looked at again.  Raises faults.Invalid or Conflict."""
    after = before.having({**values, "updated_at": held.now, "revision_number": before.revision_number + 1})
    if after.gateway_ip is not None:
        after = after.having({"gateway_ip": str(ipaddress.ip_address(after.gateway_ip))})
    after = after.having({"allocation_pools": _pools(after)})
    _check_modes(after)
    _check(after)
    if after.gateway_ip != before.gateway_ip:
        _check_gateway_free(held, before)
    rows.put(held, after)
    _tell(held, before, after)
    return after


def _check_gateway_free(held: session.Session, before: subnet.Subnet) -> None:
    if before.gateway_ip is None:
        return
    wanted = allocation.key({"subnet_id": before.id, "ip_address": before.gateway_ip})
    taken = rows.get(held, port.Allocation, wanted)
    holder = None if taken is None else rows.get(held, port.Port, taken.port_id)
    if holder is not None and holder.device_owner == device.ROUTER_INTERFACE:
        raise faults.Conflict(
            f"Current gateway ip {before.gateway_ip} already in use by port {holder.id}. Unable to update: remove the "
            "router's interface first.",
            kind="GatewayIpInUse",
        )


def _tell(held: session.Session, before: subnet.Subnet, after: subnet.Subnet) -> None:
    """Nodes hear of what they are told of a subnet: its gateway and its routes."""
    if (before.gateway_ip, before.host_routes) == (after.gateway_ip, after.host_routes):
        return
    holders = {each.port_id for each in rows.find(held, port.Allocation, subnet_id=after.id)}
    for each in rows.find_by_ids(held, port.Port, sorted(holders)).values():
        touch.port(held, each)


def remove(held: session.Session, gone: subnet.Subnet) -> None:
    """Remove a subnet.  Raises faults.Conflict while ports have addresses in it that they did not make themselves."""
    if gone.derives_addresses:
        _take_derived(held, gone)
    if rows.count(held, port.Allocation, subnet_id=gone.id):
        raise faults.Conflict(
            f"Unable to complete operation on subnet {gone.id}: One or more ports have an IP allocation from this "
            "subnet.",
            kind="SubnetInUse",
        )
    rows.remove(held, subnet.Subnet, gone.id)


def _take_derived(held: session.Session, gone: subnet.Subnet) -> None:
    """Take the addresses that ports made themselves in a subnet, as Neutron does; routers keep theirs."""
    holders = {each.port_id for each in rows.find(held, port.Allocation, subnet_id=gone.id)}
    for each in rows.find_by_ids(held, port.Port, sorted(holders)).values():
        if each.device_owner in {device.ROUTER_INTERFACE, device.ROUTER_GATEWAY}:
            continue
        lost = tuple(one for one in each.fixed_ips if one["subnet_id"] == gone.id)
        left = tuple(one for one in each.fixed_ips if one["subnet_id"] != gone.id)
        allocation.give_back(held, lost)
        after = each.having({"fixed_ips": left, "updated_at": held.now, "revision_number": each.revision_number + 1})
        rows.put(held, after)
        touch.port(held, after)
