"""What a node's network must be, or is found to be, as values; and the actions that lead from one to the other.

A `Namespace` is a network namespace with its devices, routes and packet rules. A `Device` is one veth pair: its inner
end lives in the namespace, its outer end (the tap) hangs on a `Bridge` of the host. The same classes carry what is
wanted and what was observed, so that `vipool.core.wiring.plan` can compare them field by field.

Promises: values only, equal when they mean the same (see `canonical`), safe to log. Does not read or change the kernel:
`vipool.host.wiring` does.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, replace

OWNER_ALIAS = "vipool"
"""The interface alias (IFLA_IFALIAS, see ip-link(8)) that marks a bridge or tap of the host as ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One veth pair: `name` inside the namespace, `tap` on the host, the tap enslaved to `bridge`.

    `mac` belongs to the inner end, lower case with colons. `mtu` is in bytes and holds for both ends. `addresses` are
    "ip/prefix length". `floating` lists addresses, in the same form, that another program may hold here (VRRP, for
    instance): they are neither added nor removed. `bridge` is None only where it was observed to be on no bridge.
    `up` says that both ends are administratively up.
    """

    name: str
    mac: str
    mtu: int
    tap: str
    bridge: str | None
    addresses: tuple[str, ...] = ()
    floating: tuple[str, ...] = ()
    up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One unicast route of the main table. `destination` is a CIDR ("0.0.0.0/0" and "::/0" are the defaults).

    At least one of `nexthop` and `device` (a name inside the namespace) is given; with no `device` the kernel finds it.
    A nexthop outside every connected prefix is accepted when `device` is given (the route is then marked "onlink").
    `foreign` is set by observation only: somebody else put it there, and adding ours does not take its place.
    """

    destination: str
    nexthop: str | None = None
    device: str | None = None
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A network namespace and what of it is ours.

    `name` is its name under /run/netns. `path` is given where it is reached by another way ("/proc/PID/ns/net").
    `foreign` namespaces belong to somebody else, a container for instance: they are never created or deleted, and only
    our devices with their addresses and routes are looked at; `ruleset` and `forwarding` are then ignored.
    `ruleset` is nft text made of tables whose names begin with "vipool". An observed namespace has no text to show: it
    carries the `fingerprint` of the text that was loaded; a desired one leaves it empty.
    `forwarding` is IP forwarding of both families.
    """

    name: str
    devices: tuple[Device, ...] = ()
    routes: tuple[Route, ...] = ()
    ruleset: str = ""
    fingerprint: str = ""
    forwarding: bool = False
    foreign: bool = False
    path: str | None = None

    @property
    def reference(self) -> str:
        """How actions name this namespace: its path when it has one, else its name."""
        return self.path or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the kernel is to do with packets in a namespace: `ruleset` and `forwarding` as a `Namespace` has them.

    `tracking` says that TCP is to be tracked, which whatever else is loaded there must leave so.
    """

    ruleset: str = ""
    forwarding: bool = False
    tracking: bool = False


NO_RULES = Rules()
"""The kernel does nothing of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A Linux bridge of the host. `uplink` is an existing host device to be enslaved to it, or None. `mtu` is in bytes.

    `foreign` bridges (a flat network's) belong to the operator: never created, changed or deleted, only enslaved to.
    `ports` is filled in by observation only: the names of all enslaved devices that are not taps of ours. A device that
    was an uplink once stays enslaved until the bridge is deleted or somebody takes it off.
    """

    name: str
    mtu: int = 1500
    uplink: str | None = None
    alias: str = OWNER_ALIAS
    foreign: bool = False
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateNamespace:
    """Make the namespace `name` exist, with lo up and the settings every namespace of ours has."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteNamespace:
    """Make the namespace `name` not exist. Devices inside, and their taps, end with it."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureBridge:
    """Make the bridge exist with this MTU, alias and uplink. A foreign one is only required to exist."""

    bridge: Bridge


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteBridge:
    """Make the bridge `name` not exist. Its uplink stays on the host."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugDevice:
    """Make the pair exist afresh, both ends up, with `device.addresses`. A tap of the same name is replaced."""

    namespace: str
    device: Device


@dataclass(frozen=True, slots=True, kw_only=True)
class UnplugDevice:
    """Make the pair not exist: `device` inside and `tap` outside. Addresses and routes on it end with it."""

    namespace: str
    device: str
    tap: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLink:
    """Change an existing pair in place. None leaves a setting as it is; `up` is only ever True."""

    namespace: str
    device: str
    tap: str
    mac: str | None = None
    mtu: int | None = None
    bridge: str | None = None
    up: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAddress:
    """Put `address` ("ip/prefix length") on `device`."""

    namespace: str
    device: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveAddress:
    """Take `address` off `device`."""

    namespace: str
    device: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRoute:
    """Put the route in the main table, in place of another of ours with the same destination."""

    namespace: str
    route: Route


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveRoute:
    """Take the route out of the main table."""

    namespace: str
    route: Route


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRuleset:
    """Replace every table of ours by those of `text`, in one transaction. Tables of others survive."""

    namespace: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetForwarding:
    """Switch IP forwarding of both families."""

    namespace: str
    on: bool


Action = (
    CreateNamespace
    | DeleteNamespace
    | EnsureBridge
    | DeleteBridge
    | PlugDevice
    | UnplugDevice
    | SetLink
    | AddAddress
    | RemoveAddress
    | AddRoute
    | RemoveRoute
    | LoadRuleset
    | SetForwarding
)
"""Every action there is: `match` over it ends in `assert_never`."""


def fingerprint(ruleset: str) -> str:
    """The name a ruleset's text is recognised by once loaded: SHA-256 in hexadecimal, empty for an empty text."""
    return hashlib.sha256(ruleset.encode()).hexdigest() if ruleset.strip() else ""


def canonical_address(address: str) -> str:
    """The one spelling of an "ip/prefix length". Raises ValueError when it is not one."""
    return ipaddress.ip_interface(address).with_prefixlen


def canonical_route(route: Route) -> Route:
    """The route with the one spelling of its addresses. Raises ValueError on a malformed one."""
    nexthop = None if route.nexthop is None else str(ipaddress.ip_address(route.nexthop))
    return replace(route, destination=str(ipaddress.ip_network(route.destination)), nexthop=nexthop)


def canonical_device(device: Device) -> Device:
    """The device with the one spelling of its addresses, sorted, each once. Raises ValueError on a malformed one."""
    return replace(
        device,
        mac=device.mac.lower(),
        addresses=tuple(sorted({canonical_address(address) for address in device.addresses})),
        floating=tuple(sorted({canonical_address(address) for address in device.floating})),
    )


def canonical(namespace: Namespace) -> Namespace:
    """The namespace with one spelling and order for everything, and a fingerprint in place of the ruleset's text.

    Two namespaces mean the same exactly when their canonical forms are equal. Raises ValueError on a malformed address.
    """
    return replace(
        namespace,
        devices=tuple(sorted(map(canonical_device, namespace.devices), key=lambda device: device.name)),
        routes=tuple(sorted(map(canonical_route, namespace.routes), key=route_order)),
        ruleset="",
        fingerprint=namespace.fingerprint or fingerprint(namespace.ruleset),
    )


def route_order(route: Route) -> tuple[str, str, str, bool]:
    """A sort key that gives routes one order whatever is left out."""
    return route.destination, route.nexthop or "", route.device or "", route.foreign
