"""The rtnetlink messages vipool speaks: links, addresses and routes, to and from bytes.

Promises: every request is safe to repeat, in that the errno which means "it was so already" is accepted; what is read
back has the spelling of `vipool.model.wiring`. Layouts and numbers are those of rtnetlink(7), linux/if_link.h and
linux/rtnetlink.h. Opens no socket and decides nothing.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from dataclasses import dataclass

from vipool.host import netlink
from vipool.model import wiring

ROUTE_PROTOCOL = 118
"""The routing protocol number our routes carry ("proto 118" in `ip route`), by which they are told from others'."""

ROUTE_METRIC = 1118
"""The metric of our routes. Replacing a route replaces one of the same metric, even the kernel's own of a connected
prefix (metric 0, or 256 in IPv6) or one that a router advertised (1024): this one is nobody else's.
"""

BY_HAND = frozenset({3, 4, ROUTE_PROTOCOL})
"""The protocol numbers of routes that a person, a script or we put there (boot, static, ours): no daemon's."""

_NEW_LINK, _DELETE_LINK, _GET_LINK = 16, 17, 18
_NEW_ADDRESS, _DELETE_ADDRESS, _GET_ADDRESS = 20, 21, 22
_NEW_ROUTE, _DELETE_ROUTE, _GET_ROUTE = 24, 25, 26

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")

_MAC, _NAME, _MTU, _PEER_INDEX, _MASTER, _LINK_INFO, _ALIAS, _AF_SPEC = 1, 3, 4, 5, 10, 18, 20, 26
_NETNS_FD, _EXT_MASK, _OPERATIONAL, _PORT_STATE = 28, 29, 16, 1
_GROUP, _DOOMED = 27, 0x76_69_70
_KIND, _KIND_DATA, _PORT_DATA = 1, 2, 5
_VETH_PEER = 1
_BRIDGE_FORWARD_DELAY, _BRIDGE_STP, _BRIDGE_SNOOPING = 1, 5, 23
_INET6_GENERATE, _GENERATE_NONE = 8, 1
_SKIP_STATISTICS = 8
_UP = 1
_FORWARDING_PORT, _OPERATIONAL_UP = 3, 6

_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_FLAGS = 1, 2, 4, 8
_NO_DAD, _PERMANENT = 0x02, 0x80

_RTA_DESTINATION, _RTA_DEVICE, _RTA_GATEWAY, _RTA_METRIC, _RTA_TABLE = 1, 4, 5, 6, 15
_MAIN_TABLE, _UNICAST, _ONLINK, _CLONED = 254, 1, 4, 0x200
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_NOWHERE = 0, 253, 255
_BY_THE_KERNEL = frozenset({1, 2})

_GONE = frozenset({errno.ENODEV, errno.ENXIO})


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One interface as the kernel shows it. `peer` is the index of a veth's other end; `master` that of its bridge."""

    index: int
    name: str
    mac: str
    mtu: int
    up: bool
    kind: str
    alias: str
    master: int
    peer: int
    carrying: bool
    """Operational, and forwarding where it is a port of a bridge."""


def pair(device: wiring.Device, *, bridge: int, namespace_fd: int) -> netlink.Request:
    """Make a veth pair: the tap up on the bridge with this index, the inner end down in the namespace behind the fd.

    The inner end cannot be up in this message: the kernel answers ENOTCONN, as its peer does not exist yet.
    """
    inner = (
        netlink.text(_NAME, device.name),
        netlink.number(_MTU, device.mtu),
        netlink.attribute(_MAC, packed_mac(device.mac)),
        netlink.number(_NETNS_FD, namespace_fd),
    )
    peer = _LINK.pack(0, 0, 0, 0, 0) + b"".join(inner)
    data = netlink.nested(_KIND_DATA, netlink.nested(_VETH_PEER, peer))
    outer = (
        netlink.text(_NAME, device.tap),
        netlink.number(_MTU, device.mtu),
        netlink.number(_MASTER, bridge),
        netlink.nested(_LINK_INFO, netlink.text(_KIND, "veth"), data),
    )
    body = _LINK.pack(0, 0, 0, _UP, _UP) + b"".join(outer)
    return netlink.Request(
        type=_NEW_LINK,
        flags=netlink.CREATE | netlink.EXCLUSIVE,
        body=body,
        doing=f"making the device {device.name} with the tap {device.tap} on the bridge {device.bridge}",
    )


