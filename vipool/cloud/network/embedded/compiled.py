"""From rows to what a node is told: attachments with what may come to them, and routers."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from vipool.model import device, floatingip, network, port, router, securitygroup, spec, subnet
from vipool.store import listing, rows, session


def attachment(held: session.Session, of: port.Port) -> spec.Attachment:
    """A port as a node must plug it."""
    on = rows.get(held, network.Network, of.network_id)
    if on is None:
        raise LookupError(f"port {of.id} is on network {of.network_id}, which does not exist")
    found = rows.find_by_ids(held, subnet.Subnet, of.subnet_ids)
    # In the order of its addresses: the first gateway of a family is the default one, and the first address is the one
    # that a load balancer is known by.
    subnets = {identifier: found[identifier] for identifier in of.subnet_ids}
    return spec.Attachment(
        port_id=of.id,
        mac=of.mac_address,
        segment=on.segment,
        addresses=tuple(_prefixed(each, subnets[each["subnet_id"]]) for each in of.fixed_ips),
        gateways=tuple(
            dict.fromkeys(
                each.gateway_ip
                for each in subnets.values()
                if each.gateway_ip is not None and each.gateway_ip not in {one["ip_address"] for one in of.fixed_ips}
            )
        ),
        routes=tuple(
            spec.Route(destination=one["destination"], nexthop=one["nexthop"])
            for each in subnets.values()
            for one in each.host_routes
        ),
        ingress=ingress(held, of),
    )


def ingress(held: session.Session, of: port.Port) -> tuple[spec.Permit, ...] | None:
    """What may be opened to a port, or None for one that is not filtered: any but a load balancer's with groups."""
    if not (of.guarded and of.security_groups and of.port_security_enabled):
        return None
    inward = securitygroup.Direction.INGRESS
    found = rows.find(held, securitygroup.Rule, security_group_id=of.security_groups, direction=inward)
    members = {name: addresses(held, name) for each in found if (name := each.remote_group_id) is not None}
    return tuple(_permit(each, members) for each in found)


def addresses(held: session.Session, group_id: str) -> tuple[str, ...]:
    """The addresses of the ports in a security group, and those they may speak for."""
    inside = listing.select(held, port.Port, listing.Query(holds={"security_groups": (group_id,)}))
    pairs = (pair["ip_address"] for each in inside for pair in each.allowed_address_pairs)
    return tuple(sorted({*(address for each in inside for address in each.addresses), *pairs}))


def _permit(of: securitygroup.Rule, members: Mapping[str, tuple[str, ...]]) -> spec.Permit:
    sources: tuple[str, ...] | None = None if of.normalized_cidr is None else (of.normalized_cidr,)
    if of.remote_group_id is not None:
        named = members[of.remote_group_id]
        sources = tuple(each for each in named if ipaddress.ip_network(each).version == of.version)
    return spec.Permit(
        version=of.version,
        protocol=of.number,
        first=of.port_range_min,
        last=of.port_range_max,
        sources=sources,
    )


def _prefixed(fixed: Mapping[str, str], of: subnet.Subnet) -> str:
    return f"{fixed['ip_address']}/{ipaddress.ip_network(of.cidr).prefixlen}"


def router_item(held: session.Session, of: router.Router) -> spec.Router:
    """A router as a node must realise it."""
    inside = rows.find(held, port.Port, device_id=of.id, device_owner=device.ROUTER_INTERFACE)
    outside = rows.get(held, port.Port, of.gateway_port_id) if of.gateway_port_id else None
    info = of.external_gateway_info or {}
    floating = rows.find(held, floatingip.FloatingIp, router_id=of.id)
    return spec.Router(
        id=of.id,
        revision=of.revision,
        enabled=of.admin_state_up,
        interfaces=tuple(attachment(held, each) for each in inside),
        gateway=None if outside is None else attachment(held, outside),
        snat=bool(info.get("enable_snat", True)),
        floating_ips=tuple(
            spec.FloatingIp(id=each.id, external=each.floating_ip_address, internal=each.fixed_ip_address)
            for each in floating
            if each.port_id is not None and each.fixed_ip_address is not None
        ),
        routes=tuple(spec.Route(destination=one["destination"], nexthop=one["nexthop"]) for one in of.routes),
        returns=tuple(_returns(held, of, inside)),
    )


def _returns(held: session.Session, of: router.Router, inside: Sequence[port.Port]) -> Iterator[spec.Return]:
    """What goes back by way of ports on the networks of these interfaces.

    Those of the router's own project alone: whoever may use a network that was lent to them names any addresses as
    members, and what comes from there is nobody else's any more.
    """
    networks = frozenset(each.network_id for each in inside)
    own = {"project_id": of.project_id, "has_returns": True}
    for by in rows.find(held, port.Port, network_id=networks, **own) if networks else ():
        first = {ipaddress.ip_address(each).version: each for each in reversed(by.addresses)}
        for each in by.returns:
            via = first.get(ipaddress.ip_address(each["address"]).version)
            if via is not None:
                yield spec.Return(address=each["address"], protocol=each["protocol"], port=each["port"], via=via)
