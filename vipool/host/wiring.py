"""The hand that does what `vipool.core.wiring` planned: namespaces, pairs, addresses, routes, bridges.

Promises: actions are performed in order, gathered into as few system calls as their order allows; each is safe to
repeat. The first refusal ends the work with a sentence, and what follows it is not tried. Namespaces of ours are
marked by a file in a directory of the caller's before they are made, so that they are known as ours after any crash.
Decides nothing: no action is left out, added or reordered here.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import assert_never

from vipool.host import errors, links, namespaces, netlink, nft, nftsteps, observation
from vipool.model import wiring

_SYSCTL = Path("/proc/sys/net")
_BRIDGE_FILTERS = ("bridge-nf-call-arptables", "bridge-nf-call-ip6tables", "bridge-nf-call-iptables")
_FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
# promote_secondaries: without it, removing the first address of a subnet removes all others of that subnet.
# accept_dad: hardware addresses are ours to give, so an IPv6 link-local one need not be held back for a second.
# reno: the kernel's default may be BBR, which halves the rate of short local paths; a namespace may refuse it.
_OF_A_NAMESPACE = (
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/conf/all/promote_secondaries", "1"),
    ("ipv4/conf/default/promote_secondaries", "1"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv4/tcp_congestion_control", "reno"),
)
_OF_A_DEVICE = (("ipv4/conf/{}/promote_secondaries", "1"), ("ipv6/conf/{}/accept_ra", "0"))


def perform(actions: Iterable[wiring.Action], *, marks: Path, loaded: MutableMapping[str, str] | None = None) -> None:
    """Perform the actions. `marks` is the directory of the files that say which namespaces are ours.

    `loaded` keeps the packet rules that were loaded last, by namespace, so that only what differs is loaded next; where
    they are not there, all is. Raises `errors.HostError` at the first that is refused.
    """
    loaded = {} if loaded is None else loaded
    for (kind, reference), group in itertools.groupby(actions, key=_stage):
        members = tuple(group)
        match kind:
            case "outside":
                _perform_outside(reference, members)
            case "inside":
                namespaces.call(reference, functools.partial(_perform_inside, members, loaded))
            case "gone":
                for name in _names(members):
                    loaded.pop(name, None)
                _delete_namespaces(tuple(dict.fromkeys(_names(members))), marks)
            case _:
                for action in members:
                    _perform_alone(action, marks)


def marked(marks: Path) -> tuple[str, ...]:
    """The names of the namespaces that are ours, whether or not they exist at this moment."""
    try:
        return tuple(sorted(entry.name for entry in marks.iterdir()))
    except FileNotFoundError:
        return ()


def _stage(action: wiring.Action) -> tuple[str, str]:
    """What may be done in one go: all that the host side does to one namespace, all that is done inside it."""
    match action:
        case wiring.PlugDevice() | wiring.UnplugDevice() | wiring.SetLink():
            return "outside", action.namespace
        case (
            wiring.AddAddress()
            | wiring.RemoveAddress()
            | wiring.AddRoute()
            | wiring.RemoveRoute()
            | wiring.LoadRuleset()
            | wiring.SetForwarding()
        ):
            return "inside", action.namespace
        case wiring.DeleteNamespace():
            return "gone", ""
        case wiring.CreateNamespace() | wiring.EnsureBridge() | wiring.DeleteBridge():
            return "alone", ""
        case _:
            assert_never(action)


def _perform_alone(action: wiring.Action, marks: Path) -> None:
    match action:
        case wiring.CreateNamespace():
            marks.mkdir(parents=True, exist_ok=True)
            (marks / action.name).touch()
            namespaces.create(action.name, _furnish)
        case wiring.EnsureBridge():
            _ensure_bridge(action.bridge)
        case wiring.DeleteBridge():
            with netlink.Socket() as socket:
                socket.run([links.delete(action.name)])
        case _:
            raise AssertionError(action)


def _furnish() -> None:
    """What every namespace of ours starts with. Runs inside."""
    for name, value in _OF_A_NAMESPACE:
        _set(name, value)
    with netlink.Socket() as socket:
        socket.run([links.change("lo", up=True)])


def _names(actions: Iterable[wiring.Action]) -> Iterable[str]:
    return (action.name for action in actions if isinstance(action, wiring.DeleteNamespace))


def _delete_namespaces(names: tuple[str, ...], marks: Path) -> None:
    """Delete namespaces, and first their taps: else these would stay for as long as a process is left inside.

    Deleting one interface costs a grace period of the kernel, tens of milliseconds; deleting a group costs as much
    once.
    """
    found = filter(None, map(observation.observe, names))
    taps = [device.tap for namespace in found for device in namespace.devices if device.tap]
    if taps:
        with netlink.Socket() as socket:
            socket.run([links.doom(tap) for tap in taps] + [links.delete_doomed()])
    for name in names:
        namespaces.delete(name)
        (marks / name).unlink(missing_ok=True)


def _ensure_bridge(bridge: wiring.Bridge) -> None:
    if bridge.foreign:
        if not netlink.index_of(bridge.name):
            raise errors.Missing(f"there is no bridge {bridge.name} on this host: make it, or correct the network's")
        return
    for name in _BRIDGE_FILTERS:
        _set(f"bridge/{name}", "0")
    with netlink.Socket() as socket:
        socket.run([links.bridge(bridge.name, bridge.mtu), links.silent(bridge.name, bridge.alias)])
        _set(f"ipv6/conf/{bridge.name}/disable_ipv6", "1")
        # A bridge follows the smallest MTU of its ports until its own was changed once; setting what it has is no
        # change.
        other = links.change(bridge.name, mtu=bridge.mtu - 1)
        changes = [other, links.change(bridge.name, mtu=bridge.mtu, up=True)]
        if bridge.uplink:
            changes.append(_uplink(socket, bridge.uplink, bridge.name))
        socket.run(changes)


def _uplink(socket: netlink.Socket, name: str, bridge: str) -> netlink.Request:
    (answer,) = socket.ask([links.one_link(name=name)])
    if answer is None:
        raise errors.Missing(f"there is no interface {name} on this host to connect the bridge {bridge} to")
    master, index = links.read_link(answer).master, netlink.index_of(bridge)
    if master not in (0, index):
        reason = "it belongs to another bridge already"
        raise errors.Failed(f"connecting the bridge {bridge} to {name}", reason=reason)
    return links.change(name, master=index, up=True)


def _perform_outside(reference: str, actions: tuple[wiring.Action, ...]) -> None:
    """Plug, unplug and change pairs from the host's side, then bring up what was plugged from the inside."""
    requests: list[netlink.Request] = []
    after: list[wiring.PlugDevice | wiring.SetLink] = []
    lost: list[str] = []
    with namespaces.opened(reference) as descriptor, netlink.Socket() as socket:
        for action in actions:
            match action:
                case wiring.PlugDevice():
                    requests.extend(_plugging(action.device, descriptor))
                    after.append(action)
                case wiring.SetLink():
                    requests.append(_outer_change(action))
                    after.append(action)
                case wiring.UnplugDevice(tap=""):
                    lost.append(action.device)
                case wiring.UnplugDevice():
                    requests.append(links.delete(action.tap))
                case _:
                    raise AssertionError(action)
        if lost:
            namespaces.call(reference, functools.partial(_delete_inside, tuple(lost)))
        socket.run(requests)
    for action in after:
        _set(f"ipv6/conf/{_tap_of(action)}/disable_ipv6", "1")
    if after:
        namespaces.call(reference, functools.partial(_bring_up, tuple(after)))