def bridge(name: str, mtu: int) -> netlink.Request:
    """Make a bridge: no spanning tree, no forward delay, no multicast snooping, down. An existing one is left alone."""
    data = (
        netlink.number(_BRIDGE_FORWARD_DELAY, 0),
        netlink.number(_BRIDGE_STP, 0),
        netlink.attribute(_BRIDGE_SNOOPING, b"\0"),
    )
    info = netlink.nested(_LINK_INFO, netlink.text(_KIND, "bridge"), netlink.nested(_KIND_DATA, *data))
    return netlink.Request(
        type=_NEW_LINK,
        flags=netlink.CREATE | netlink.EXCLUSIVE,
        body=_LINK.pack(0, 0, 0, 0, 0) + netlink.text(_NAME, name) + netlink.number(_MTU, mtu) + info,
        doing=f"making the bridge {name}",
        accept=frozenset({errno.EEXIST}),
    )


def silent(name: str, alias: str) -> netlink.Request:
    """Mark a host-side interface as ours, and have the kernel make no IPv6 link-local address on it."""
    generate = netlink.attribute(_INET6_GENERATE, bytes([_GENERATE_NONE]))
    changes = (
        netlink.text(_NAME, name),
        netlink.attribute(_ALIAS, alias.encode()),
        netlink.nested(_AF_SPEC, netlink.nested(socket.AF_INET6, generate)),
    )
    body = _LINK.pack(0, 0, 0, 0, 0) + b"".join(changes)
    return netlink.Request(type=_NEW_LINK, body=body, doing=f"marking {name} as ours")


def change(
    name: str, *, mac: str | None = None, mtu: int | None = None, master: int | None = None, up: bool | None = None
) -> netlink.Request:
    """Change an existing interface by name. `master` 0 takes it off its bridge."""
    wanted = []
    if mac is not None:
        wanted.append(netlink.attribute(_MAC, packed_mac(mac)))
    if mtu is not None:
        wanted.append(netlink.number(_MTU, mtu))
    if master is not None:
        wanted.append(netlink.number(_MASTER, master))
    flags, mask = (0, 0) if up is None else (_UP if up else 0, _UP)
    body = _LINK.pack(0, 0, 0, flags, mask) + netlink.text(_NAME, name) + b"".join(wanted)
    return netlink.Request(type=_NEW_LINK, body=body, doing=f"changing the interface {name}")


def delete(name: str) -> netlink.Request:
    """Delete an interface by name; of a veth, both ends."""
    return netlink.Request(
        type=_DELETE_LINK,
        body=_LINK.pack(0, 0, 0, 0, 0) + netlink.text(_NAME, name),
        doing=f"deleting the interface {name}",
        accept=_GONE,
    )


def doom(name: str) -> netlink.Request:
    """Put an interface in the group that `delete_doomed` deletes."""
    body = _LINK.pack(0, 0, 0, 0, 0) + netlink.text(_NAME, name) + netlink.number(_GROUP, _DOOMED)
    return netlink.Request(type=_NEW_LINK, body=body, doing=f"deleting the interface {name}", accept=_GONE)


def delete_doomed() -> netlink.Request:
    """Delete every interface of the group in one go."""
    body = _LINK.pack(0, 0, 0, 0, 0) + netlink.number(_GROUP, _DOOMED)
    return netlink.Request(type=_DELETE_LINK, body=body, doing="deleting interfaces", accept=_GONE)


