"""Doubles of an agent's surroundings, in memory: a machine and a server's end of the link.

They keep the contracts of `ground.Ground` and `link.Link`, and misbehave as the real ones do: the machine refuses or
dies at a given action, the link loses, doubles and delays. For tests, and for trying many items without a kernel.

Promises: no threads, no waiting, nothing of the real machine is touched.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from concurrent import futures
from dataclasses import replace
from typing import Any, assert_never

from vipool.agent import link
from vipool.announce import base as announcing
from vipool.core import node
from vipool.host import errors
from vipool.model import spec, vitals, wiring


class Died(BaseException):
    """The agent's process ended here. Not an Exception, as nothing catches a SIGKILL."""


class Machine:
    """A `ground.Ground` in memory. `foreign` are the names of namespaces that belong to somebody else.

    `dies_in` counts actions down: at 0 the agent dies instead. An action whose text has one of the words in `refuses`
    is refused. `performed` and `announced` tell what was done. `signs` are readings that tell of
    trouble, by namespace.
    """

    def __init__(self, foreign: Iterable[str] = ()) -> None:
        self.namespaces = {name: wiring.Namespace(name=name, foreign=True) for name in foreign}
        self.links: dict[str, wiring.Bridge] = {}
        self.marks: set[str] = set()
        self.directories: set[str] = set()
        self.performed: list[wiring.Action] = []
        self.announced: list[announcing.Claim] = []
        self.dies_in: int | None = None
        self.refuses: set[str] = set()
        self.signs: dict[str, vitals.Vitals] = {}

    def observe(self, place: wiring.Namespace) -> wiring.Namespace | None:
        """A copy of what is held."""
        return self.namespaces.get(place.reference)

    def bridge(self, name: str) -> wiring.Bridge | None:
        """What is held."""
        return self.links.get(name)

    def perform(self, actions: Sequence[wiring.Action]) -> None:
        """One action after the other, up to the first that is refused or at which the agent dies."""
        for action in actions:
            self.step(str(action))
            self.performed.append(action)
            self._perform(action)

    def step(self, doing: str) -> None:
        """One thing that may be refused, or be the last: for engines that share the machine's fate."""
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self.dies_in = None
                raise Died(doing)
        for word in self.refuses:
            if word in doing:
                raise errors.Failed(doing, reason=f"{word} is refused")

    def delete_tap(self, name: str) -> bool:
        """Take the device with that tap away, wherever it is."""
        found = name in self.taps()
        if found:
            self.step(f"deleting the tap {name}")
            self._delete_tap(name)
        return found

    def announce(self, claims: tuple[announcing.Claim, ...], *, new: bool) -> None:
        """Remember what was announced."""
        self.step(f"announcing {len(claims)} {'new' if new else 'old'} addresses")
        self.announced.extend(claims)

    def vital_signs(self, asked: Mapping[str, vitals.Question]) -> vitals.Readings:
        """What it was told, or a reading without any trouble."""
        there = [name for name in asked if name in self.namespaces]
        return vitals.Readings(found={name: self.signs.get(name, vitals.Vitals()) for name in there})

    def marked(self) -> frozenset[str]:
        """The marks."""
        return frozenset(self.marks)

    def belongings(self) -> node.Belongings:
        """What is held and ours."""
        return node.Belongings(
            namespaces=self.marked(),
            bridges=frozenset(bridge.name for bridge in self.links.values() if not bridge.foreign),
            taps=self.taps(),
            loadbalancers=frozenset(self.directories),
        )

    def taps(self) -> frozenset[str]:
        """The taps of every device."""
        return frozenset(device.tap for each in self.namespaces.values() for device in each.devices)

    def directory(self, loadbalancer_id: str) -> str:
        """A path that leads nowhere."""
        return f"/nowhere/{loadbalancer_id}"

    def prepare(self, loadbalancer_id: str) -> None:
        """Remember that there is a directory."""
        self.directories.add(loadbalancer_id)

    def forget(self, loadbalancer_id: str) -> None:
        """Remember that there is none."""
        self.directories.discard(loadbalancer_id)

    def reboot(self) -> None:
        """What is volatile is gone; directories and marks are on the disk."""
        self.namespaces = {
            name: replace(each, devices=(), routes=()) for name, each in self.namespaces.items() if each.foreign
        }
        self.links = {name: bridge for name, bridge in self.links.items() if bridge.foreign}

    def _perform(self, action: wiring.Action) -> None:
        match action:
            case wiring.CreateNamespace():
                self.marks.add(action.name)
                self.namespaces.setdefault(action.name, wiring.Namespace(name=action.name))
            case wiring.DeleteNamespace():
                self.namespaces.pop(action.name, None)
                self.marks.discard(action.name)
            case wiring.EnsureBridge():
                if action.bridge.foreign and action.bridge.name not in self.links:
                    raise errors.Missing(f"there is no bridge {action.bridge.name}")
                self.links[action.bridge.name] = action.bridge
            case wiring.DeleteBridge():
                self.links.pop(action.name, None)
            case _:
                if action.namespace not in self.namespaces:
                    raise errors.Missing(f"there is no network namespace {action.namespace}")
                self._change(action)

    def _change(self, action: wiring.Action) -> None:
        if isinstance(action, wiring.PlugDevice):
            if action.device.bridge not in self.links:
                raise errors.Missing(f"there is no bridge {action.device.bridge}")
            self._delete_tap(action.device.tap)
            if action.device.name in {each.name for each in self.namespaces[action.namespace].devices}:
                raise errors.Failed(f"plugging {action.device.name}", reason="File exists")
        reference = getattr(action, "namespace", "")
        self.namespaces[reference] = changed(self.namespaces[reference], action)

    def _delete_tap(self, name: str) -> None:
        for reference, each in self.namespaces.items():
            gone = {device.name for device in each.devices if device.tap == name}
            self.namespaces[reference] = replace(
                each,
                devices=tuple(device for device in each.devices if device.name not in gone),
                routes=tuple(route for route in each.routes if route.device not in gone),
            )