def _plugging(device: wiring.Device, namespace_fd: int) -> tuple[netlink.Request, ...]:
    if not device.bridge:
        raise errors.Missing(f"the device {device.name} names no bridge for its tap {device.tap}")
    bridge = netlink.index_of(device.bridge)
    if not bridge:
        raise errors.Missing(f"there is no bridge {device.bridge} on this host for the tap {device.tap}")
    return (
        links.delete(device.tap),
        links.pair(device, bridge=bridge, namespace_fd=namespace_fd),
        links.silent(device.tap, wiring.OWNER_ALIAS),
    )


def _outer_change(action: wiring.SetLink) -> netlink.Request:
    master = netlink.index_of(action.bridge) if action.bridge else None
    if master == 0:
        raise errors.Missing(f"there is no bridge {action.bridge} on this host for the tap {action.tap}")
    return links.change(action.tap, mtu=action.mtu, master=master, up=action.up)


def _tap_of(action: wiring.PlugDevice | wiring.SetLink) -> str:
    return action.device.tap if isinstance(action, wiring.PlugDevice) else action.tap


def _delete_inside(names: tuple[str, ...]) -> None:
    with netlink.Socket() as socket:
        socket.run([links.delete(name) for name in names])


def _bring_up(actions: tuple[wiring.PlugDevice | wiring.SetLink, ...]) -> None:
    """The inner half of plugging and changing pairs. Runs inside."""
    requests: list[netlink.Request] = []
    for action in actions:
        if isinstance(action, wiring.SetLink):
            requests.append(links.change(action.device, mac=action.mac, mtu=action.mtu, up=action.up))
            continue
        device = action.device
        for pattern, value in _OF_A_DEVICE:
            _set(pattern.format(device.name), value)
        requests.append(links.change(device.name, up=True))
        index = _index(device.name)
        requests.extend(links.add_address(index, address) for address in device.addresses)
    with netlink.Socket() as socket:
        socket.run(requests)


