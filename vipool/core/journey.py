"""The way a request takes to a load balancer, found in what a node must be.

Given what people ask (a VIP, a floating IP, or the name or id of a load balancer) this says which router, balancer and
members are on the way and on which devices they can be watched. Pure: it reads `spec` items, not the machine. Does not
follow a request through more than one router.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vipool.core import attach
from vipool.model import faults, packet, spec
from vipool.model import listener as listeners

_USUAL = {packet.Protocol.TCP: 80, packet.Protocol.UDP: 53}
"""The protocols that can be asked, first the one that is meant where both are spoken, and the usual port of each."""

HERE = "host"
"""The origin that means: the namespace the command itself runs in."""


class Place(enum.StrEnum):
    """The hops of a journey before its members, in the order a request meets them."""

    CLIENT = "client"
    OUTSIDE = "router outside"
    INSIDE = "router inside"
    BALANCER = "load balancer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks: `target` is `netns:NAME`, `pid:PID` or `host`; `tap` its device on the bridge when it is plugged in."""

    target: str
    tap: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One member: `tap` is its device on the bridge, None where it is not plugged into this node."""

    name: str
    address: str
    port: int
    tap: str | None = None

    @property
    def endpoint(self) -> tuple[str, int]:
        """Where it answers."""
        return self.address, self.port

    @property
    def hop(self) -> str:
        """The name of its hop."""
        return f"member {self.address}"

    @property
    def label(self) -> str:
        """Its name with its address and port."""
        where = packet.endpoint(self.address, self.port)
        return f"{self.name} {where}" if self.name else where


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The router on the way: the taps of its side towards the client and of that towards the balancer.

    `translates` says that it turns the asked floating IP into the VIP.
    """

    router_id: str
    outside: str
    inside: str
    translates: bool

    @property
    def inner_hop(self) -> str:
        """The hop of its inner side: the outer one where a request enters and leaves by the same device."""
        return Place.OUTSIDE if self.inside == self.outside else Place.INSIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """Everything on the way of one request. `asked` is what the client asks; `why` is how a member is chosen.

    `vip` is the VIP that is asked for, `others` are the further ones: members may be spoken to from one of them.
    `protocol` is TCP or UDP. `allowed` are the only networks that the listener lets in, when there are any, and `limit`
    is the most connections (or flows of datagrams) it takes at a time, -1 for no limit.
    """

    loadbalancer_id: str
    name: str
    asked: str
    port: int
    vip: str
    tap: str
    listener: str | None = None
    why: str = ""
    members: tuple[Backend, ...] = ()
    gate: Gate | None = None
    client: Client | None = None
    others: tuple[str, ...] = ()
    protocol: packet.Protocol = packet.Protocol.TCP
    allowed: tuple[str, ...] = ()
    limit: int = -1

    @property
    def vips(self) -> tuple[str, ...]:
        """Every VIP."""
        return self.vip, *self.others

    @property
    def target(self) -> tuple[str, int]:
        """The address and port a client asks."""
        return self.asked, self.port

    @property
    def devices(self) -> tuple[tuple[str, str], ...]:
        """Hop and device of every place on the way. A client that is a member too is two hops at one device."""
        found = [] if self.client is None or self.client.tap is None else [(str(Place.CLIENT), self.client.tap)]
        if self.gate is not None:
            found += [(str(Place.OUTSIDE), self.gate.outside), (str(self.gate.inner_hop), self.gate.inside)]
        found.append((str(Place.BALANCER), self.tap))
        found += [(member.hop, member.tap) for member in self.members if member.tap is not None]
        return tuple(dict.fromkeys(found))

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that every packet of the journey is from or to."""
        return tuple(dict.fromkeys((self.asked, *self.vips)))

    def member_at(self, endpoint: tuple[str, int]) -> Backend | None:
        """The member that answers there, or None."""
        return next((each for each in self.members if each.endpoint == endpoint), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for: a target as people write it, a port or None, an origin (`NAME`, `pid:PID`, `host`) or None.

    `passive` says that somebody else will ask: then the client is only known when an origin is given. `protocol` is TCP
    or UDP, or None for the one that is spoken there.
    """

    target: str
    port: int | None = None
    origin: str | None = None
    passive: bool = False
    protocol: packet.Protocol | None = None


