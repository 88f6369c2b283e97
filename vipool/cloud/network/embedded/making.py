"""Ports: made with a MAC and addresses, changed, and removed with all that they hold."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vipool.cloud.network.embedded import allocation, touch, visible
from vipool.model import caller, device, faults, floatingip, network, plug, port, subnet
from vipool.store import rows, session

OUI = "fa:16:3e"  # the prefix that OpenStack gives its ports
SERVICE_DEVICES = "network:"  # ports of routers and floating IPs: no address comes to them unasked
# Those whose addresses are kept elsewhere too.
# What of a port matters to who names its security groups.
IN_GROUPS = ("security_groups", "fixed_ips", "allowed_address_pairs")
FIXED_DEVICES = frozenset({device.ROUTER_GATEWAY, device.FLOATING_IP, device.LOAD_BALANCER})


def mac(number: int) -> str:
    """A MAC from the lowest 24 bits of a number."""
    return ":".join([OUI, *(f"{number >> shift & 0xFF:02x}" for shift in (16, 8, 0))])


def free_mac(held: session.Session, new_id: Callable[[], str]) -> str:
    """A MAC that no port has."""
    while True:
        made = mac(int(new_id().replace("-", "")[-6:], 16))
        if not rows.count(held, port.Port, mac_address=made):
            return made


def create(held: session.Session, wanted: port.Request, new_id: Callable[[], str]) -> port.Port:
    """A new port on a network that exists, with its addresses taken."""
    draft = port.Port(
        id=new_id(),
        name=wanted.name,
        description=wanted.description,
        project_id=wanted.project_id,
        network_id=wanted.network_id,
        mac_address=wanted.mac_address or free_mac(held, new_id),
        admin_state_up=wanted.admin_state_up,
        device_id=wanted.device_id,
        device_owner=wanted.device_owner,
        security_groups=wanted.security_group_ids,
        guarded=wanted.device_owner == device.LOAD_BALANCER and bool(wanted.security_group_ids),
        qos_policy_id=wanted.qos_policy_id,
    )
    return add(held, draft, wanted.fixed_ips or None)


def add(held: session.Session, draft: port.Port, wanted: Sequence[allocation.Wanted] | None) -> port.Port:
    """A port as drafted, with addresses: those wanted, or with None one of each family of the network.

    Raises faults.NotFound for its network, faults.Conflict when its MAC or an address is taken or none is left, and
    faults.Invalid for an address that does not fit.
    """
    if rows.get(held, network.Network, draft.network_id) is None:
        raise faults.NotFound(f"Network {draft.network_id} could not be found.", kind="NetworkNotFound")
    _check_mac(held, draft.network_id, draft.mac_address)
    trusted = draft.device_owner.startswith(SERVICE_DEVICES)
    choice = allocation.Choice(
        held=held,
        network_id=draft.network_id,
        subnets=subnets_of(held, draft.network_id),
        mac=draft.mac_address,
        trusted=trusted,
    )
    if wanted is None:
        choice.defaults()
    else:
        choice.wanted(wanted)
    if not trusted:
        choice.derived()
    made = draft.having(
        {
            **({"port_security_enabled": False, "security_groups": ()} if trusted else {}),
            "fixed_ips": tuple(choice.chosen),
            "extra_dhcp_opts": tuple({**each, "ip_version": each["ip_version"] or 4} for each in draft.extra_dhcp_opts),
            "allowed_address_pairs": _allowed(draft.allowed_address_pairs, draft.mac_address),
            "created_at": held.now,
            "updated_at": held.now,
        }
    )
    rows.add(held, made)
    allocation.take(held, made.network_id, made.id, made.fixed_ips)
    touch.groups(held, made.security_groups)
    return made


def check_request(
    held: session.Session,
    who: caller.Caller,
    on: network.Network,
    values: Mapping[str, Any],
    before: port.Port | None = None,
) -> None:
    """Refuse what only the owner of a network may ask for a port on it, new or changed.  Raises faults.Forbidden.

    Else a tenant could take the gateway's address on a network that is shared, or pass for a service there.
    """
    if who.is_admin or who.owns(on.project_id):
        return
    rule = "create_port" if before is None else "update_port"
    if before is None and not on.shared and not visible.is_lent(held, who, on.id):
        raise faults.Forbidden(f"rule:{rule} is disallowed by policy", kind="PolicyNotAuthorized")
    for name, asked in _of_owners(values, before).items():
        if asked:
            raise faults.Forbidden(
                f"(rule:{rule} and rule:{rule}:{name}) is disallowed by policy", kind="PolicyNotAuthorized"
            )


def _of_owners(values: Mapping[str, Any], before: port.Port | None) -> dict[str, bool]:
    """Whether the values have what only the owner of the network may ask, by the name of Neutron's rule."""
    owner = "" if before is None else before.device_owner
    pairs = () if before is None else before.allowed_address_pairs
    secured = True if before is None else before.port_security_enabled
    named = {each["ip_address"] for each in values.get("fixed_ips", ())} - {None}
    new = {str(ipaddress.ip_address(each)) for each in named} - set(() if before is None else before.addresses)
    wanted = values.get("device_owner", owner)
    return {
        "device_owner": wanted != owner and wanted.startswith(SERVICE_DEVICES),
        "mac_address": before is None and "mac_address" in values,
        "fixed_ips:ip_address": bool(new),
        "port_security_enabled": values.get("port_security_enabled", secured) != secured,
        "allowed_address_pairs": bool(values.get("allowed_address_pairs")) and values["allowed_address_pairs"] != pairs,
    }


