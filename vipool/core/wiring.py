"""What to do so that a node's network becomes what it must be.

Promises: `plan` leads from any observed namespace to the desired one and is empty when they agree; each action is
safe to repeat, so after a crash at any of them planning again from what is then observed reaches the same end. Where
traffic flows already, the order keeps it flowing: packet rules come before devices, new addresses before old ones go,
a route is replaced rather than taken away and put back. Pure: reads nothing, acts on nothing; `vipool.host.wiring`
performs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

from vipool.model import wiring


def plan(desired: wiring.Namespace | None, observed: wiring.Namespace | None) -> tuple[wiring.Action, ...]:
    """The actions that make the namespace what is desired; None means that it is, or must be, absent.

    Of a foreign namespace only our devices, with their addresses and routes, come and go. When it is absent itself the
    plan still plugs the devices: performing then says that there is no such namespace.
    Of several desired routes to one destination the last holds. Raises ValueError on a malformed address, and on a
    route of a foreign namespace that does not name its device: it could turn out to lead through another's.
    """
    if desired is None:
        return () if observed is None else tuple(_removal(observed))
    wanted = wiring.canonical(desired)
    found = wiring.canonical(observed) if observed else wiring.Namespace(name=wanted.name, foreign=wanted.foreign)
    if wanted.foreign and any(route.device is None for route in wanted.routes):
        raise ValueError(f"a route of the foreign namespace {wanted.reference} names no device")
    actions: list[wiring.Action] = []
    if not wanted.foreign:
        if observed is None:
            actions.append(wiring.CreateNamespace(name=wanted.name))
        if wanted.forwarding < found.forwarding:
            actions.append(wiring.SetForwarding(namespace=wanted.reference, on=False))
        if wanted.fingerprint != found.fingerprint:
            actions.append(wiring.LoadRuleset(namespace=wanted.reference, text=desired.ruleset))
    actions.extend(_devices(wanted, found))
    actions.extend(_routes(wanted, found))
    if not wanted.foreign and wanted.forwarding > found.forwarding:
        actions.append(wiring.SetForwarding(namespace=wanted.reference, on=True))
    return tuple(actions)


def plan_bridges(desired: tuple[wiring.Bridge, ...], observed: tuple[wiring.Bridge, ...]) -> tuple[wiring.Action, ...]:
    """The actions that make the host's bridges what is desired.

    `observed` is every bridge of the host, with `foreign` set on those without our alias. Those are left alone, unless
    one has the name of a bridge that must be ours: it is then adopted. Ours that nobody desires are deleted.
    """
    present = {bridge.name: bridge for bridge in observed}
    wanted = {bridge.name for bridge in desired}
    ensured = tuple(
        wiring.EnsureBridge(bridge=bridge) for bridge in desired if not _as_wanted(bridge, present.get(bridge.name))
    )
    gone = tuple(
        wiring.DeleteBridge(name=bridge.name) for bridge in observed if not bridge.foreign and bridge.name not in wanted
    )
    return ensured + gone


def _as_wanted(wanted: wiring.Bridge, found: wiring.Bridge | None) -> bool:
    if found is None:
        return False
    if wanted.foreign:
        return True
    same = (found.mtu, found.alias) == (wanted.mtu, wanted.alias)
    return same and (wanted.uplink is None or wanted.uplink in found.ports)


def _removal(observed: wiring.Namespace) -> Iterator[wiring.Action]:
    if not observed.foreign:
        yield wiring.DeleteNamespace(name=observed.name)
        return
    for device in observed.devices:
        yield _unplug(observed, device)


def _unplug(namespace: wiring.Namespace, device: wiring.Device) -> wiring.Action:
    return wiring.UnplugDevice(namespace=namespace.reference, device=device.name, tap=device.tap)


def _devices(wanted: wiring.Namespace, found: wiring.Namespace) -> Iterator[wiring.Action]:
    kept = _kept(wanted, found)
    for device in found.devices:
        if device.name not in kept:
            yield _unplug(wanted, device)
    for device in wanted.devices:
        if device.name not in kept:
            yield wiring.PlugDevice(namespace=wanted.reference, device=device)
    for device in wanted.devices:
        if device.name in kept:
            yield from _changes(wanted.reference, device, kept[device.name])


def _kept(wanted: wiring.Namespace, found: wiring.Namespace) -> dict[str, wiring.Device]:
    """The observed devices that need no new pair: those with the right name and tap."""
    taps = {device.name: device.tap for device in wanted.devices}
    return {device.name: device for device in found.devices if taps.get(device.name) == device.tap}


def _changes(reference: str, wanted: wiring.Device, found: wiring.Device) -> Iterator[wiring.Action]:
    change = wiring.SetLink(
        namespace=reference,
        device=wanted.name,
        tap=wanted.tap,
        mac=wanted.mac if wanted.mac != found.mac else None,
        mtu=wanted.mtu if wanted.mtu != found.mtu else None,
        bridge=wanted.bridge if wanted.bridge != found.bridge else None,
        up=True if not found.up else None,
    )
    if change != wiring.SetLink(namespace=reference, device=wanted.name, tap=wanted.tap):
        yield change
    for address in wanted.addresses:
        if address not in found.addresses:
            yield wiring.AddAddress(namespace=reference, device=wanted.name, address=address)
    for address in found.addresses:
        if address not in wanted.addresses and address not in wanted.floating and not _is_link_local(address):
            yield wiring.RemoveAddress(namespace=reference, device=wanted.name, address=address)


def _is_link_local(address: str) -> bool:
    """An IPv6 link-local address: the kernel makes one for itself on every interface (RFC 4291, 2.5.6)."""
    interface = ipaddress.ip_interface(address)
    return interface.version == 6 and interface.ip.is_link_local


def _routes(wanted: wiring.Namespace, found: wiring.Namespace) -> Iterator[wiring.Action]:
    kept = _kept(wanted, found)
    # Through another's device of a foreign namespace: not ours to judge. Without a device: several nexthops.
    there = {device.name for device in found.devices}
    present = [route for route in found.routes if route.device in kept or not (wanted.foreign or route.device in there)]
    desired = {route.destination: route for route in wanted.routes}
    satisfied = {route.destination for route in present if _serves(desired.get(route.destination), route)}
    replaced: set[str] = set()
    for route in present:
        wish = desired.get(route.destination)
        if _serves(wish, route):
            continue
        if wish and not route.foreign and route.destination not in satisfied | replaced:
            replaced.add(route.destination)
            continue
        yield wiring.RemoveRoute(namespace=wanted.reference, route=route)
    # What is directly reachable comes first: a nexthop may be known only through such a route.
    for route in sorted(desired.values(), key=lambda route: (route.nexthop is not None, wiring.route_order(route))):
        if route.destination not in satisfied:
            yield wiring.AddRoute(namespace=wanted.reference, route=route)


def _serves(wish: wiring.Route | None, route: wiring.Route) -> bool:
    return wish is not None and replace(route, device=route.device if wish.device else None, foreign=False) == wish