def find(items: Sequence[spec.Item], wish: Wish) -> Journey:
    """The journey of a request to the target.

    Raises `faults.NotFound` for an address that leads to no load balancer, `faults.Conflict` for one that leads to
    several, and `faults.Invalid` where nobody says what to ask for, or it is of a protocol that cannot be asked.
    """
    target = _canonical(wish.target)
    router, floating = _translation(items, target)
    wanted = floating.internal if floating else target
    found = _balancer(items, wanted, router)
    vip = found.vip
    assert vip is not None
    vips = _addresses(vip)
    address = wanted if wanted in vips else vips[0]
    plugs = [each for each in items if isinstance(each, spec.Plug) and not each.absent]
    segments = _reachable(items, vip)
    client = _client(plugs, wish, _nearby(router, vip) if floating else segments, found)
    gate = _gate(items, router if floating else None, vip, _plug_of(plugs, client))
    live = found.tree.live()
    protocol, port = _aim(live.listeners, wish)
    listener = next((each for each in _asked(live.listeners, protocol) if each.protocol_port == port), None)
    pool = next((each for each in live.pools if listener and each.id == listener.default_pool_id), None)
    pools = {each.id for each in live.pools if each.protocol.transport == protocol}
    members = tuple(
        Backend(
            name=each.name,
            address=_canonical(each.address),
            port=each.protocol_port,
            tap=_tap_of(plugs, each.address, segments),
        )
        for each in live.members
        if each.pool_id in pools
    )
    return Journey(
        loadbalancer_id=found.id,
        name=live.loadbalancer.name or found.id,
        asked=floating.external if floating else address,
        port=port,
        vip=address,
        others=tuple(each for each in vips if each != address),
        tap=tap_name(vip),
        listener=(listener.name or f"port {port}") if listener else None,
        why=pool.lb_algorithm.replace("_", " ").lower() if pool else "",
        members=members,
        gate=gate,
        client=client,
        protocol=protocol,
        allowed=(listener.allowed_cidrs or ()) if listener else (),
        limit=listener.connection_limit if listener else -1,
    )


def tap_name(port: spec.Attachment) -> str:
    """The device on the bridge that leads to a port."""
    return attach.short("tap", port.port_id)


def _canonical(text: str) -> str:
    """An address in its one spelling; anything else as it is."""
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return text


def _addresses(port: spec.Attachment) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_interface(each).ip) for each in port.addresses)


def _holds(port: spec.Attachment, address: str) -> bool:
    return address in _addresses(port)


def _routers(items: Sequence[spec.Item]) -> list[spec.Router]:
    return [each for each in items if isinstance(each, spec.Router) and not each.absent]


def _translation(items: Sequence[spec.Item], target: str) -> tuple[spec.Router | None, spec.FloatingIp | None]:
    for router in _routers(items):
        for floating in router.floating_ips:
            if floating.external == target:
                return router, floating
    return None, None


def _balancer(items: Sequence[spec.Item], target: str, router: spec.Router | None) -> spec.LoadBalancer:
    balancers = [each for each in items if isinstance(each, spec.LoadBalancer) and not each.absent]
    here = [each for each in balancers if each.vip is not None and each.vip.addresses]
    networks = {port.segment.network_id for port in router.interfaces} if router else None
    found = [
        each
        for each in here
        if each.vip and (_holds(each.vip, target) or target in {each.id, each.tree.loadbalancer.name})
        if networks is None or each.vip.segment.network_id in networks
    ]
    if len(found) > 1:
        ways = ", ".join(each.id for each in found)
        raise faults.Conflict(f"{target} is several load balancers. Give one by its id ({ways}) or floating IP.")
    if found:
        return found[0]
    if router is not None:
        raise faults.NotFound(f"That floating IP leads to {target}, which is no load balancer's VIP on this node.")
    known = [address for each in here if each.vip for address in _addresses(each.vip)]
    known += [floating.external for each in _routers(items) for floating in each.floating_ips]
    there = f"There are {', '.join(sorted(known))}." if known else "There is no load balancer on this node."
    raise faults.NotFound(f"{target} is neither a VIP nor a floating IP of a load balancer on this node. {there}")