def check_security(of: port.Port) -> None:
    """Refuse groups and address pairs on a port without port security."""
    if of.port_security_enabled:
        return
    if of.allowed_address_pairs:
        raise faults.Conflict(
            "Port Security must be enabled in order to have allowed address pairs on a port.",
            kind="AddressPairAndPortSecurityRequired",
        )
    if of.security_groups:
        raise faults.Invalid(
            "Port security must be enabled and port must have an IP address in order to use security groups.",
            kind="PortSecurityAndIPRequiredForSecurityGroups",
        )


def pairs(fixed: Sequence[Mapping[str, str | None]]) -> list[allocation.Wanted]:
    """The entries of a request as (subnet, address) pairs."""
    return [(each["subnet_id"], each["ip_address"]) for each in fixed]


def _check_mac(held: session.Session, network_id: str, address: str) -> None:
    if rows.count(held, port.Port, mac_address=address, network_id=network_id):
        raise faults.Conflict(
            f"Unable to complete operation for network {network_id}. The mac address {address} is in use.",
            kind="MacAddressInUse",
        )


def _allowed(entries: Sequence[Mapping[str, Any]], own: str) -> tuple[Mapping[str, Any], ...]:
    """Address pairs with the port's own MAC where none is named, a single address without its mask."""
    found = [{"mac_address": each["mac_address"] or own, "ip_address": _bare(each["ip_address"])} for each in entries]
    for place, each in enumerate(found):
        if each in found[:place]:
            raise faults.Invalid(
                f"Request contains duplicate address pair: mac_address {each['mac_address']} "
                f"ip_address {each['ip_address']}.",
                kind="DuplicateAddressPairInRequest",
            )
    return tuple(found)


def _bare(cidr: str) -> str:
    block = ipaddress.ip_network(cidr)
    return str(block.network_address) if block.num_addresses == 1 else cidr


def subnets_of(held: session.Session, network_id: str) -> tuple[subnet.Subnet, ...]:
    """The subnets of a network, oldest first."""
    found = rows.find(held, subnet.Subnet, network_id=network_id)
    return tuple(sorted(found, key=lambda each: (each.created_at, each.id)))


