"""Who uses a port: the objects behind ``device_owner`` and ``device_id``, and what nobody may say or take from them.

A port becomes a router's only through the router, and a load balancer's only through the load balancer: else anybody
could plug a port into somebody else's router by naming it.
"""

from collections.abc import Mapping
from typing import Any

from vipool.model import attr, device, faults, floatingip, loadbalancer, plug, port, router
from vipool.store import rows, session

OWNERS: Mapping[str, type[attr.Resource]] = {
    device.ROUTER_INTERFACE: router.Router,
    device.ROUTER_GATEWAY: router.Router,
    device.FLOATING_IP: floatingip.FloatingIp,
    device.LOAD_BALANCER: loadbalancer.LoadBalancer,
}
NAMES = ("device_owner", "device_id")


def user(held: session.Session, device_owner: str, device_id: str) -> attr.Resource | None:
    """The object that these words name, if there is one."""
    cls = OWNERS.get(device_owner)
    # Filters compare without regard to case, so that in capitals an identifier names the same object to people.
    return None if cls is None else rows.get(held, cls, device_id.lower().removeprefix("lb-"))


def check_claim(held: session.Session, values: Mapping[str, Any], before: port.Port | None = None) -> None:
    """Refuse words that make a port somebody's, or take it from who has it.  Raises faults.Conflict."""
    if before is not None:
        if all(values.get(name, getattr(before, name)) == getattr(before, name) for name in NAMES):
            return
        if user(held, before.device_owner, before.device_id) is not None:
            raise faults.Conflict(
                f"Port {before.id} is used by {before.device_owner} {before.device_id}: change that instead.",
                kind="PortInUse",
            )
    words = [str(values.get(name, "" if before is None else getattr(before, name))) for name in NAMES]
    if user(held, *words) is not None:
        raise faults.Conflict(
            f"A port cannot be given to {words[0]} {words[1]} by its attributes: add it there.",
            kind="DeviceIDNotOwnedByTenant",
        )


def check_removal(held: session.Session, gone: port.Port) -> None:
    """Refuse to delete a port by hand that a router, a floating IP, a load balancer or a plug has."""
    found = user(held, gone.device_owner, gone.device_id)
    if found is not None:
        raise faults.Conflict(
            f"Port {gone.id} cannot be deleted directly via the port API: has device owner {gone.device_owner}. Delete "
            f"{found.NOUN.wrapper} {found.id}, or what it has there.",
            kind="ServicePortInUse",
        )
    if rows.get(held, plug.Plug, gone.id) is not None:
        raise faults.Conflict(
            f"Port {gone.id} is plugged: detach it first (vipool port detach {gone.id}).", kind="PortInUse"
        )
