"""Routers: their gateway, their interfaces, and what must not be taken from under a floating IP."""

import dataclasses
import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from vipool.cloud.network.embedded import making, touch, visible
from vipool.model import caller, device, faults, floatingip, network, plug, port, router, subnet, types
from vipool.store import rows, session

NewId = Callable[[], str]
IDENTIFIER = types.Uuid()
MOST_ROUTES = 30  # Neutron's own limit


def create(held: session.Session, who: caller.Caller, made: router.Router, new_id: NewId) -> router.Router:
    """A new router, with its gateway if it names one."""
    info = made.external_gateway_info
    _check_served(made)
    kept = dataclasses.replace(
        made, external_gateway_info=None, created_at=held.now, updated_at=held.now, revision=held.revision()
    )
    rows.add(held, kept)
    return _keep(held, _with_gateway(held, who, kept, info, new_id)) if info else kept


def change(
    held: session.Session, who: caller.Caller, before: router.Router, values: dict[str, Any], new_id: NewId
) -> router.Router:
    """A changed router."""
    after = before
    if "external_gateway_info" in values:
        info = values.pop("external_gateway_info")
        after = _regate(held, who, before, info, new_id)
    changed = {**values, "updated_at": held.now, "revision_number": before.revision_number + 1}
    after = dataclasses.replace(after, **changed)
    _check_served(after)
    if (after.routes, after.gateway_port_id) != (before.routes, before.gateway_port_id):
        _check_routes(held, after)
    return _keep(held, after)


def with_routes(of: router.Router, more: Sequence[dict[str, str]]) -> tuple[dict[str, str], ...]:
    """A router's routes with some more; those it has already stay once."""
    return (*of.routes, *(each for place, each in enumerate(more) if each not in (*of.routes, *more[:place])))


def without_routes(of: router.Router, less: Sequence[dict[str, str]]) -> tuple[dict[str, str], ...]:
    """A router's routes without some; those it has not are nothing."""
    return tuple(each for each in of.routes if each not in less)


def _check_served(wanted: router.Router) -> None:
    """Refuse what a router of one machine is not."""
    if wanted.distributed or wanted.ha:
        raise _bad("A router is on one node here: leave distributed and ha out.")
    if wanted.flavor_id is not None:
        raise faults.NotFound(f"Flavor {wanted.flavor_id} could not be found.", kind="FlavorNotFound")
    if wanted.availability_zone_hints:
        hint = wanted.availability_zone_hints[0]
        raise faults.NotFound(f"AvailabilityZone {hint} could not be found.", kind="AvailabilityZoneNotFound")


def _keep(held: session.Session, changed: router.Router) -> router.Router:
    kept = dataclasses.replace(changed, revision=held.revision())
    rows.put(held, kept)
    return kept


def _regate(
    held: session.Session, who: caller.Caller, before: router.Router, info: dict[str, Any] | None, new_id: NewId
) -> router.Router:
    present = before.external_gateway_info
    wanted = None if not info or info.get("network_id") is None else info
    if wanted and present and wanted["network_id"] == present["network_id"] and not wanted["external_fixed_ips"]:
        snat = present["enable_snat"] if wanted["enable_snat"] is None else wanted["enable_snat"]
        return dataclasses.replace(before, external_gateway_info={**present, "enable_snat": snat})
    if rows.count(held, floatingip.FloatingIp, router_id=before.id):
        raise faults.Conflict(
            f"Gateway cannot be updated for router {before.id}, since a gateway to external network "
            f"{present['network_id'] if present else ''} is required by one or more floating IPs.",
            kind="RouterExternalGatewayInUseByFloatingIp",
        )
    bare = dataclasses.replace(before, external_gateway_info=None, gateway_port_id=None)
    _remove_gateway(held, before)
    return _with_gateway(held, who, bare, wanted, new_id) if wanted else bare


def _remove_gateway(held: session.Session, before: router.Router) -> None:
    gate = None if before.gateway_port_id is None else rows.get(held, port.Port, before.gateway_port_id)
    if gate is not None:
        making.remove(held, gate)


