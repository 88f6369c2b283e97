"""Objects of the network service as its API shows them: what is kept, what follows from it, and less for tenants."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vipool.cloud.network.embedded import policies, visible
from vipool.model import (
    attr,
    caller,
    floatingip,
    network,
    owned,
    port,
    qospolicy,
    router,
    securitygroup,
    subnet,
    subnetpool,
)
from vipool.store import rows, session

View = dict[str, Any]
Noun = type[owned.Owned]
DOMAIN = "openstacklocal."
# What replies show and nobody can set, beside what is kept.
COMPUTED: Mapping[Noun, tuple[str, ...]] = {
    network.Network: ("subnets", "availability_zones", "ipv4_address_scope", "ipv6_address_scope"),
    subnet.Subnet: ("router:external",),
    port.Port: ("dns_assignment", "qos_network_policy_id", "binding:vif_type", "binding:vif_details"),
    router.Router: ("availability_zones",),
    floatingip.FloatingIp: ("port_details", "port_forwardings"),
    securitygroup.SecurityGroup: ("security_group_rules",),
    qospolicy.QosPolicy: ("rules",),
}
ADMIN_ONLY: Mapping[Noun, frozenset[str]] = {
    network.Network: frozenset({"provider:network_type", "provider:physical_network", "provider:segmentation_id"}),
    port.Port: frozenset({"binding:host_id", "binding:profile"}),
    router.Router: frozenset({"distributed", "ha"}),
}
DETAILS = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")


def views(
    held: session.Session, found: Sequence[owned.Owned], who: caller.Caller, *, fresh: bool = False
) -> list[View]:
    """The objects, all of one kind, as replies show them to a caller; ``fresh`` ones were just made."""
    if not found:
        return []
    hidden = frozenset() if who.is_admin else ADMIN_ONLY.get(type(found[0]), frozenset())
    shown = [_plain(each, hidden) for each in found]
    complete = COMPLETE.get(type(found[0]))
    if complete is not None:
        complete(held, found, shown)
    if isinstance(found[0], port.Port) and who.is_admin:
        for view in shown:
            view.update(_binding(view))
    if isinstance(found[0], network.Network):
        _as_used(held, shown, who, fresh=fresh)
    return shown


def _binding(view: View) -> View:
    """How a port is bound.  No host that somebody names has an agent of Neutron's, so binding to it fails."""
    bound = "binding_failed" if view["binding:host_id"] else "unbound"
    return {"binding:vif_type": bound, "binding:vif_details": {}, "resource_request": None}


def _as_used(held: session.Session, shown: Sequence[View], who: caller.Caller, *, fresh: bool) -> None:
    """Networks as they are to this caller: shared, when an RBAC policy says so."""
    lent = visible.lent(held, who)
    for view in shown:
        view["shared"] = view["shared"] or view["id"] in lent
        # Neutron's one oddity here: whether a network is the default is said when it is made, later of external ones.
        if not fresh and not view["router:external"]:
            del view["is_default"]


def _plain(of: owned.Owned, hidden: frozenset[str]) -> View:
    shown = {key: value for key, value in attr.show(of).items() if key not in hidden}
    shown["tenant_id"] = of.project_id
    shown["tags"] = sorted(of.tags)
    for name in ("created_at", "updated_at"):
        moment = getattr(of, name)
        shown[name] = None if moment is None else f"{moment.isoformat(timespec='seconds')}Z"
    return shown


def _networks(held: session.Session, found: Sequence[network.Network], shown: Sequence[View]) -> None:
    inside: dict[str, list[str]] = {}
    for owner, identifier in rows.ids_by(held, subnet.Subnet, "network_id", [each.id for each in found]):
        inside.setdefault(owner, []).append(identifier)
    for view in shown:
        view["subnets"] = inside.get(view["id"], [])
        view.update({"availability_zones": [], "ipv4_address_scope": None, "ipv6_address_scope": None})


def _subnets(held: session.Session, found: Sequence[subnet.Subnet], shown: Sequence[View]) -> None:
    networks = rows.find_by_ids(held, network.Network, (each.network_id for each in found))
    for view in shown:
        on = networks.get(view["network_id"])
        view["router:external"] = on is not None and on.external


def _ports(held: session.Session, found: Sequence[port.Port], shown: Sequence[View]) -> None:
    networks = rows.find_by_ids(held, network.Network, (each.network_id for each in found))
    for view in shown:
        on = networks.get(view["network_id"])
        view["qos_network_policy_id"] = None if on is None else on.qos_policy_id
        view["dns_assignment"] = [_assigned(view["dns_name"], each["ip_address"]) for each in view["fixed_ips"]]


def _assigned(name: str, address: str) -> dict[str, str]:
    host = name or "host-" + address.replace(".", "-").replace(":", "-")
    return {"ip_address": address, "hostname": host, "fqdn": f"{host}.{DOMAIN}"}


def _routers(held: session.Session, found: Sequence[router.Router], shown: Sequence[View]) -> None:
    for view in shown:
        view["availability_zones"] = []


def _floating(held: session.Session, found: Sequence[floatingip.FloatingIp], shown: Sequence[View]) -> None:
    behind = rows.find_by_ids(held, port.Port, (each.port_id for each in found if each.port_id is not None))
    for view in shown:
        of = behind.get(view["port_id"])
        view["port_details"] = None if of is None else {name: getattr(of, name) for name in DETAILS}
        view["port_forwardings"] = []


def _groups(held: session.Session, found: Sequence[securitygroup.SecurityGroup], shown: Sequence[View]) -> None:
    inside: dict[str, list[View]] = {view["id"]: [] for view in shown}
    for each in rows.among(held, securitygroup.Rule, "security_group_id", inside):
        # Inside a group Neutron says null where nothing was said of a rule.
        inside[each.security_group_id].append({**_plain(each, frozenset()), "description": each.description or None})
    for view in shown:
        view["security_group_rules"] = inside[view["id"]]


def _subnetpools(held: session.Session, found: Sequence[subnetpool.SubnetPool], shown: Sequence[View]) -> None:
    # Neutron spells these numbers as text, and clients read either.
    for view in shown:
        view.update({name: str(view[name]) for name in ("default_prefixlen", "min_prefixlen", "max_prefixlen")})


def _policies(held: session.Session, found: Sequence[qospolicy.QosPolicy], shown: Sequence[View]) -> None:
    inside = policies.rules(held, (each.id for each in found))
    for view in shown:
        view["rules"] = [policies.show(each) for each in inside[view["id"]]]


def _rules(held: session.Session, found: Sequence[securitygroup.Rule], shown: Sequence[View]) -> None:
    for view in shown:
        del view["tags"]


COMPLETE: Mapping[Noun, Callable[..., None]] = {
    network.Network: _networks,
    subnet.Subnet: _subnets,
    port.Port: _ports,
    router.Router: _routers,
    floatingip.FloatingIp: _floating,
    securitygroup.SecurityGroup: _groups,
    securitygroup.Rule: _rules,
    subnetpool.SubnetPool: _subnetpools,
    qospolicy.QosPolicy: _policies,
}
NOUNS: tuple[Noun, ...] = (
    network.Network,
    subnet.Subnet,
    port.Port,
    router.Router,
    floatingip.FloatingIp,
    securitygroup.SecurityGroup,
    securitygroup.Rule,
    qospolicy.QosPolicy,
    subnetpool.SubnetPool,
)
