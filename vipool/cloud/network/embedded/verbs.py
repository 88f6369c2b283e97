"""Making, changing and removing any object of the network service: which function does it for which noun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.cloud.network.embedded import (
    floating,
    groups,
    making,
    policies,
    routers,
    segments,
    subnetpools,
    subnetting,
    touch,
    users,
    visible,
)
from vipool.model import caller, floatingip, network, owned, port, qospolicy, router, securitygroup, subnet, subnetpool
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


def _create_network(write: Write) -> network.Network:
    policies.check(write.held, write.who, write.values.get("qos_policy_id"))
    return segments.create_network(write.held, network.Network.build(write.values))


def _create_port(write: Write) -> port.Port:
    held, values = write.held, dict(write.values)
    on = visible.need(visible.get_network(held, write.who, values["network_id"]), network.Network, values["network_id"])
    making.check_request(held, write.who, on, values)
    users.check_claim(held, values)
    policies.check(held, write.who, values.get("qos_policy_id"))
    values.setdefault("port_security_enabled", on.port_security_enabled)
    if "security_groups" in values:
        groups.check_groups(held, write.who, values["security_groups"])
    elif values["port_security_enabled"] and not values.get("device_owner", "").startswith(making.SERVICE_DEVICES):
        values["security_groups"] = (groups.ensure_default(held, values["project_id"], write.new_id).id,)
    wanted = values.pop("fixed_ips", None)
    if "mac_address" not in values:
        values["mac_address"] = making.free_mac(held, write.new_id)
    draft = port.Port.build(values)
    making.check_security(draft)
    return making.add(held, draft, None if wanted is None else making.pairs(wanted))


def _change_port(before: port.Port, write: Write) -> port.Port:
    values = write.values
    on = rows.get(write.held, network.Network, before.network_id)
    if on is not None:
        making.check_request(write.held, write.who, on, values, before)
    users.check_claim(write.held, values, before)
    groups.check_groups(write.held, write.who, values.get("security_groups", ()))
    policies.check(write.held, write.who, values.get("qos_policy_id"))
    making.check_security(before.having({key: value for key, value in values.items() if key != "fixed_ips"}))
    return making.change(write.held, before, values)


def _remove_port(held: session.Session, gone: port.Port) -> None:
    users.check_removal(held, gone)
    making.remove(held, gone)
    touch.port(held, gone)


def _create_subnet(write: Write) -> subnet.Subnet:
    values = subnetpools.placed(write.held, write.who, write.values, write.sent)
    return subnetting.create(write.held, write.who, values, gateway_given="gateway_ip" in values)


def _create_group(write: Write) -> securitygroup.SecurityGroup:
    groups.ensure_default(write.held, write.values["project_id"], write.new_id)
    return groups.create(write.held, securitygroup.SecurityGroup.build(write.values), write.new_id)


def _plain_change(before: Any, write: Write) -> Any:
    after = before.having({**write.values, "updated_at": write.held.now, "revision_number": before.revision_number + 1})
    rows.put(write.held, after)
    return after


def _change_network(before: network.Network, write: Write) -> network.Network:
    policies.check(write.held, write.who, write.values.get("qos_policy_id"))
    return segments.change_network(write.held, before, write.values)


CREATE: Mapping[Noun, Callable[[Write], Any]] = {
    network.Network: _create_network,
    subnet.Subnet: _create_subnet,
    port.Port: _create_port,
    router.Router: lambda write: routers.create(write.held, write.who, router.Router.build(write.values), write.new_id),
    floatingip.FloatingIp: lambda write: floating.create(write.held, write.who, write.values, write.new_id),
    securitygroup.SecurityGroup: _create_group,
    securitygroup.Rule: lambda write: groups.create_rule(write.held, write.who, securitygroup.Rule.build(write.values)),
    qospolicy.QosPolicy: lambda write: policies.create(write.held, qospolicy.QosPolicy.build(write.values)),
    subnetpool.SubnetPool: lambda write: subnetpools.create(write.held, write.values),
}
CHANGE: Mapping[Noun, Callable[[Any, Write], Any]] = {
    network.Network: _change_network,
    subnet.Subnet: lambda before, write: subnetting.change(write.held, before, write.values),
    port.Port: _change_port,
    router.Router: lambda before, write: routers.change(write.held, write.who, before, write.values, write.new_id),
    floatingip.FloatingIp: lambda before, write: floating.change(
        write.held, write.who, before, write.values, freed=not write.sent
    ),
    securitygroup.SecurityGroup: lambda before, write: groups.change(write.held, before, write.values),
    securitygroup.Rule: _plain_change,
    qospolicy.QosPolicy: lambda before, write: policies.change(write.held, before, write.values),
    subnetpool.SubnetPool: lambda before, write: subnetpools.change(write.held, before, write.values),
}
REMOVE: Mapping[Noun, Callable[[session.Session, Any], None]] = {
    network.Network: segments.remove_network,
    subnet.Subnet: subnetting.remove,
    port.Port: _remove_port,
    router.Router: routers.remove,
    floatingip.FloatingIp: floating.remove,
    securitygroup.SecurityGroup: groups.remove,
    securitygroup.Rule: groups.remove_rule,
    qospolicy.QosPolicy: policies.remove,
    subnetpool.SubnetPool: subnetpools.remove,
}