def _with_gateway(
    held: session.Session, who: caller.Caller, bare: router.Router, info: dict[str, Any], new_id: NewId
) -> router.Router:
    identifier = info.get("network_id")
    if identifier is None:
        raise faults.Invalid("external_gateway_info needs a network_id.", kind="HTTPBadRequest")
    outside = visible.need(visible.get_network(held, who, identifier), network.Network, identifier)
    if not outside.external:
        raise faults.Invalid(f"Bad router request: Network {identifier} is not an external network.", kind="BadRequest")
    fixed = tuple((each["subnet_id"], each["ip_address"]) for each in info.get("external_fixed_ips") or ())
    gate = making.create(
        held,
        port.Request(
            network_id=identifier,
            project_id="",
            fixed_ips=fixed,
            device_id=bare.id,
            device_owner=device.ROUTER_GATEWAY,
        ),
        new_id,
    )
    snat = info.get("enable_snat")
    known = {
        "network_id": identifier,
        "enable_snat": True if snat is None else snat,
        "external_fixed_ips": [dict(each) for each in gate.fixed_ips],
    }
    return dataclasses.replace(bare, external_gateway_info=known, gateway_port_id=gate.id)


def interfaces(held: session.Session, of: router.Router) -> tuple[port.Port, ...]:
    """The ports of a router inside."""
    return rows.find(held, port.Port, device_id=of.id, device_owner=device.ROUTER_INTERFACE)


def _check_routes(held: session.Session, of: router.Router) -> None:
    if len(of.routes) > MOST_ROUTES:
        raise faults.Invalid(
            f"Unable to complete operation for {of.id}. The number of routes exceeds the maximum {MOST_ROUTES}.",
            kind="RoutesExhausted",
        )
    reached: list[Any] = []
    gate = None if of.gateway_port_id is None else rows.get(held, port.Port, of.gateway_port_id)
    for each in (*interfaces(held, of), *(() if gate is None else (gate,))):
        ids = [one["subnet_id"] for one in each.fixed_ips]
        reached += [ipaddress.ip_network(one.cidr) for one in rows.find_by_ids(held, subnet.Subnet, ids).values()]
    for route in of.routes:
        if not any(ipaddress.ip_address(route["nexthop"]) in each for each in reached):
            raise faults.Invalid(
                f"Invalid format for routes: the nexthop {route['nexthop']} is not connected with router {of.id}.",
                kind="InvalidRoutes",
            )


def add_interface(
    held: session.Session, who: caller.Caller, to: router.Router, body: dict[str, Any], new_id: NewId
) -> port.Port:
    """An interface of a router on a subnet (its gateway address) or on a given port; returns its port."""
    named = _named(body)
    if len(named) > 1:
        raise _bad("Cannot specify both subnet-id and port-id.")
    body = named
    made = _by_subnet(held, who, to, body["subnet_id"], new_id) if "subnet_id" in body else None
    if made is None:
        made = _by_port(held, who, to, body["port_id"])
    touch.router(held, to.id)
    return made


def _by_subnet(
    held: session.Session, who: caller.Caller, to: router.Router, subnet_id: str, new_id: NewId
) -> port.Port:
    found = visible.need(visible.get_subnet(held, who, str(subnet_id)), subnet.Subnet, str(subnet_id))
    if found.gateway_ip is None:
        raise faults.Invalid(
            f"Bad router request: Subnet {found.id} has no gateway IP: set one, or give a port.", kind="BadRequest"
        )
    on = rows.get(held, network.Network, found.network_id)
    # Where others live, the gateway's address is theirs: taking it would take their traffic.
    if on is None or not (who.is_admin or who.owns(on.project_id)):
        raise faults.Forbidden(
            f"The gateway of subnet {found.id} is for the owner of its network to place: add a port of your own there "
            "to the router instead.",
            kind="PolicyNotAuthorized",
        )
    _check_new(held, to, found)
    return making.create(
        held,
        port.Request(
            network_id=found.network_id,
            project_id=to.project_id,
            fixed_ips=((found.id, found.gateway_ip),),
            device_id=to.id,
            device_owner=device.ROUTER_INTERFACE,
        ),
        new_id,
    )


def _by_port(held: session.Session, who: caller.Caller, to: router.Router, port_id: str) -> port.Port:
    found = visible.need_port(held, who, str(port_id))
    plugged = rows.get(held, plug.Plug, found.id)
    if found.device_id or plugged is not None:
        user = found.device_id or (plugged.target if plugged else "")
        raise faults.Conflict(
            f"Unable to complete operation on port {found.id}: it is in use by {user}. Choose a free one.",
            kind="PortInUse",
        )
    if not found.fixed_ips:
        raise _bad(f"Router port {found.id} must have at least one fixed IP.")
    for each in rows.find_by_ids(held, subnet.Subnet, (one["subnet_id"] for one in found.fixed_ips)).values():
        _check_new(held, to, each)
    return making.change(held, found, {"device_id": to.id, "device_owner": device.ROUTER_INTERFACE})


