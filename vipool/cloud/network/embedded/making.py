"""Ports: made with a MAC and addresses, changed, and removed with all that they hold."""

import dataclasses
from collections.abc import Callable, Mapping

from vipool.cloud.network.embedded import allocation, touch
from vipool.model import faults, floatingip, network, plug, port, subnet
from vipool.store import rows, session

OUI = "fa:16:3e"  # the prefix that OpenStack gives its ports


def mac(number: int) -> str:
    """A MAC from the lowest 24 bits of a number."""
    return ":".join([OUI, *(f"{number >> shift & 0xFF:02x}" for shift in (16, 8, 0))])


def free_mac(held: session.Session, new_id: Callable[[], str]) -> str:
    """A MAC that no port has."""
    while True:
        made = mac(int(new_id().replace("-", "")[-6:], 16))
        if not rows.count(held, port.Port, mac_address=made):
            return made


def create(held: session.Session, wanted: port.Request, new_id: Callable[[], str]) -> port.Port:
    """A new port on a network that exists, with its addresses taken."""
    on = rows.get(held, network.Network, wanted.network_id)
    if on is None:
        raise faults.NotFound(f"Network {wanted.network_id} could not be found.", kind="NetworkNotFound")
    subnets = subnets_of(held, on.id)
    made = port.Port(
        id=new_id(),
        name=wanted.name,
        project_id=wanted.project_id,
        network_id=on.id,
        mac_address=free_mac(held, new_id),
        admin_state_up=wanted.admin_state_up,
        device_id=wanted.device_id,
        device_owner=wanted.device_owner,
        security_groups=wanted.security_group_ids,
        fixed_ips=allocation.choose(held, subnets, wanted.fixed_ips),
        created_at=held.now,
        updated_at=held.now,
    )
    rows.add(held, made)
    allocation.take(held, on.id, made.id, made.fixed_ips)
    return made


def subnets_of(held: session.Session, network_id: str) -> tuple[subnet.Subnet, ...]:
    """The subnets of a network, oldest first."""
    found = rows.find(held, subnet.Subnet, network_id=network_id)
    return tuple(sorted(found, key=lambda each: (each.created_at, each.id)))


def change(held: session.Session, before: port.Port, values: dict[str, object]) -> port.Port:
    """A changed port; addresses that stay are kept, and nodes are told."""
    if "fixed_ips" in values:
        values = {**values, "fixed_ips": _readdress(held, before, values["fixed_ips"])}
    after = dataclasses.replace(
        before,
        **{**values, "updated_at": held.now, "revision_number": before.revision_number + 1},  # type: ignore[arg-type]
    )
    rows.put(held, after)
    touch.port(held, after)
    return after


def adjust(held: session.Session, made: port.Port, values: dict[str, object]) -> port.Port:
    """A port that was just made, with what its request said beyond its addresses.  Raises faults.Conflict."""
    address = values.get("mac_address")
    if address and rows.count(held, port.Port, mac_address=address, network_id=made.network_id):
        raise faults.Conflict(f"MAC address {address} is in use on network {made.network_id}.", kind="MacAddressInUse")
    after = made.having({key: value for key, value in values.items() if value})
    rows.put(held, after)
    return after


def _readdress(held: session.Session, before: port.Port, wanted: object) -> tuple[Mapping[str, str], ...]:
    entries: list[Mapping[str, str]] = list(wanted) if isinstance(wanted, tuple) else []
    kept = [each for each in before.fixed_ips if any(_same(each, entry) for entry in entries)]
    allocation.give_back(held, before.fixed_ips)
    asked = tuple((entry.get("subnet_id"), entry.get("ip_address") or _kept(kept, entry)) for entry in entries)
    chosen = allocation.choose(held, subnets_of(held, before.network_id), asked)
    allocation.take(held, before.network_id, before.id, chosen)
    return chosen


def _same(held_entry: Mapping[str, str], entry: Mapping[str, str]) -> bool:
    address = entry.get("ip_address")
    return address == held_entry["ip_address"] or (not address and entry.get("subnet_id") == held_entry["subnet_id"])


def _kept(kept: list[Mapping[str, str]], entry: Mapping[str, str]) -> str | None:
    return next((each["ip_address"] for each in kept if each["subnet_id"] == entry.get("subnet_id")), None)


def remove(held: session.Session, gone: port.Port) -> None:
    """Remove a port: its addresses are free, floating IPs stand for it no more, nodes unplug it."""
    for each in rows.find(held, floatingip.FloatingIp, port_id=gone.id):
        rows.change(
            held,
            floatingip.FloatingIp,
            each.id,
            {"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"},
        )
        touch.router(held, each.router_id)
    found = rows.get(held, plug.Plug, gone.id)
    if found is not None:
        touch.bury_plug(held, found, gone)
    allocation.give_back(held, gone.fixed_ips)
    rows.remove(held, port.Port, gone.id)
