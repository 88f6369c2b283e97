"""Floating IPs: an address outside, and the port it stands for."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from vipool.cloud.network.embedded import making, touch, visible
from vipool.model import caller, device, faults, floatingip, network, port, router
from vipool.store import rows, session

NewId = Callable[[], str]


def create(held: session.Session, who: caller.Caller, wanted: dict[str, Any], new_id: NewId) -> floatingip.FloatingIp:
    """A new floating IP, standing for a port if one is named."""
    identifier = wanted["floating_network_id"]
    outside = visible.need(visible.get_network(held, who, identifier), network.Network, identifier)
    if not outside.external:
        raise faults.Invalid(
            f"Bad floatingip request: Network {identifier} is not a valid external network.", kind="BadRequest"
        )
    asked = wanted.get("floating_ip_address") or None
    own = making.create(
        held,
        port.Request(
            network_id=identifier,
            project_id="",
            fixed_ips=((None, asked),) if asked else _any_v4(held, identifier),
            device_owner=device.FLOATING_IP,
            device_id=new_id(),
        ),
        new_id,
    )
    made = floatingip.FloatingIp(
        id=own.device_id,
        name="",
        description=wanted.get("description", ""),
        project_id=wanted["project_id"],
        floating_network_id=identifier,
        floating_ip_address=own.fixed_ips[0]["ip_address"],
        own_port_id=own.id,
        created_at=held.now,
        updated_at=held.now,
    )
    rows.add(held, made)
    if wanted.get("port_id") is None:
        return made
    return associate(held, who, made, wanted)


def _any_v4(held: session.Session, network_id: str) -> tuple[tuple[str | None, str | None], ...]:
    family = [each for each in making.subnets_of(held, network_id) if each.ip_version == 4]
    return ((family[0].id if family else None, None),)


def associate(
    held: session.Session, who: caller.Caller, before: floatingip.FloatingIp, values: dict[str, Any]
) -> floatingip.FloatingIp:
    """The floating IP standing for a port, or for none when ``port_id`` is None."""
    if values.get("port_id") is None:
        return release(held, before)
    target = visible.need_port(held, who, values["port_id"])
    fixed = _fixed(target, values.get("fixed_ip_address"))
    gate = _router_between(held, before.floating_network_id, target, fixed)
    for other in rows.find(held, floatingip.FloatingIp, port_id=target.id, fixed_ip_address=fixed["ip_address"]):
        if other.id != before.id:
            raise faults.Conflict(
                f"Cannot associate floating IP {before.floating_ip_address} ({before.id}) with port {target.id} using "
                f"fixed IP {fixed['ip_address']}, as that fixed IP already has a floating IP on external network "
                f"{other.floating_network_id}.",
                kind="FloatingIPPortAlreadyAssociated",
            )
    after = dataclasses.replace(
        before,
        port_id=target.id,
        fixed_ip_address=fixed["ip_address"],
        router_id=gate.id,
        status="ACTIVE",
        updated_at=held.now,
        revision_number=before.revision_number + 1,
    )
    return _keep(held, before, after)


def _fixed(target: port.Port, asked: str | None) -> Mapping[str, str]:
    v4 = [each for each in target.fixed_ips if ":" not in each["ip_address"]]
    if asked is not None:
        v4 = [each for each in v4 if each["ip_address"] == asked]
    if not v4:
        raise faults.Invalid(
            f"Bad floatingip request: Port {target.id} does not have the IPv4 address that was asked for, or none.",
            kind="BadRequest",
        )
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


def release(held: session.Session, before: floatingip.FloatingIp) -> floatingip.FloatingIp:
    """The floating IP standing for no port."""
    after = dataclasses.replace(
        before,
        port_id=None,
        fixed_ip_address=None,
        router_id=None,
        status="DOWN",
        updated_at=held.now,
        revision_number=before.revision_number + 1,
    )
    return _keep(held, before, after)


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
