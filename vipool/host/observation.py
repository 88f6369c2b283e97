"""What the kernel holds, read as values.

Promises: reads only, always from the kernel itself and never from memory; an interface that vanishes while being read
is simply not reported. Decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vipool.host import errors, links, namespaces, netlink, nft
from vipool.model import wiring

_FORWARDING = (Path("/proc/sys/net/ipv4/ip_forward"), Path("/proc/sys/net/ipv6/conf/all/forwarding"))


def observe(name: str, *, foreign: bool = False, path: str | None = None) -> wiring.Namespace | None:
    """The namespace as it is, or None when there is none.

    Its devices are the veth pairs whose other end is here, where the caller is; its routes those put there by hand or
    by us; where the two ends of a pair differ in MTU, it is given as 0. Of a foreign namespace the devices are those
    whose tap carries our alias. Its routes are ours through these, and everybody's through other devices, so that the
    caller can see what would be in the way. Raises `errors.Failed`.
    """
    reference = path or name
    try:
        inside = namespaces.call(reference, _read_inside)
    except errors.Missing:
        return None
    found = tuple(_devices(inside, only_ours=foreign))
    names = {device.name for device in found}
    seen = wiring.Namespace(name=name, path=path, foreign=foreign, devices=found)
    if foreign:
        return replace(
            seen,
            routes=tuple(route for route, _ in inside.routes if not route.foreign or route.device not in names),
        )
    routes = tuple(route for route, protocol in inside.routes if protocol in links.BY_HAND)
    return replace(seen, routes=routes, fingerprint=inside.fingerprint, forwarding=inside.forwarding)


def bridges() -> tuple[wiring.Bridge, ...]:
    """Every bridge of the host: `foreign` when without our alias, `ports` what hangs on it and is no tap of ours."""
    with netlink.Socket() as socket:
        found = [links.read_link(body) for body in socket.dump(links.every_link())]
    return tuple(_bridge(link, found) for link in found if link.kind == "bridge")


def taps() -> tuple[str, ...]:
    """The names of every interface of the host that carries our alias and is no bridge."""
    with netlink.Socket() as socket:
        found = [links.read_link(body) for body in socket.dump(links.every_link())]
    return tuple(link.name for link in found if link.alias == wiring.OWNER_ALIAS and link.kind != "bridge")


def await_carrying(reference: str, device: str, *, seconds: float) -> None:
    """Wait until what the device sends reaches the bridge: both ends are operational and the port forwards.

    Raises `errors.Missing` when there is no such pair, `errors.Failed` when it takes longer.
    """
    (inner,) = namespaces.call(reference, lambda: _ask(links.one_link(name=device)))
    if inner is None:
        raise errors.Missing(f"there is no device {device} in the namespace {reference}")
    until = time.monotonic() + seconds
    with netlink.Socket(groups=netlink.LINK_CHANGES) as changes, netlink.Socket() as socket:
        while True:
            (answer,) = socket.ask([links.one_link(links.read_link(inner).peer)])
            if answer is None:
                raise errors.Missing(f"the device {device} of the namespace {reference} has no tap here")
            if links.read_link(answer).carrying:
                return
            if not changes.await_change(until - time.monotonic()):
                raise errors.Failed(f"waiting for {device} of {reference}", reason=f"not up within {seconds} s")


def _ask(request: netlink.Request) -> list[bytes | None]:
    with netlink.Socket() as socket:
        return socket.ask([request])


class _Inside:
    """What is read on the thread inside the namespace."""

    __slots__ = ("addresses", "fingerprint", "forwarding", "links", "routes")

    def __init__(self, socket: netlink.Socket) -> None:
        every = tuple(map(links.read_link, socket.dump(links.every_link())))
        self.links = tuple(link for link in every if link.kind == "veth")
        addresses = map(links.read_address, socket.dump(links.every_address()))
        self.addresses = tuple(found for found in addresses if found)
        names = {link.index: link.name for link in every}
        routes = (links.read_route(body, names) for body in socket.dump(links.every_route()))
        self.routes = tuple(route for route in routes if route)
        self.forwarding = all(_reads_one(path) for path in _FORWARDING if path.exists())
        self.fingerprint = nft.fingerprint_here()


def _read_inside() -> _Inside:
    with netlink.Socket() as socket:
        return _Inside(socket)


def _devices(inside: _Inside, *, only_ours: bool) -> Iterable[wiring.Device]:
    with netlink.Socket() as socket:
        answers = socket.ask([links.one_link(link.peer) for link in inside.links])
        taps = [links.read_link(answer) if answer else None for answer in answers]
        masters = {tap.master for tap in taps if tap and tap.master}
        found = socket.ask([links.one_link(index) for index in masters])
    names = {link.index: link.name for link in map(links.read_link, filter(None, found))}
    for link, tap in zip(inside.links, taps, strict=True):
        # An index means nothing in another namespace: only a veth that points back is the other end.
        if tap is not None and not (tap.kind == "veth" and tap.peer == link.index):
            tap = None  # noqa: PLW2901 - the end found is not this pair's
        if only_ours and not (tap and tap.alias == wiring.OWNER_ALIAS):
            continue
        yield wiring.Device(
            name=link.name,
            mac=link.mac,
            mtu=link.mtu if tap and tap.mtu == link.mtu else 0,
            tap=tap.name if tap else "",
            bridge=names.get(tap.master) if tap else None,
            addresses=tuple(address for index, address in inside.addresses if index == link.index),
            up=link.up and bool(tap and tap.up),
        )


def _bridge(link: links.Link, found: list[links.Link]) -> wiring.Bridge:
    ports = (port for port in found if port.master == link.index and port.alias != wiring.OWNER_ALIAS)
    return wiring.Bridge(
        name=link.name,
        mtu=link.mtu,
        alias=link.alias,
        foreign=link.alias != wiring.OWNER_ALIAS,
        ports=tuple(sorted(port.name for port in ports)),
    )


def _reads_one(path: Path) -> bool:
    return path.read_text().strip() == "1"