def changed(state: wiring.Namespace, action: wiring.Action) -> wiring.Namespace:
    """A namespace after an action inside it."""
    match action:
        case wiring.PlugDevice():
            return replace(
                state, devices=(*state.devices, replace(wiring.canonical_device(action.device), floating=()))
            )
        case wiring.UnplugDevice():
            kept = tuple(each for each in state.devices if each.name != action.device)
            return replace(
                state, devices=kept, routes=tuple(each for each in state.routes if each.device != action.device)
            )
        case wiring.SetLink() | wiring.AddAddress() | wiring.RemoveAddress():
            devices = (_device(each, action) if each.name == action.device else each for each in state.devices)
            return replace(state, devices=tuple(devices))
        case wiring.AddRoute():
            others = tuple(each for each in state.routes if each.destination != action.route.destination)
            return replace(state, routes=(*others, action.route))
        case wiring.RemoveRoute():
            return replace(state, routes=tuple(each for each in state.routes if each != action.route))
        case wiring.LoadRuleset():
            return replace(state, fingerprint=wiring.fingerprint(action.text))
        case wiring.SetForwarding():
            return replace(state, forwarding=action.on)
        case wiring.CreateNamespace() | wiring.DeleteNamespace() | wiring.EnsureBridge() | wiring.DeleteBridge():
            raise ValueError(f"{action} is not done inside a namespace")
        case _:
            assert_never(action)


def _device(device: wiring.Device, action: wiring.SetLink | wiring.AddAddress | wiring.RemoveAddress) -> wiring.Device:
    match action:
        case wiring.SetLink():
            wanted = {"mac": action.mac, "mtu": action.mtu, "bridge": action.bridge, "up": action.up}
            return replace(device, **{name: value for name, value in wanted.items() if value is not None})  # type: ignore[arg-type]
        case wiring.AddAddress():
            return replace(device, addresses=(*device.addresses, action.address))
        case wiring.RemoveAddress():
            return replace(device, addresses=tuple(each for each in device.addresses if each != action.address))


class Server:
    """The server's end of a `link.Link`, with the items a node is to be and what the node said of them.

    `weather` is what happens to the next calls, one word each: `lost` (it never arrives), `unanswered` (it arrives, the
    answer does not), `doubled` (it arrives twice), `late` (reports only: it comes after the next). Otherwise fine.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.items: dict[node.Key, spec.Item] = {}
        self.reports: list[spec.Report] = []
        self.weather: list[str] = []
        self._late: list[spec.Report] = []

    def put(self, item: spec.Item) -> None:
        """Ask for an item, or, if it is absent, for its going."""
        self.revision += 1
        self.items[node.key(item)] = replace(item, revision=self.revision)

    def desired(self, known: int, wait: float) -> spec.Desired | None:
        """What is newer than `known`; everything when nothing is known, or more than there ever was."""
        del wait
        weather = self._next()
        if weather in ("lost", "unanswered"):
            raise link.Lost(f"the answer is {weather}")
        complete = known == 0 or known > self.revision
        if known == self.revision and not complete:
            return None
        items = (item for item in self.items.values() if complete or item.revision > known)
        return spec.Desired(revision=self.revision, complete=complete, items=tuple(items))

    def report(self, reports: Sequence[spec.Report]) -> None:
        """Take note."""
        weather = self._next()
        if weather == "lost":
            raise link.Lost("the reports are lost")
        if weather == "late":
            self._late.extend(reports)
            return
        for _ in range(2 if weather == "doubled" else 1):
            self._arrive(reports)
        self._arrive(self._late)
        self._late.clear()
        if weather == "unanswered":
            raise link.Lost("the answer is lost")

    def close(self) -> None:
        """Nothing to give up."""

    def snapshot(self) -> tuple[int, dict[node.Key, spec.Item]]:
        """What a backup of the server holds."""
        return self.revision, copy.copy(self.items)

    def restore(self, backup: tuple[int, dict[node.Key, spec.Item]]) -> None:
        """Be what the server was at the time of the backup."""
        self.revision, items = backup
        self.items = dict(items)
        self.reports.clear()
        self._late.clear()

    def last(self, key: node.Key) -> spec.Report | None:
        """The last word on an item: that of the highest revision, and of these a success, whatever arrived late."""
        about = [each for each in reversed(self.reports) if (each.kind, each.id) == key]
        return max(about, key=lambda each: (each.revision, each.fault is None), default=None)

    def _arrive(self, reports: Sequence[spec.Report]) -> None:
        self.reports.extend(reports)
        for each in reports:
            item = self.items.get((each.kind, each.id))
            if each.gone and item is not None and item.absent:
                del self.items[each.kind, each.id]

    def _next(self) -> str:
        return self.weather.pop(0) if self.weather else "fine"


class Inline(futures.Executor):
    """A pool of no threads: what is submitted is done before `submit` returns, and what it raises is raised there."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        """Do it now."""
        future: futures.Future[Any] = futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Clock:
    """A `loop.Clock` that stands still until it is told otherwise. Looking at a data plane costs `cost` seconds."""

    def __init__(self, cost: float = 0.0) -> None:
        self.time = 1000.0
        self.cost = cost
        self._processor = 0.0

    def now(self) -> float:
        """What it was set to."""
        return self.time

    def processor(self) -> float:
        """More by `cost` each time."""
        self._processor += self.cost
        return self._processor