def _perform_inside(actions: tuple[wiring.Action, ...], loaded: MutableMapping[str, str]) -> None:
    """Addresses, routes, rules and forwarding, in order. Runs inside."""
    requests: list[netlink.Request] = []
    with netlink.Socket() as socket:
        for action in actions:
            match action:
                case wiring.AddAddress():
                    requests.append(links.add_address(_index(action.device), action.address))
                case wiring.RemoveAddress():
                    requests.append(links.remove_address(_index(action.device), action.address))
                case wiring.AddRoute():
                    requests.append(links.add_route(action.route, _index(action.route.device)))
                case wiring.RemoveRoute():
                    requests.append(links.remove_route(action.route, _index(action.route.device)))
                case wiring.LoadRuleset():
                    socket.run(requests)
                    requests.clear()
                    _load(action, loaded)
                case wiring.SetForwarding():
                    socket.run(requests)
                    requests.clear()
                    for name in _FORWARDING:
                        _set(name, "1" if action.on else "0")
                case _:
                    raise AssertionError(action)
        socket.run(requests)


def _load(action: wiring.LoadRuleset, loaded: MutableMapping[str, str]) -> None:
    """Load what differs from what is there, where that is known; else all of it. Runs inside."""
    where = f"the namespace {action.namespace}"
    before = loaded.pop(action.namespace, "")
    known = before and nft.fingerprint_here() == wiring.fingerprint(before)
    steps = nftsteps.between(before, action.text) if known else ""
    try:
        nft.load_here(action.text, steps=steps, where=where)
    except errors.Failed:
        # Somebody changed what is in the tables, which nobody notices: it is set right now.
        if not steps:
            raise
        nft.load_here(action.text, where=where)
    loaded[action.namespace] = action.text


def _index(name: str | None) -> int:
    """The index of an interface of the calling thread's namespace; 0 for no name."""
    if name is None:
        return 0
    index = netlink.index_of(name)
    if not index:
        raise errors.Missing(f"there is no interface {name} in the namespace")
    return index


def _set(name: str, value: str) -> None:
    """Write a setting below /proc/sys/net, as the calling thread's namespace sees it; what is not there is left out.

    Not there means: no IPv6 in this kernel, no bridge filter loaded, or, for the congestion control, not offered here.
    """
    try:
        (_SYSCTL / name).write_text(value)
    except (FileNotFoundError, PermissionError):
        if name.startswith("ipv4/conf") or name in _FORWARDING[:1]:
            raise
