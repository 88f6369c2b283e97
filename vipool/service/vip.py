"""Choosing the VIP of a new load balancer: which port, network, subnet and address, in the order Octavia looks."""

import dataclasses
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.cloud.network import base
from vipool.model import faults, loadbalancer, port, subnet
from vipool.service import additional, lookup

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


def asked(root: loadbalancer.LoadBalancer) -> Vip:
    """What a new load balancer says of its VIP."""
    return Vip(
        port_id=root.vip_port_id,
        network_id=root.vip_network_id,
        subnet_id=root.vip_subnet_id,
        address=root.vip_address,
    )


def hold(
    root: loadbalancer.LoadBalancer, found: Vip, look: lookup.Lookup, zone: Mapping[str, Any]
) -> loadbalancer.LoadBalancer:
    """The load balancer with a port that holds its VIPs: the user's, or a new one.

    ``zone`` is what its availability zone says.  Raises faults.Conflict for an address that is taken, faults.Invalid
    for what does not fit.
    """
    _check_network(str(found.network_id), look, zone)
    check_dress(root.vip_qos_policy_id, root.vip_sg_ids, look)
    more = additional.wanted(root.additional_vips, str(found.network_id), found.subnet_id, look)
    given = found.port_id is not None
    made = _given(root, found, look) if given else _made(root, found, more, look)
    placed = _placed(root, found, made)
    return dataclasses.replace(
        placed, additional_vips=additional.placed(more, made), vip_owned=not given, vip_vnic_type=_vnic_type(root)
    )


def _vnic_type(root: loadbalancer.LoadBalancer) -> str:
    return "direct" if root.flavor.get("sriov_vip") else "normal"


def _check_network(network_id: str, look: lookup.Lookup, zone: Mapping[str, Any]) -> None:
    """Only some networks may have VIPs, where the zone or the deployment says so."""
    named = zone.get("valid_vip_networks") or look.allowed.valid_vip_networks
    if named and network_id not in {str(each).lower() for each in named}:
        raise faults.Invalid(
            "Validation failure: Supplied VIP network_id is not allowed by the configuration of this deployment."
        )


def check_dress(policy_id: str | None, group_ids: Sequence[str], look: lookup.Lookup) -> None:
    """Refuse a QoS policy or security groups that the caller cannot see.  Raises faults.Invalid."""
    if policy_id is not None and not look.networks.has_policy(look.held, look.who, policy_id):
        raise faults.Invalid(f"qos_policy {policy_id} not found.")
    for each in group_ids:
        if not look.networks.has_group(look.held, look.who, each):
            raise faults.Invalid(f"Security Group {each} not found.")


def change(before: loadbalancer.LoadBalancer, values: Mapping[str, Any], look: lookup.Lookup) -> None:
    """Give the port of a VIP the QoS policy and the security groups of an update.  Raises faults.Invalid."""
    policy_id = values.get("vip_qos_policy_id", before.vip_qos_policy_id)
    group_ids = values.get("vip_sg_ids", before.vip_sg_ids)
    if policy_id != before.vip_qos_policy_id or "vip_sg_ids" in values:
        check_dress(None if policy_id == before.vip_qos_policy_id else policy_id, group_ids, look)
        if before.vip_port_id is not None:
            dress = base.Dress(qos_policy_id=policy_id, security_groups=values.get("vip_sg_ids"))
            look.networks.dress_port(look.held, before.vip_port_id, dress)


def _given(root: loadbalancer.LoadBalancer, found: Vip, look: lookup.Lookup) -> port.Port:
    """The user's own port, which is the load balancer's from now on."""
    use = base.Use(device_id=f"lb-{root.id}", device_owner=DEVICE_OWNER)
    dress = base.Dress(qos_policy_id=root.vip_qos_policy_id, security_groups=root.vip_sg_ids or None)
    bound = look.networks.bind_port(look.held, str(found.port_id), use)
    if root.vip_qos_policy_id is None and not root.vip_sg_ids:
        return bound
    return look.networks.dress_port(look.held, bound.id, dress)


def _made(
    root: loadbalancer.LoadBalancer, found: Vip, more: Sequence[additional.Wanted], look: lookup.Lookup
) -> port.Port:
    wanted = port.Request(
        network_id=str(found.network_id),
        fixed_ips=((found.subnet_id, found.address), *more),
        name=f"octavia-lb-{root.id}",
        device_id=f"lb-{root.id}",
        device_owner=DEVICE_OWNER,
        project_id=root.project_id,
        security_group_ids=root.vip_sg_ids,
        qos_policy_id=root.vip_qos_policy_id,
    )
    try:
        return look.networks.create_port(look.held, look.who, wanted)
    except faults.Conflict as refusal:
        if refusal.kind != "IpAddressAlreadyAllocated":
            raise
        raise faults.Conflict(f"The VIP IP address is already in use: {refusal.sentence}") from refusal


def _placed(root: loadbalancer.LoadBalancer, found: Vip, made: port.Port) -> loadbalancer.LoadBalancer:
    entry = next((each for each in made.fixed_ips if each["subnet_id"] == found.subnet_id), made.fixed_ips[0])
    return dataclasses.replace(
        root,
        vip_port_id=made.id,
        vip_network_id=made.network_id,
        vip_subnet_id=str(entry["subnet_id"]),
        vip_address=found.address or str(entry["ip_address"]),
        vip_qos_policy_id=made.qos_policy_id,
    )


def resolve(wanted: Vip, look: lookup.Lookup) -> Vip:
    """The VIP with its network and, where it follows, its subnet and address.  Raises faults.Invalid or Conflict."""
    allowed = look.allowed
    ways = {
        "vip_port_id": (allowed.allow_vip_port_id, wanted.port_id),
        "vip_network_id": (allowed.allow_vip_network_id, wanted.network_id),
        "vip_subnet_id": (allowed.allow_vip_subnet_id, wanted.subnet_id),
    }
    for name, (open_to_users, value) in ways.items():
        if value is not None and not open_to_users:
            raise faults.Invalid(f"Validation failure: use of {name} is disallowed by this deployment's configuration.")
    if wanted.port_id is not None:
        return _by_port(wanted, wanted.port_id, look)
    if wanted.network_id is not None:
        return _by_network(wanted, wanted.network_id, look)
    if wanted.subnet_id is not None:
        found = _subnet(wanted.subnet_id, look)
        _check_inside(wanted.address, found)
        return dataclasses.replace(wanted, network_id=found.network_id)
    named = ", ".join(name for name, (open_to_users, _) in ways.items() if open_to_users)
    raise faults.Invalid(f"Validation failure: VIP must contain one of: {named}.")


def _subnet(identifier: str, look: lookup.Lookup) -> subnet.Subnet:
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


def _by_port(wanted: Vip, port_id: str, look: lookup.Lookup) -> Vip:
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


def _by_network(wanted: Vip, network_id: str, look: lookup.Lookup) -> Vip:
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


def _choose(wanted: Vip, subnets: tuple[subnet.Subnet, ...], look: lookup.Lookup) -> subnet.Subnet:
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
