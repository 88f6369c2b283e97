"""Who may do what in the network API: roles, ownership, and the attributes that only some may set.

Refusals name the rule that forbids, as Neutron's do.  What a caller cannot see at all is not here: that is a 404.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vipool.model import (
    attr,
    caller,
    faults,
    floatingip,
    network,
    owned,
    port,
    qospolicy,
    router,
    securitygroup,
    subnetpool,
)

Noun = type[owned.Owned]

WRITERS = frozenset({"member", "manager", "admin", "service"})
SERVICE = "service"
# Ports of virtual machines belong to the compute service, which makes and removes them.
COMPUTE = "compute:"
PROVIDER = ("provider:network_type", "provider:physical_network", "provider:segmentation_id")
NETWORK = ("shared", "router:external", "is_default", *PROVIDER)
# What only an administrator may give another value than the default.
ON_CREATE: Mapping[Noun, tuple[str, ...]] = {
    network.Network: NETWORK,
    router.Router: ("distributed", "ha"),
    port.Port: ("binding:host_id",),
    floatingip.FloatingIp: ("floating_ip_address",),
    subnetpool.SubnetPool: ("shared", "is_default"),
}
ON_UPDATE: Mapping[Noun, tuple[str, ...]] = {
    network.Network: NETWORK,
    router.Router: ("distributed", "ha"),
    port.Port: ("binding:host_id", "mac_address"),
    subnetpool.SubnetPool: ("is_default",),
}
ONLY_ADMIN: frozenset[Noun] = frozenset({qospolicy.QosPolicy})
GATEWAY = ("external_fixed_ips", "enable_snat")


def disallowed(rule: str, detail: str = "") -> faults.Forbidden:
    """The refusal in Neutron's words."""
    said = f"(rule:{rule} and rule:{rule}:{detail})" if detail else f"rule:{rule}"
    return faults.Forbidden(f"{said} is disallowed by policy", kind="PolicyNotAuthorized")


def may_create(who: caller.Caller, cls: Noun, values: Mapping[str, Any]) -> None:
    """Refuse to make an object.  ``values`` are those that were sent, by field.  Raises faults.Forbidden."""
    rule = f"create_{cls.NOUN.wrapper}"
    if not who.roles & WRITERS or (cls in ONLY_ADMIN and not who.is_admin):
        raise disallowed(rule)
    _check_attributes(who, rule, ON_CREATE.get(cls, ()), _explicit(cls, values))


def may_update(who: caller.Caller, before: owned.Owned, values: Mapping[str, Any]) -> None:
    """Refuse to change an object that the caller sees.  Raises faults.Forbidden."""
    rule = f"update_{before.NOUN.wrapper}"
    if not owns(who, before):
        raise disallowed(rule)
    changed = {key: value for key, value in values.items() if getattr(before, key) != value}
    _check_attributes(who, rule, ON_UPDATE.get(type(before), ()), _wired(type(before), changed))


def may_delete(who: caller.Caller, gone: owned.Owned) -> None:
    """Refuse to remove an object that the caller sees.  Raises faults.Forbidden or Conflict."""
    compute = isinstance(gone, port.Port) and gone.device_owner.startswith(COMPUTE)
    if not owns(who, gone) or (compute and not (who.is_admin or SERVICE in who.roles)):
        raise disallowed(f"delete_{gone.NOUN.wrapper}")
    # An administrator clears up after a project; to whoever is in it, the group would spring to life again.
    default = isinstance(gone, securitygroup.SecurityGroup) and gone.name == securitygroup.DEFAULT
    if default and not who.is_admin:
        raise faults.Conflict(
            "The default security group stays: every project has one.", kind="SecurityGroupCannotRemoveDefault"
        )


def owns(who: caller.Caller, found: owned.Owned) -> bool:
    """Whether the caller may change an object."""
    if type(found) in ONLY_ADMIN and not who.is_admin:
        return False
    return bool(who.roles & WRITERS) and (who.is_admin or who.owns(found.project_id))


def _wired(cls: Noun, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name: each.wire for each in attr.attributes(cls)}
    return {names[key]: value for key, value in values.items()}


def _explicit(cls: Noun, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, by API name, that are not the defaults."""
    defaults = {each.name: each.default for each in attr.attributes(cls)}
    return _wired(cls, {key: value for key, value in values.items() if defaults[key] != value})


def _check_attributes(who: caller.Caller, rule: str, guarded: tuple[str, ...], values: Mapping[str, Any]) -> None:
    if "binding:profile" in values and SERVICE not in who.roles:
        raise disallowed(rule, "binding:profile")
    if who.is_admin:
        return
    for name in guarded:
        if name in values:
            raise disallowed(rule, name)
    for name in _guarded_gateway(values.get("external_gateway_info")):
        raise disallowed(rule, f"external_gateway_info:{name}")


def _guarded_gateway(info: Mapping[str, Any] | None) -> Iterator[str]:
    yield from (name for name in GATEWAY if info and info.get(name) is not None)