def change(held: session.Session, before: port.Port, values: Mapping[str, Any]) -> port.Port:
    """A changed port; addresses that stay are kept, and nodes are told."""
    changed = dict(values)
    if changed.get("mac_address", before.mac_address) != before.mac_address:
        _check_mac(held, before.network_id, changed["mac_address"])
    if "fixed_ips" in changed:
        changed["fixed_ips"] = _readdress(held, before, changed["fixed_ips"])
    if "allowed_address_pairs" in changed:
        own = changed.get("mac_address", before.mac_address)
        changed["allowed_address_pairs"] = _allowed(changed["allowed_address_pairs"], own)
    if "security_groups" in changed and before.device_owner == device.LOAD_BALANCER:
        changed["guarded"] = bool(changed["security_groups"])
    after = before.having({**changed, "updated_at": held.now, "revision_number": before.revision_number + 1})
    rows.put(held, after)
    touch.port(held, after)
    if any(getattr(before, name) != getattr(after, name) for name in IN_GROUPS):
        touch.groups(held, {*before.security_groups, *after.security_groups})
    return after


def _readdress(
    held: session.Session, before: port.Port, wanted: Sequence[Mapping[str, str | None]]
) -> tuple[allocation.Fixed, ...]:
    if before.device_owner in FIXED_DEVICES and before.device_id:
        raise faults.Conflict(
            f"Unable to complete operation on port {before.id}: its addresses are those of {before.device_owner} "
            f"{before.device_id}. Change that instead.",
            kind="PortInUse",
        )
    allocation.give_back(held, before.fixed_ips)
    trusted = before.device_owner.startswith(SERVICE_DEVICES)
    choice = allocation.Choice(
        held=held,
        network_id=before.network_id,
        subnets=subnets_of(held, before.network_id),
        mac=before.mac_address,
        trusted=trusted,
    )
    derived = {each.id for each in choice.subnets if each.derives_addresses}
    choice.wanted(_keeping([each for each in before.fixed_ips if each["subnet_id"] not in derived], wanted))
    if not trusted:
        choice.derived()
    left = {each["ip_address"] for each in choice.chosen}
    for each in rows.find(held, floatingip.FloatingIp, port_id=before.id):
        if each.fixed_ip_address not in left:
            raise faults.Invalid(
                f"Bad port request: Cannot take {each.fixed_ip_address} from port {before.id}: floating IP "
                f"{each.floating_ip_address} stands for it. Disassociate that first.",
                kind="BadRequest",
            )
    allocation.take(held, before.network_id, before.id, choice.chosen)
    return tuple(choice.chosen)


def _keeping(
    present: Sequence[allocation.Fixed], wanted: Sequence[Mapping[str, str | None]]
) -> list[allocation.Wanted]:
    """The wanted entries; where only a subnet is named, with an address the port has there already."""
    named = {str(ipaddress.ip_address(each["ip_address"])) for each in wanted if each["ip_address"]}
    spare = [each for each in present if each["ip_address"] not in named]
    found: list[allocation.Wanted] = []
    for each in wanted:
        kept = None
        if each["ip_address"] is None:
            kept = next((one for one in spare if one["subnet_id"] == each["subnet_id"]), None)
        if kept is not None:
            spare.remove(kept)
        found.append((each["subnet_id"], each["ip_address"] if kept is None else kept["ip_address"]))
    return found


def remove(held: session.Session, gone: port.Port) -> None:
    """Remove a port: its addresses are free, floating IPs stand for it no more, nodes unplug it."""
    for each in rows.find(held, floatingip.FloatingIp, port_id=gone.id):
        freed = {
            "port_id": None,
            "fixed_ip_address": None,
            "router_id": None,
            "status": "DOWN",
            "revision_number": each.revision_number + 1,
        }
        rows.change(held, floatingip.FloatingIp, each.id, freed)
        touch.router(held, each.router_id)
    found = rows.get(held, plug.Plug, gone.id)
    if found is not None:
        touch.bury_plug(held, found, gone)
    allocation.give_back(held, gone.fixed_ips)
    rows.remove(held, port.Port, gone.id)
    touch.groups(held, gone.security_groups)
    if gone.has_returns:
        touch.routers_of(held, gone.network_id)
    if gone.device_owner in {device.ROUTER_INTERFACE, device.ROUTER_GATEWAY}:
        touch.router(held, gone.device_id)
