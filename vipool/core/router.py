"""How a router becomes a namespace: its devices, its routes, and the address translation between inside and outside.

`qrouter-<router id>` holds `qr-<port id, 11 characters>` devices inside and one `qg-<port id, 11>` outside. The outside
one also holds the floating IPs, so that the router answers ARP for them. IPv6 is routed and never translated.

The rules (nft(8)), in one table that is ours:
- a floating IP becomes the inside address, for packets from anywhere, the router itself included (DNAT);
- the inside address becomes its floating IP on the way out, and also when it calls a floating IP of this very router:
  the answer would otherwise go straight to the caller, from an address it never called (hairpin);
- everything else that leaves by the gateway gets the gateway's address, where `snat` is set;
- where `snat` is set, the outside opens connections inward by floating IPs only. vipool enforces no security groups,
  and without this a neighbour on the external network could route itself into the tenant's private one.

What members answer to clients themselves is brought back to load balancers by a table of its own: see `returning`.

Promises: pure; only parsed addresses and checked ids enter the rules, and equal routers give equal text.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from vipool.core import attach, returning, ruleset
from vipool.model import spec, wiring

PREFIX = "qrouter-"
TABLE = "vipool_router"


def namespace_name(router_id: str) -> str:
    """The name of a router's namespace. Raises attach.Unwirable."""
    return PREFIX + attach.identifier(router_id)


def inside_device(port: spec.Attachment) -> str:
    """The name of an inside interface's device."""
    return attach.short("qr-", port.port_id)


def outside_device(port: spec.Attachment) -> str:
    """The name of the gateway's device."""
    return attach.short("qg-", port.port_id)


def namespace(item: spec.Router) -> wiring.Namespace | None:
    """What the router must be on a node; None for a disabled one, which is nowhere. Raises attach.Unwirable."""
    if not item.enabled:
        return None
    devices = [attach.device(port, inside_device(port)) for port in item.interfaces]
    routes: list[wiring.Route] = []
    rules = ""
    if item.gateway is not None:
        outside = outside_device(item.gateway)
        held = translations(item.floating_ips)
        devices.append(attach.device(item.gateway, outside, [f"{external}/32" for external in held]))
        routes.extend(attach.routes(item.gateway, outside))
        rules = render_rules(item.gateway, held, snat=item.snat)
    rules += returning.render(_near(item.returns, devices))
    routes.extend(_static(item, devices))
    return wiring.Namespace(
        name=namespace_name(item.id),
        devices=tuple(devices),
        routes=tuple(_one_for_each_destination(routes)),
        ruleset=rules,
        forwarding=True,
    )


def translations(floating_ips: Iterable[spec.FloatingIp]) -> Mapping[str, str]:
    """External address to internal address, in numerical order. Raises attach.Unwirable for anything but IPv4."""
    found: dict[ipaddress.IPv4Address, ipaddress.IPv4Address] = {}
    for each in floating_ips:
        external, internal = attach.address(each.external), attach.address(each.internal)
        if not isinstance(external, ipaddress.IPv4Address) or not isinstance(internal, ipaddress.IPv4Address):
            raise attach.Unwirable(
                f"floating IP {each.id} would translate {external} to {internal}: only IPv4 is translated"
            )
        if found.setdefault(external, internal) != internal:
            raise attach.Unwirable(f"the floating IP {external} is to be both {found[external]} and {internal}")
    return {str(external): str(found[external]) for external in sorted(found)}


def _static(item: spec.Router, devices: Iterable[wiring.Device]) -> list[wiring.Route]:
    """The router's own routes, each by the device whose subnet its next hop is in."""
    made = []
    for wanted in item.routes:
        nexthop = attach.address(wanted.nexthop)
        name = next((each.name for each in devices if _reaches(each, nexthop)), None)
        if name is None:
            raise attach.Unwirable(
                f"the next hop {nexthop} of the route to {wanted.destination} is in no subnet of router {item.id}"
            )
        made.append(attach.route(wanted, name))
    return made


def _near(wanted: Iterable[spec.Return], devices: Sequence[wiring.Device]) -> list[spec.Return]:
    """What goes on to neighbours of the router; it shares no link with others."""
    return [each for each in wanted if any(_reaches(one, attach.address(each.via)) for one in devices)]


def _reaches(device: wiring.Device, nexthop: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(nexthop in attach.interface(each).network for each in device.addresses)


def _one_for_each_destination(routes: Iterable[wiring.Route]) -> Iterable[wiring.Route]:
    """The last of the routes to each destination: a router's own routes win over its gateway's."""
    return {route.destination: route for route in routes}.values()


def render_rules(gateway: spec.Attachment, held: Mapping[str, str], *, snat: bool) -> str:
    """The nft text of a router with a gateway; empty when nothing is translated."""
    own = [attach.interface(each).ip for each in gateway.addresses]
    source = next((str(each) for each in own if each.version == 4), None)
    outside = f'"{outside_device(gateway)}"'
    chains: list[str] = []
    if held:
        chains += [*_map("inward", held), *_map("outward", _backwards(held))]
        chains += ruleset.base("prerouting", "nat hook prerouting priority dstnat", ["dnat to ip daddr map @inward"])
        # Chain priorities have names at every hook but this one before nftables 1.0.7: -100 is dstnat.
        chains += ruleset.base("output", "nat hook output priority -100", ["dnat to ip daddr map @inward"])
    if snat and source:
        guard = [
            f"iifname {outside} ct state new ct status dnat accept",
            f"iifname {outside} oifname != {outside} ct state new drop",
        ]
        chains += ruleset.base("forward", "filter hook forward priority filter", guard)
    leaving = _leaving(outside, source if snat else None, held=bool(held), hairpin=source)
    if leaving:
        chains += ruleset.base("postrouting", "nat hook postrouting priority srcnat", leaving)
    if not chains:
        return ""
    return ruleset.table(TABLE, chains, "ip")


def _leaving(outside: str, source: str | None, *, held: bool, hairpin: str | None) -> list[str]:
    """The rules of source translation, the most particular first: the first that matches decides."""
    rules = []
    if held:
        rules.append(f"oifname {outside} snat to ip saddr map @outward")
        rules.append(f"iifname != {outside} ct status dnat snat to ip saddr map @outward")
        if hairpin:
            rules.append(f"iifname != {outside} ct status dnat snat to {hairpin}")
    if source:
        rules.append(f"oifname {outside} snat to {source}")
    return rules


def _backwards(held: Mapping[str, str]) -> Mapping[str, str]:
    """Internal to external; the lowest floating IP of an address that has several."""
    found: dict[str, str] = {}
    for external, internal in held.items():
        found.setdefault(internal, external)
    return found


def _map(name: str, pairs: Mapping[str, str]) -> list[str]:
    entries = [f"\t\t\t{key} : {value}" for key, value in pairs.items()]
    return [
        f"\tmap {name} {{",
        "\t\ttype ipv4_addr : ipv4_addr",
        "\t\telements = {",
        ",\n".join(entries),
        "\t\t}",
        "\t}",
    ]
