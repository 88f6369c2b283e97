"""Choosing the VIP of a new load balancer: which port, network, subnet and address, in the order Octavia looks."""

import dataclasses
import ipaddress
from dataclasses import dataclass

from vipool.cloud.network import base
from vipool.model import caller, faults, loadbalancer, port, subnet
from vipool.store import session

DEVICE_OWNER = "Octavia"
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


def asked(root: loadbalancer.LoadBalancer) -> Vip:
    """What a new load balancer says of its VIP."""
    return Vip(
        port_id=root.vip_port_id,
        network_id=root.vip_network_id,
        subnet_id=root.vip_subnet_id,
        address=root.vip_address,
    )


def hold(root: loadbalancer.LoadBalancer, found: Vip, look: Lookup) -> loadbalancer.LoadBalancer:
    """The load balancer with a port that holds its VIP: the user's, or a new one.  Raises faults.Conflict."""
    device = f"lb-{root.id}"
    if found.port_id is not None:
        look.networks.bind_port(look.held, found.port_id, device_id=device, device_owner=DEVICE_OWNER)
        return _placed(root, found, owned=False)
    wanted = port.Request(
        network_id=str(found.network_id),
        fixed_ips=((found.subnet_id, found.address),),
        name=f"octavia-lb-{root.id}",
        device_id=device,
        device_owner=DEVICE_OWNER,
        project_id=root.project_id,
    )
    try:
        made = look.networks.create_port(look.held, look.who, wanted)
    except faults.Conflict as refusal:
        if refusal.kind != "IpAddressAlreadyAllocated":
            raise
        raise faults.Conflict(f"The VIP IP address is already in use: {refusal.sentence}") from refusal
    entry = made.fixed_ips[0]
    return _placed(
        root,
        dataclasses.replace(
            found, port_id=made.id, subnet_id=str(entry["subnet_id"]), address=str(entry["ip_address"])
        ),
        owned=True,
    )


def _placed(root: loadbalancer.LoadBalancer, found: Vip, *, owned: bool) -> loadbalancer.LoadBalancer:
    return dataclasses.replace(
        root,
        vip_port_id=found.port_id,
        vip_network_id=found.network_id,
        vip_subnet_id=found.subnet_id,
        vip_address=found.address,
        vip_owned=owned,
    )


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
    _refuse_gateway(address, found)


def _refuse_gateway(address: str | None, found: subnet.Subnet) -> None:
    """A VIP is announced: on the gateway's address it would take the traffic of everybody on the network."""
    if address is None or found.gateway_ip is None:
        return
    if ipaddress.ip_address(address) == ipaddress.ip_address(found.gateway_ip):
        raise faults.Invalid(
            f"Validation failure: The VIP address {address} is the gateway of subnet {found.id}: choose another, or "
            "leave it out."
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
        _refuse_gateway(wanted.address, around[0])
        return around[0]
    if not subnets:
        raise faults.Invalid("Validation failure: Supplied network does not contain a subnet.")
    roomy = [each for each in subnets if look.networks.free_addresses(look.held, each.id) >= ADDRESSES]
    if not roomy:
        raise faults.Invalid(
            "Validation failure: Subnet(s) in the supplied network do not contain enough available IPs."
        )
    return next((each for each in roomy if int(each.ip_version) == 4), roomy[0])
