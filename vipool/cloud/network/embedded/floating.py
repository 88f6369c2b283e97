"""Floating IPs: an address outside, and the port it stands for."""

from collections.abc import Callable, Mapping
from typing import Any

from vipool.cloud.network.embedded import allocation, making, touch, visible
from vipool.core import address
from vipool.model import caller, device, faults, floatingip, network, port, router
from vipool.store import rows, session

NewId = Callable[[], str]


def create(held: session.Session, who: caller.Caller, values: dict[str, Any], new_id: NewId) -> floatingip.FloatingIp:
    """A new floating IP, standing for a port if one is named."""
    identifier = values["floating_network_id"]
    outside = visible.need(visible.get_network(held, who, identifier), network.Network, identifier)
    if not outside.external:
        raise _bad(f"Network {identifier} is not a valid external network.")
    if values.get("fixed_ip_address") is not None and values.get("port_id") is None:
        raise _bad("fixed_ip_address cannot be specified without a port_id.")
    draft = floatingip.FloatingIp.build({**values, "port_id": None, "fixed_ip_address": None})
    held_by = port.Port(
        id=new_id(),
        network_id=identifier,
        mac_address=making.free_mac(held, new_id),
        device_owner=device.FLOATING_IP,
        device_id=draft.id,
        status="N/A",  # nothing is ever plugged into it: it only keeps the address
    )
    own = making.add(held, held_by, _outside(held, draft))
    made = draft.having(
        {
            "floating_ip_address": own.fixed_ips[0]["ip_address"],
            "own_port_id": own.id,
            "created_at": held.now,
            "updated_at": held.now,
        }
    )
    rows.add(held, made)
    if values.get("port_id") is None:
        return made
    standing = _standing(held, who, made, values)
    return _keep(held, made, standing)


def _bad(sentence: str) -> faults.Invalid:
    return faults.Invalid(f"Bad floatingip request: {sentence}", kind="BadRequest")


def _outside(held: session.Session, draft: floatingip.FloatingIp) -> tuple[allocation.Wanted, ...]:
    """The address wanted outside: the one named, or any of IPv4 in the subnet named or else in one that has some."""
    if draft.floating_ip_address:
        return ((draft.subnet_id, draft.floating_ip_address),)
    if draft.subnet_id is not None:
        return ((draft.subnet_id, None),)
    family = [each for each in making.subnets_of(held, draft.floating_network_id) if each.ip_version == 4]
    for each in family:
        if address.free_count(allocation.pools(each), allocation.used(held, each.id)):
            return ((each.id, None),)
    raise allocation.exhausted(draft.floating_network_id)


def change(
    held: session.Session, who: caller.Caller, before: floatingip.FloatingIp, values: dict[str, Any], *, freed: bool
) -> floatingip.FloatingIp:
    """A changed floating IP.  ``freed``, or a null ``port_id``, takes it off its port."""
    stamped = {"updated_at": held.now, "revision_number": before.revision_number + 1}
    rest = {key: value for key, value in values.items() if key not in {"port_id", "fixed_ip_address"}}
    after = before.having({**rest, **stamped})
    if freed or ("port_id" in values and values["port_id"] is None):
        after = after.having({"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"})
    elif "port_id" in values:
        after = _standing(held, who, after, values)
    elif "fixed_ip_address" in values:
        raise _bad("fixed_ip_address cannot be specified without a port_id.")
    return _keep(held, before, after)


def _standing(
    held: session.Session, who: caller.Caller, of: floatingip.FloatingIp, values: dict[str, Any]
) -> floatingip.FloatingIp:
    """The floating IP standing for the named port.  Raises faults.NotFound, Invalid or Conflict."""
    target = visible.need_port(held, who, values["port_id"])
    fixed = _fixed(target, values.get("fixed_ip_address"))
    gate = _router_between(held, of.floating_network_id, target, fixed)
    for other in rows.find(held, floatingip.FloatingIp, port_id=target.id, fixed_ip_address=fixed["ip_address"]):
        if other.id != of.id:
            raise faults.Conflict(
                f"Cannot associate floating IP {of.floating_ip_address} ({of.id}) with port {target.id} using "
                f"fixed IP {fixed['ip_address']}, as that fixed IP already has a floating IP on external network "
                f"{other.floating_network_id}.",
                kind="FloatingIPPortAlreadyAssociated",
            )
    same = (of.port_id, of.fixed_ip_address, of.router_id) == (target.id, fixed["ip_address"], gate.id)
    return of.having(
        {
            "port_id": target.id,
            "fixed_ip_address": fixed["ip_address"],
            "router_id": gate.id,
            # ACTIVE when a node says that its router translates.
            "status": of.status if same else "DOWN",
        }
    )


def _fixed(target: port.Port, asked: str | None) -> Mapping[str, str]:
    v4 = [each for each in target.fixed_ips if ":" not in each["ip_address"]]
    if not v4:
        raise _bad(f"Cannot add floating IP to port {target.id} that has no fixed IPv4 addresses.")
    if asked is not None:
        v4 = [each for each in v4 if each["ip_address"] == asked]
    if not v4:
        raise _bad(f"Port {target.id} does not have fixed ip {asked}.")
    return v4[0]


def _router_between(
    held: session.Session, outside_id: str, target: port.Port, fixed: Mapping[str, str]
) -> router.Router:
    inside = rows.find(held, port.Port, network_id=target.network_id, device_owner=device.ROUTER_INTERFACE)
    for each in inside:
        if not any(one["subnet_id"] == fixed["subnet_id"] for one in each.fixed_ips):
            continue
        found = rows.get(held, router.Router, each.device_id)
        info = None if found is None else found.external_gateway_info
        if found is not None and info is not None and info["network_id"] == outside_id:
            return found
    raise faults.NotFound(
        f"External network {outside_id} is not reachable from subnet {fixed['subnet_id']}.  Therefore, cannot "
        f"associate Port {target.id} with a Floating IP: give a router of that subnet a gateway there.",
        kind="ExternalGatewayForFloatingIPNotFound",
    )


def _keep(held: session.Session, before: floatingip.FloatingIp, after: floatingip.FloatingIp) -> floatingip.FloatingIp:
    rows.put(held, after)
    for router_id in {before.router_id, after.router_id}:
        touch.router(held, router_id)
    return after


def remove(held: session.Session, gone: floatingip.FloatingIp) -> None:
    """Remove a floating IP; its address is free."""
    touch.router(held, gone.router_id)
    rows.remove(held, floatingip.FloatingIp, gone.id)
    own = rows.get(held, port.Port, gone.own_port_id)
    if own is not None:
        making.remove(held, own)