def _aim(found: Sequence[listeners.Listener], wish: Wish) -> tuple[packet.Protocol, int]:
    """The protocol and the port that are asked; what the wish leaves open is taken from the listeners."""
    there = [each for each in found if each.admin_state_up and wish.port in {None, each.protocol_port}]
    spoken = {each.protocol.transport for each in there}
    if wish.protocol is None and spoken == {listeners.Protocol.SCTP.transport}:
        raise faults.Invalid(
            f"{wish.target} speaks SCTP on port {there[0].protocol_port}, and a trace follows TCP and UDP only:"
            " give the port of another listener."
        )
    protocol = wish.protocol or next((each for each in _USUAL if each in spoken), packet.Protocol.TCP)
    return protocol, wish.port or _usual_port([each.protocol_port for each in _asked(there, protocol)], protocol)


def _asked(found: Iterable[listeners.Listener], protocol: packet.Protocol) -> Iterable[listeners.Listener]:
    """The listeners that a request over this protocol can reach."""
    return (each for each in found if each.admin_state_up and each.protocol.transport == protocol)


def _usual_port(ports: Sequence[int], protocol: packet.Protocol) -> int:
    """The port meant when none is given: the only listener's; the protocol's usual one when it is one of several, or
    there is none; else the lowest."""
    usual = _USUAL[protocol]
    return min(ports) if ports and usual not in ports else usual


def _reachable(items: Sequence[spec.Item], vip: spec.Attachment) -> set[str]:
    """The networks that are the VIP's, or joined to it by a router."""
    home = vip.segment.network_id
    networks = {home}
    for router in _routers(items):
        inside = {port.segment.network_id for port in router.interfaces}
        if home in inside:
            networks |= inside
    return networks


def _nearby(router: spec.Router | None, vip: spec.Attachment) -> set[str]:
    """The networks from which a client asks a floating IP: the router's outside."""
    gateway = router.gateway if router else None
    return {gateway.segment.network_id if gateway else vip.segment.network_id}


def _client(plugs: Sequence[spec.Plug], wish: Wish, networks: set[str], found: spec.LoadBalancer) -> Client | None:
    """The client: the origin when one is given, else a plugged namespace in one of the networks that is no member."""
    if wish.origin is not None:
        target = wish.origin if wish.origin == HERE or wish.origin.startswith("pid:") else f"netns:{wish.origin}"
        own = [each for each in plugs if each.target == target]
        near = [each for each in own if _network(each.port) in networks] or own
        return Client(target=target, tap=tap_name(near[0].port) if near else None)
    if wish.passive:
        return None
    members = {_canonical(each.address) for each in found.tree.members}
    for plug in sorted(plugs, key=lambda each: each.target):
        serves = any(_holds(plug.port, address) for address in members)
        if _network(plug.port) in networks and not serves:
            return Client(target=plug.target, tap=tap_name(plug.port))
    raise faults.NotFound(
        "There is no client: no namespace is plugged into a network from which this can be asked."
        " Name one with --from (or host), or let somebody else ask and give --passive."
    )


def _plug_of(plugs: Sequence[spec.Plug], client: Client | None) -> spec.Plug | None:
    if client is None or client.tap is None:
        return None
    return next((each for each in plugs if tap_name(each.port) == client.tap), None)


def _gate(
    items: Sequence[spec.Item], translator: spec.Router | None, vip: spec.Attachment, plug: spec.Plug | None
) -> Gate | None:
    """The router between the client and the VIP, if there is one between them."""
    home = vip.segment.network_id
    start = plug.port.segment.network_id if plug else None
    if translator is None and start in {None, home}:
        return None
    for router in [translator] if translator else _routers(items):
        sides = {port.segment.network_id: port for port in router.interfaces}
        gateway = router.gateway
        outer = sides.get(start or "") or (gateway if translator or (gateway and start == _network(gateway)) else None)
        if home in sides and outer is not None:
            translates = translator is not None
            return Gate(
                router_id=router.id, outside=tap_name(outer), inside=tap_name(sides[home]), translates=translates
            )
    return None


def _network(port: spec.Attachment) -> str:
    return port.segment.network_id


def _tap_of(plugs: Sequence[spec.Plug], address: str, networks: set[str]) -> str | None:
    wanted = _canonical(address)
    for plug in plugs:
        if _network(plug.port) in networks and _holds(plug.port, wanted):
            return tap_name(plug.port)
    return None
