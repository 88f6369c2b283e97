"""Objects of the network service as its API shows them."""

from collections.abc import Sequence
from typing import Any

from vipool.model import attr, caller, floatingip, network, owned, port, router, subnet
from vipool.store import rows, session

View = dict[str, Any]
ADMIN_ONLY = ("provider:network_type", "provider:physical_network", "provider:segmentation_id", "binding:host_id")


def views(held: session.Session, found: Sequence[owned.Owned], who: caller.Caller) -> list[View]:
    """The objects as replies show them to a caller."""
    return [_view(held, each, who) for each in found]


def _view(held: session.Session, of: owned.Owned, who: caller.Caller) -> View:
    shown = attr.show(of)
    shown["tenant_id"] = of.project_id
    for moment in ("created_at", "updated_at"):
        shown[moment] = str(shown[moment]).split(".")[0] + "Z"
    if not who.is_admin:
        shown = {key: value for key, value in shown.items() if key not in ADMIN_ONLY}
    match of:
        case network.Network():
            shown |= _of_network(held, of)
        case subnet.Subnet():
            on = rows.get(held, network.Network, of.network_id)
            shown["router:external"] = on is not None and on.external
        case port.Port():
            shown |= {"dns_assignment": [], "qos_network_policy_id": None}
            if who.is_admin:
                shown |= {"binding:vif_type": "unbound", "binding:vif_details": {}, "binding:profile": {}}
        case router.Router():
            shown |= {"availability_zones": [], "availability_zone_hints": [], "flavor_id": None}
            if who.is_admin:
                shown |= {"distributed": False, "ha": False}
        case floatingip.FloatingIp():
            shown |= _of_floating(held, of)
        case _:
            pass
    return shown


def _of_network(held: session.Session, of: network.Network) -> View:
    ids = [each.id for each in rows.find(held, subnet.Subnet, network_id=of.id)]
    shown: View = {"subnets": ids, "availability_zones": [], "ipv4_address_scope": None, "ipv6_address_scope": None}
    return shown


def _of_floating(held: session.Session, of: floatingip.FloatingIp) -> View:
    behind = None if of.port_id is None else rows.get(held, port.Port, of.port_id)
    details = None
    if behind is not None:
        names = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")
        details = {name: getattr(behind, name) for name in names}
    return {
        "port_details": details,
        "qos_policy_id": None,
        "dns_domain": "",
        "dns_name": "",
        "port_forwardings": [],
    }
