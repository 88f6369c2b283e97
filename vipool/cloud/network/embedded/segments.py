"""Networks: made, changed and removed, as one machine can have them."""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.network.embedded import floating, sharing, touch
from vipool.model import device, faults, floatingip, network, port, rbacpolicy, subnet
from vipool.store import rows, session

PROVIDER = frozenset({"network_type", "physical_network", "segmentation_id"})
TYPES = frozenset({"local", network.FLAT})


def create_network(held: session.Session, made: network.Network) -> network.Network:
    """A new network, of which nodes hear.  Raises faults.Invalid, NotFound or Conflict."""
    _check_provider(held, made)
    _check_mtu(made.mtu)
    if made.availability_zone_hints:
        hint = made.availability_zone_hints[0]
        raise faults.NotFound(f"AvailabilityZone {hint} could not be found.", kind="AvailabilityZoneNotFound")
    kept = made.having({"created_at": held.now, "updated_at": held.now, "revision": held.revision()})
    rows.add(held, kept)
    return kept


def _check_mtu(mtu: int) -> None:
    if mtu > network.MTU:
        raise _invalid(f"Requested MTU is too big, maximum is {network.MTU}.")


def _check_provider(held: session.Session, made: network.Network) -> None:
    if made.network_type not in TYPES:
        raise _invalid(
            f"network_type value '{made.network_type}' not supported: choose local (a bridge of its own) or flat (an "
            "existing bridge of the host)."
        )
    if made.segmentation_id is not None:
        raise _invalid(f"segmentation_id is not valid for {made.network_type} networks: leave it out.")
    if made.network_type != network.FLAT:
        if made.physical_network is not None:
            raise _invalid("physical_network is only valid for flat networks: leave it out, or make the network flat.")
        return
    if made.physical_network is None:
        raise _invalid("physical_network required for flat provider network: name the host's bridge.")
    if rows.count(held, network.Network, physical_network=made.physical_network):
        raise faults.Conflict(
            f"Unable to create the flat network. Physical network {made.physical_network} is in use.",
            kind="FlatNetworkInUse",
        )


def _invalid(sentence: str) -> faults.Invalid:
    return faults.Invalid(f"Invalid input for operation: {sentence}", kind="InvalidInput")


def change_network(held: session.Session, before: network.Network, values: Mapping[str, Any]) -> network.Network:
    """A changed network; what is plugged into it is looked at again when its MTU changed."""
    after = before.having(
        {
            **values,
            "updated_at": held.now,
            "revision_number": before.revision_number + 1,
            "revision": held.revision(),
        }
    )
    if any(getattr(before, name) != getattr(after, name) for name in PROVIDER):
        raise _invalid("Plugin does not support updating provider attributes: make another network.")
    _check_mtu(after.mtu)
    _check_withdrawn(held, before, after)
    rows.put(held, after)
    if after.mtu != before.mtu:
        for each in rows.find(held, port.Port, network_id=after.id):
            touch.port(held, each)
    return after


def _check_withdrawn(held: session.Session, before: network.Network, after: network.Network) -> None:
    """Refuse to take a network from those who use it because it was external or shared."""
    if before.external and not after.external:
        for owner in (device.ROUTER_GATEWAY, device.FLOATING_IP):
            if rows.count(held, port.Port, network_id=before.id, device_owner=owner):
                raise faults.Conflict(
                    f"External network {before.id} cannot be updated to be made non-external, since it has existing "
                    "gateway ports or floating IPs.",
                    kind="ExternalNetworkInUse",
                )
    if before.shared and not after.shared:
        others = set(rows.column(held, port.Port, "project_id", network_id=before.id))
        lent = rows.column(held, rbacpolicy.RbacPolicy, "target_tenant", object_id=before.id)
        if rbacpolicy.EVERYBODY not in lent and others - {before.project_id, "", *lent}:
            raise faults.Conflict(
                f"Unable to reconfigure sharing settings for network {before.name}. Multiple tenants are using it.",
                kind="InvalidSharedSetting",
            )


def remove_network(held: session.Session, gone: network.Network) -> None:
    """Remove a network with its subnets, and the floating IPs that stand for nothing.

    Raises faults.Conflict while other ports are on it.
    """
    for each in rows.find(held, floatingip.FloatingIp, floating_network_id=gone.id, port_id=None):
        floating.remove(held, each)
    left = rows.find(held, port.Port, network_id=gone.id)
    if left:
        raise faults.Conflict(
            f"Unable to complete operation on network {gone.id}. There are one or more ports still in use on the "
            f"network, id for these ports is: {','.join(each.id for each in left[:20])}.",
            kind="NetworkInUse",
        )
    rows.remove_where(held, subnet.Subnet, network_id=gone.id)
    sharing.forget(held, gone.id)
    rows.remove(held, network.Network, gone.id)
    touch.bury_network(held, gone)
