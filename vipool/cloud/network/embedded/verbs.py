"""Making, changing and removing any object of the network service: which function does it for which noun."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.cloud.network.embedded import floating, making, routers, segments, touch, visible
from vipool.model import caller, faults, floatingip, network, owned, port, router, subnet
from vipool.store import rows, session

Noun = type[owned.Owned]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write: the transaction, who asks, the parsed values by field, and the names the client really sent."""

    held: session.Session
    who: caller.Caller
    new_id: Callable[[], str]
    values: dict[str, Any]
    sent: Mapping[str, Any]


def create(cls: Noun, write: Write) -> owned.Owned:
    """A new object."""
    made: owned.Owned = CREATE[cls](write)
    return made


def change(before: owned.Owned, write: Write) -> owned.Owned:
    """A changed object."""
    after: owned.Owned = CHANGE[type(before)](before, write)
    return after


def remove(held: session.Session, gone: owned.Owned) -> None:
    """An object removed."""
    REMOVE[type(gone)](held, gone)


def _create_port(write: Write) -> port.Port:
    values, identifier = dict(write.values), write.values["network_id"]
    visible.need(visible.get_network(write.held, write.who, identifier), network.Network, identifier)
    wanted = values.pop("fixed_ips", None)
    if "mac_address" not in values:
        values["mac_address"] = making.free_mac(write.held, write.new_id)
    entries = None if wanted is None else [(each["subnet_id"], each["ip_address"]) for each in wanted]
    return making.add(write.held, port.Port.build(values), entries)


def _create_floating(write: Write) -> floatingip.FloatingIp:
    if write.values.get("floating_ip_address") and not write.who.is_admin:
        rule = "rule:create_floatingip:floating_ip_address is disallowed by policy"
        raise faults.Forbidden(rule, kind="PolicyNotAuthorized")
    return floating.create(write.held, write.who, write.values, write.new_id)


def _change_floating(before: floatingip.FloatingIp, write: Write) -> floatingip.FloatingIp:
    plain = {key: value for key, value in write.values.items() if key == "description"}
    changed = dataclasses.replace(before, **plain)
    # A body without anything frees the floating IP, as Neutron has it.
    if "port_id" in write.sent or not write.sent:
        return floating.associate(write.held, write.who, changed, write.values)
    rows.put(write.held, changed)
    return changed


def _remove_port(held: session.Session, gone: port.Port) -> None:
    segments.refuse_service_port(held, gone)
    making.remove(held, gone)
    touch.port(held, gone)


CREATE: Mapping[Noun, Callable[[Write], Any]] = {
    network.Network: lambda write: segments.create_network(write.held, network.Network.build(write.values)),
    subnet.Subnet: lambda write: segments.create_subnet(
        write.held, write.who, write.values, gateway_given="gateway_ip" in write.sent
    ),
    port.Port: _create_port,
    router.Router: lambda write: routers.create(write.held, write.who, router.Router.build(write.values), write.new_id),
    floatingip.FloatingIp: _create_floating,
}
CHANGE: Mapping[Noun, Callable[[Any, Write], Any]] = {
    network.Network: lambda before, write: segments.change_network(write.held, before, write.values),
    subnet.Subnet: lambda before, write: segments.change_subnet(write.held, before, write.values),
    port.Port: lambda before, write: making.change(write.held, before, write.values),
    router.Router: lambda before, write: routers.change(write.held, write.who, before, write.values, write.new_id),
    floatingip.FloatingIp: _change_floating,
}
REMOVE: Mapping[Noun, Callable[[session.Session, Any], None]] = {
    network.Network: segments.remove_network,
    subnet.Subnet: segments.remove_subnet,
    port.Port: _remove_port,
    router.Router: routers.remove,
    floatingip.FloatingIp: floating.remove,
}