def every_link() -> netlink.Request:
    """Ask for every interface of the namespace."""
    body = _LINK.pack(0, 0, 0, 0, 0) + netlink.number(_EXT_MASK, _SKIP_STATISTICS)
    return netlink.Request(type=_GET_LINK, body=body, doing="listing interfaces")


def one_link(index: int = 0, name: str = "") -> netlink.Request:
    """Ask for one interface by index or name."""
    body = _LINK.pack(0, 0, index, 0, 0) + (netlink.text(_NAME, name) if name else b"")
    return netlink.Request(
        type=_GET_LINK,
        body=body + netlink.number(_EXT_MASK, _SKIP_STATISTICS),
        doing=f"looking at the interface {name or index}",
        accept=_GONE,
    )


def read_link(body: bytes) -> Link:
    """The interface in an answer to `one_link` or `every_link`."""
    _, _, index, flags, _ = _LINK.unpack_from(body)
    found = netlink.attributes(body[_LINK.size :])
    info = netlink.attributes(found.get(_LINK_INFO, b""))
    port = netlink.attributes(info.get(_PORT_DATA, b"")).get(_PORT_STATE)
    operational = found.get(_OPERATIONAL, b"\0")[0] == _OPERATIONAL_UP
    return Link(
        index=index,
        name=netlink.string(found.get(_NAME, b"")),
        mac=found.get(_MAC, b"").hex(":"),
        mtu=_u32(found.get(_MTU)),
        up=bool(flags & _UP),
        kind=netlink.string(info.get(_KIND, b"")),
        alias=netlink.string(found.get(_ALIAS, b"")),
        master=_u32(found.get(_MASTER)),
        peer=_u32(found.get(_PEER_INDEX)),
        carrying=operational and (port is None or port[0] == _FORWARDING_PORT),
    )


def add_address(index: int, address: str) -> netlink.Request:
    """Put "ip/prefix length" on an interface, without duplicate address detection: addresses are ours to give."""
    return _address(_NEW_ADDRESS, index, address, accept=frozenset({errno.EEXIST}))


def remove_address(index: int, address: str) -> netlink.Request:
    """Take "ip/prefix length" off an interface."""
    return _address(_DELETE_ADDRESS, index, address, accept=frozenset({errno.EADDRNOTAVAIL}) | _GONE)


def _address(kind: int, index: int, address: str, *, accept: frozenset[int]) -> netlink.Request:
    interface = ipaddress.ip_interface(address)
    local, prefix = interface.ip.packed, interface.network.prefixlen
    parts = [netlink.attribute(_IFA_LOCAL, local), netlink.attribute(_IFA_ADDRESS, local)]
    creating = kind == _NEW_ADDRESS
    if creating and interface.version == 4 and prefix < 31:
        parts.append(netlink.attribute(_IFA_BROADCAST, interface.network.broadcast_address.packed))
    if creating and interface.version == 6:
        parts.append(netlink.number(_IFA_FLAGS, _NO_DAD))
    return netlink.Request(
        type=kind,
        flags=netlink.CREATE | netlink.EXCLUSIVE if creating else 0,
        body=_ADDRESS.pack(_family(interface.version), prefix, 0, _SCOPE_UNIVERSE, index) + b"".join(parts),
        doing=f"{'adding' if creating else 'removing'} the address {address}",
        accept=accept,
    )


def every_address() -> netlink.Request:
    """Ask for every address of the namespace."""
    return netlink.Request(type=_GET_ADDRESS, body=_ADDRESS.pack(0, 0, 0, 0, 0), doing="listing addresses")


def read_address(body: bytes) -> tuple[int, str] | None:
    """The interface's index and the "ip/prefix length"; None for a passing one (from an advertised prefix)."""
    _, prefix, flags, _, index = _ADDRESS.unpack_from(body)
    found = netlink.attributes(body[_ADDRESS.size :])
    local = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
    if local is None or not (flags | _u32(found.get(_IFA_FLAGS))) & _PERMANENT:
        return None
    return index, f"{ipaddress.ip_address(local)}/{prefix}"


