"""Choosing the VIP of a new load balancer: which port, network, subnet and address, in the order Octavia looks."""

import dataclasses
import ipaddress
from dataclasses import dataclass

from vipool.cloud.network import base
from vipool.model import caller, faults, port, subnet
from vipool.store import session

# A VIP needs one address, and one is kept for a second instance of the load balancer.
ADDRESSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Vip:
    """What is known of a VIP: asked for, found, or made."""

    port_id: str | None = None
    network_id: str | None = None
    subnet_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Where to look: the network service, the transaction, and who is asking."""

    networks: base.Network
    held: session.Session
    who: caller.Caller


def resolve(wanted: Vip, look: Lookup) -> Vip:
    """The VIP with its network and, where it follows, its subnet and address.  Raises faults.Invalid or Conflict."""
    if wanted.port_id is not None:
        return _by_port(wanted, wanted.port_id, look)
    if wanted.network_id is not None:
        return _by_network(wanted, wanted.network_id, look)
    if wanted.subnet_id is not None:
        found = _subnet(wanted.subnet_id, look)
        _check_inside(wanted.address, found)
        return dataclasses.replace(wanted, network_id=found.network_id)
    raise faults.Invalid("Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.")


def _subnet(identifier: str, look: Lookup) -> subnet.Subnet:
    found = look.networks.subnet(look.held, look.who, identifier)
    if found is None:
        raise faults.Invalid(f"Subnet {identifier} not found.")
    return found


def _check_inside(address: str | None, found: subnet.Subnet) -> None:
    if address is not None and not _contains(found, address):
        raise faults.Invalid(
            f"Validation failure: The VIP address {address} is not in subnet {found.id} ({found.cidr}): "
            "choose one inside, or leave it out."
        )


def _contains(found: subnet.Subnet, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(found.cidr)


def _by_port(wanted: Vip, port_id: str, look: Lookup) -> Vip:
    found = look.networks.port(look.held, look.who, port_id)
    if found is None:
        raise faults.Invalid(f"Port {port_id} not found.")
    if found.device_id:
        raise faults.Invalid(f"Validation failure: Port {port_id} is already used by device {found.device_id} ")
    subnet_id, address = _fixed(wanted, found)
    return Vip(port_id=port_id, network_id=found.network_id, subnet_id=subnet_id, address=address)


def _fixed(wanted: Vip, found: port.Port) -> tuple[str, str]:
    pairs = [(str(each["subnet_id"]), str(each["ip_address"])) for each in found.fixed_ips]
    if wanted.subnet_id is not None:
        inside = [pair for pair in pairs if pair[0] == wanted.subnet_id]
        if not inside:
            raise faults.Invalid(
                "Validation failure: No VIP address found on the specified VIP port within the specified subnet."
            )
        return inside[0]
    if wanted.address is not None:
        same = [pair for pair in pairs if ipaddress.ip_address(pair[1]) == ipaddress.ip_address(wanted.address)]
        if not same:
            raise faults.Invalid("Validation failure: Specified VIP address not found on the specified VIP port.")
        return same[0]
    if len(pairs) != 1:
        raise faults.Invalid(
            "Validation failure: VIP port's subnet could not be determined. Please specify either a VIP subnet or "
            "address."
        )
    return pairs[0]


def _by_network(wanted: Vip, network_id: str, look: Lookup) -> Vip:
    if look.networks.network(look.held, look.who, network_id) is None:
        raise faults.Invalid(f"Network {network_id} not found.")
    if wanted.subnet_id is not None:
        found = _subnet(wanted.subnet_id, look)
        if found.network_id != network_id:
            raise faults.Invalid(f"Subnet {wanted.subnet_id} not found.")
        _check_inside(wanted.address, found)
        return wanted
    subnets = look.networks.subnets_of(look.held, network_id)
    return dataclasses.replace(wanted, subnet_id=_choose(wanted, subnets, look).id)


def _choose(wanted: Vip, subnets: tuple[subnet.Subnet, ...], look: Lookup) -> subnet.Subnet:
    if wanted.address is not None:
        around = [each for each in subnets if _contains(each, wanted.address)]
        if not around:
            raise faults.Invalid(
                "Validation failure: Supplied network does not contain a subnet for VIP address specified."
            )
        return around[0]
    if not subnets:
        raise faults.Invalid("Validation failure: Supplied network does not contain a subnet.")
    roomy = [each for each in subnets if look.networks.free_addresses(look.held, each.id) >= ADDRESSES]
    if not roomy:
        raise faults.Invalid(
            "Validation failure: Subnet(s) in the supplied network do not contain enough available IPs."
        )
    return next((each for each in roomy if int(each.ip_version) == 4), roomy[0])
