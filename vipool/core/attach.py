"""How ports become devices: the names on the machine, and the namespaces of load balancers and plugged ports.

The names are those a Neutron operator looks for: `brq<network id, 11 characters>` bridges, `tap<port id, 11>` for the
end of a pair that hangs on a bridge, `qlbaas-<load balancer id>` namespaces. Neutron's LBaaS driver gave both ends the
same name; here the end inside a load balancer's namespace is always `vip`, so that nobody need look it up.

Promises: pure; every address and identifier that leaves here was parsed, or `Unwirable` says which could not be. Does
not look at the kernel: `vipool.core.wiring` compares, `vipool.host.wiring` acts.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import TypeAlias

from vipool.model import spec, wiring

VIP_DEVICE = "vip"
"""The name of the device that holds the VIP, inside the load balancer's namespace."""

LOADBALANCER_PREFIX = "qlbaas-"

Interface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_IDENTIFIER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}", re.ASCII)
# IFNAMSIZ is 16 with the terminating zero (netdevice(7)): 15 characters, of which a prefix takes three or four.
_SHORT = 11
_DEVICE_NAME = re.compile(r"[^\s/:\x00-\x20]{1,15}")
_DEFAULT_ROUTES = {4: "0.0.0.0/0", 6: "::/0"}


class Unwirable(ValueError):
    """An item that cannot be wired as it is; the sentence says why."""


def identifier(text: str) -> str:
    """The identifier, once it is certain that it can be part of a name. Raises Unwirable."""
    if not _IDENTIFIER.fullmatch(text):
        raise Unwirable(f"{text!r} cannot be part of a name on this machine: an id is letters, digits and hyphens")
    return text


def short(prefix: str, text: str) -> str:
    """The device name that an id gives: the prefix, then the first 11 characters of the id. Raises Unwirable."""
    return prefix + identifier(text)[:_SHORT]


def interface(text: str) -> Interface:
    """An address with its prefix length, parsed. Raises Unwirable."""
    try:
        return ipaddress.ip_interface(text)
    except ValueError as error:
        raise Unwirable(f"{text!r} is not an address with a prefix length") from error


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address, parsed. Raises Unwirable."""
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise Unwirable(f"{text!r} is not an address") from error


def bridge(segment: spec.Segment) -> wiring.Bridge:
    """The bridge of a network: its own, or the operator's for a flat network."""
    if segment.flat is not None:
        return wiring.Bridge(name=segment.flat, mtu=segment.mtu, foreign=True)
    return wiring.Bridge(name=short("brq", segment.network_id), mtu=segment.mtu)


def device(port: spec.Attachment, name: str, extra: Iterable[str] = ()) -> wiring.Device:
    """The pair of a port, called `name` inside, with `extra` addresses beside the port's own. Raises Unwirable."""
    if not _DEVICE_NAME.fullmatch(name) or name in (".", ".."):
        raise Unwirable(f"{name!r} cannot be the name of a device: 1 to 15 characters without spaces, '/' and ':'")
    return wiring.Device(
        name=name,
        mac=port.mac,
        mtu=port.segment.mtu,
        tap=short("tap", port.port_id),
        bridge=bridge(port.segment).name,
        addresses=tuple(interface(each).with_prefixlen for each in (*port.addresses, *extra)),
    )


def routes(port: spec.Attachment, name: str) -> tuple[wiring.Route, ...]:
    """The default routes by the port's gateways, one of each family, then the routes its subnets ask for."""
    wanted: dict[str, wiring.Route] = {}
    for gateway in map(address, port.gateways):
        default = _DEFAULT_ROUTES[gateway.version]
        wanted.setdefault(default, wiring.Route(destination=default, nexthop=str(gateway), device=name))
    for each in port.routes:
        # A subnet's own route wins over the gateway: host_routes may name another default (Neutron API, subnets).
        made = route(each, name)
        wanted[made.destination] = made
    return tuple(wanted.values())


def route(wanted: spec.Route, name: str | None) -> wiring.Route:
    """One route by the device of that name, or by the one the kernel finds. Raises Unwirable."""
    try:
        network = ipaddress.ip_network(wanted.destination)
    except ValueError as error:
        raise Unwirable(f"{wanted.destination!r} is not a network in CIDR form") from error
    nexthop = address(wanted.nexthop)
    if nexthop.version != network.version:
        raise Unwirable(f"the route to {network} has the next hop {nexthop}, which is of the other address family")
    return wiring.Route(destination=str(network), nexthop=str(nexthop), device=name)


def loadbalancer_namespace(loadbalancer_id: str) -> str:
    """The name of a load balancer's namespace."""
    return LOADBALANCER_PREFIX + identifier(loadbalancer_id)


def loadbalancer(item: spec.LoadBalancer) -> wiring.Namespace:
    """The namespace of a load balancer, holding its VIPs, without packet rules. Raises Unwirable."""
    if item.vip is None:
        raise Unwirable(f"load balancer {item.id} has no VIP port: it is made when the load balancer is created")
    return wiring.Namespace(
        name=loadbalancer_namespace(item.id),
        devices=(device(item.vip, VIP_DEVICE),),
        routes=routes(item.vip, VIP_DEVICE),
    )


def plug(item: spec.Plug) -> wiring.Namespace:
    """Somebody else's namespace, with the port in it. Raises Unwirable."""
    place = plug_target(item.target)
    return wiring.Namespace(
        name=place.name,
        path=place.path,
        foreign=True,
        devices=(device(item.port, item.device),),
        routes=routes(item.port, item.device),
    )


def plug_target(target: str) -> wiring.Namespace:
    """The foreign namespace, empty of ours, that `netns:NAME` or `pid:PID` names. Raises Unwirable."""
    kind, _, name = target.partition(":")
    if kind == "netns" and name and "/" not in name and name not in (".", ".."):
        return wiring.Namespace(name=name, foreign=True)
    if kind == "pid" and name.isascii() and name.isdigit():
        return wiring.Namespace(name=f"pid {int(name)}", path=f"/proc/{int(name)}/ns/net", foreign=True)
    raise Unwirable(f"{target!r} names no namespace: give netns:NAME or pid:PID")