def add_route(route: wiring.Route, index: int) -> netlink.Request:
    """Put a route in the main table, in place of ours to the same destination. `index` 0: the kernel finds it."""
    return _route(_NEW_ROUTE, route, index, accept=frozenset())


def remove_route(route: wiring.Route, index: int) -> netlink.Request:
    """Take a route out of the main table: one of ours, or somebody else's where it is `foreign`."""
    return _route(_DELETE_ROUTE, route, index, accept=frozenset({errno.ESRCH}) | _GONE)


def _route(kind: int, route: wiring.Route, index: int, *, accept: frozenset[int]) -> netlink.Request:
    destination = ipaddress.ip_network(route.destination)
    creating = kind == _NEW_ROUTE
    scope = (_SCOPE_UNIVERSE if route.nexthop else _SCOPE_LINK) if creating else _SCOPE_NOWHERE
    parts = [netlink.attribute(_RTA_DESTINATION, destination.network_address.packed)] if destination.prefixlen else []
    if route.nexthop:
        parts.append(netlink.attribute(_RTA_GATEWAY, ipaddress.ip_address(route.nexthop).packed))
    if index:
        parts.append(netlink.number(_RTA_DEVICE, index))
    if not route.foreign:
        parts.append(netlink.number(_RTA_METRIC, ROUTE_METRIC))
    header = _ROUTE.pack(
        _family(destination.version),
        destination.prefixlen,
        0,
        0,
        _MAIN_TABLE,
        0 if route.foreign else ROUTE_PROTOCOL,
        scope,
        _UNICAST if creating else 0,
        _ONLINK if creating and route.nexthop and index else 0,
    )
    way = " ".join(part for part in (f"via {route.nexthop}" if route.nexthop else "", route.device or "") if part)
    return netlink.Request(
        type=kind,
        flags=netlink.CREATE | netlink.REPLACE if creating else 0,
        body=header + b"".join(parts),
        doing=f"{'adding' if creating else 'removing'} the route to {route.destination} {way}",
        accept=accept,
    )


def every_route() -> netlink.Request:
    """Ask for every route of the namespace."""
    return netlink.Request(type=_GET_ROUTE, body=_ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0), doing="listing routes")


def read_route(body: bytes, names: dict[int, str]) -> tuple[wiring.Route, int] | None:
    """The route in an answer and the protocol number of who put it there.

    None unless it is a unicast route of the main table that somebody put there: the kernel's own are left out.
    """
    family, prefix, _, _, table, protocol, _, kind, flags = _ROUTE.unpack_from(body)
    found = netlink.attributes(body[_ROUTE.size :])
    table = _u32(found.get(_RTA_TABLE)) or table
    if table != _MAIN_TABLE or kind != _UNICAST or flags & _CLONED or protocol in _BY_THE_KERNEL:
        return None
    zero = bytes(4 if family == socket.AF_INET else 16)
    gateway = found.get(_RTA_GATEWAY)
    route = wiring.Route(
        destination=f"{ipaddress.ip_address(found.get(_RTA_DESTINATION, zero))}/{prefix}",
        nexthop=str(ipaddress.ip_address(gateway)) if gateway else None,
        device=names.get(_u32(found.get(_RTA_DEVICE))),
        foreign=(protocol, _u32(found.get(_RTA_METRIC))) != (ROUTE_PROTOCOL, ROUTE_METRIC),
    )
    return route, protocol


def packed_mac(mac: str) -> bytes:
    """The six bytes of a hardware address. Raises ValueError when it is not one."""
    packed = bytes.fromhex(mac.replace(":", ""))
    if len(packed) != 6:
        raise ValueError(f"{mac!r} is not a hardware address")
    return packed


def _family(version: int) -> int:
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _u32(value: bytes | None) -> int:
    return int(struct.unpack("=I", value)[0]) if value else 0