def _check_new(held: session.Session, to: router.Router, new: subnet.Subnet) -> None:
    gate = None if to.gateway_port_id is None else rows.get(held, port.Port, to.gateway_port_id)
    for each in (*interfaces(held, to), *(() if gate is None else (gate,))):
        ids = [one["subnet_id"] for one in each.fixed_ips]
        for other in rows.find_by_ids(held, subnet.Subnet, ids).values():
            if other.id == new.id and each.device_owner == device.ROUTER_INTERFACE:
                raise faults.Invalid(
                    f"Bad router request: Router already has a port on subnet {new.id}.", kind="BadRequest"
                )
            if ipaddress.ip_network(other.cidr).overlaps(ipaddress.ip_network(new.cidr)):
                raise faults.Invalid(
                    f"Bad router request: Cidr {new.cidr} of subnet {new.id} overlaps with cidr {other.cidr} of "
                    f"subnet {other.id}.",
                    kind="BadRequest",
                )


def _bad(sentence: str) -> faults.Invalid:
    return faults.Invalid(f"Bad router request: {sentence}", kind="BadRequest")


def _named(body: dict[str, Any]) -> dict[str, str]:
    """The subnet_id and port_id of a body.  Raises faults.Invalid when there is none, or one that is no identifier."""
    named = {key: body[key] for key in ("subnet_id", "port_id") if body.get(key) is not None}
    if not named:
        raise _bad("Either subnet_id or port_id must be specified.")
    for value in named.values():
        try:
            IDENTIFIER.parse(value)
        except ValueError as error:
            raise _bad(f"'{value}' is not a valid UUID.") from error
    return named


def _interface(held: session.Session, of: router.Router, named: dict[str, str]) -> port.Port:
    port_id, subnet_id = named.get("port_id"), named.get("subnet_id")
    for each in interfaces(held, of):
        inside = subnet_id is None or any(one["subnet_id"] == subnet_id for one in each.fixed_ips)
        if inside and port_id in {None, each.id}:
            return each
    if port_id is None:
        raise faults.NotFound(
            f"Router {of.id} has no interface on subnet {subnet_id}", kind="RouterInterfaceNotFoundForSubnet"
        )
    raise faults.NotFound(
        f"Router {of.id} does not have an interface with id {port_id}", kind="RouterInterfaceNotFound"
    )


def _refuse_cut_routes(held: session.Session, of: router.Router, gone: port.Port) -> None:
    subnets = rows.find_by_ids(held, subnet.Subnet, (each["subnet_id"] for each in gone.fixed_ips))
    for route in of.routes:
        if any(ipaddress.ip_address(route["nexthop"]) in each.block for each in subnets.values()):
            raise faults.Conflict(
                f"Router interface {gone.id} on router {of.id} cannot be deleted, as the route to "
                f"{route['destination']} needs it: take that off first.",
                kind="RouterInterfaceInUseByRoute",
            )


def _refuse_cut_floating(held: session.Session, of: router.Router, gone: port.Port) -> None:
    behind = {each["subnet_id"] for each in gone.fixed_ips}
    for each in rows.find(held, floatingip.FloatingIp, router_id=of.id):
        target = None if each.port_id is None else rows.get(held, port.Port, each.port_id)
        for fixed in () if target is None else target.fixed_ips:
            if fixed["ip_address"] == each.fixed_ip_address and fixed["subnet_id"] in behind:
                raise faults.Conflict(
                    f"Router interface for subnet {fixed['subnet_id']} on router {of.id} cannot be deleted, as it is "
                    "required by one or more floating IPs.",
                    kind="RouterInterfaceInUseByFloatingIP",
                )


def remove_interface(held: session.Session, of: router.Router, body: dict[str, Any]) -> port.Port:
    """Remove an interface, by its port or its subnet; returns what its port was."""
    found = _interface(held, of, _named(body))
    _refuse_cut_routes(held, of, found)
    _refuse_cut_floating(held, of, found)
    making.remove(held, found)
    touch.router(held, of.id)
    return found


def remove(held: session.Session, gone: router.Router) -> None:
    """Remove a router.  Raises faults.Conflict while it has interfaces."""
    if interfaces(held, gone):
        left = ", ".join(each.id for each in interfaces(held, gone))
        raise faults.Conflict(f"Router {gone.id} has ports still attached: {left}", kind="RouterInUse")
    _regate(held, caller.NOBODY, gone, None, lambda: "")
    rows.remove(held, router.Router, gone.id)
    touch.bury_router(held, gone)
