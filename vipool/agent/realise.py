"""One item: observe, plan, act. The machine comes as a `ground.Ground`, what carries traffic as engines.

Promises: every call may be repeated, also after the last one was cut short anywhere; what is right is not touched, and
the answer says what was done. Raises `errors.HostError`, `attach.Unwirable`, `base.Broken` or `base.NotNow`. Does not
retry, report or log: `vipool.agent.loop` does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from vipool.agent import ground
from vipool.announce import base as announcing
from vipool.core import attach, node
from vipool.core import wiring as planning
from vipool.model import spec, wiring
from vipool.providers import base


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done for an item, in words; empty where it was right already."""

    words: tuple[str, ...] = ()
    observation: spec.Observation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """What acts for an agent: the machine, and the engines by the name of their provider."""

    ground: ground.Ground
    engines: Mapping[str, base.Engine] = field(default_factory=dict)

    def realise(self, item: spec.Item, *, announce_all: bool) -> Done:
        """Make the item so. `announce_all` tells the link of every address it holds, not only of the new ones."""
        match item:
            case spec.Network():
                return self._network(item)
            case spec.LoadBalancer():
                return self._loadbalancer(item, announce_all=announce_all)
            case spec.Router() | spec.Plug():
                wanted = node.namespace(item)
                actions = self._wire(wanted, node.own_namespace(item))
                self._announce(wanted, actions, everything=announce_all)
                return Done(words=words(actions))
        assert_never(item)

    def remove(self, item: spec.Item) -> Done:
        """Make the item not be there."""
        match item:
            case spec.Network():
                return self._remove_bridge(item)
            case spec.Plug():
                tap = attach.short("tap", item.port.port_id)
                return Done(words=("unplugged it",) if self.ground.delete_tap(tap) else ())
            case spec.Router():
                return Done(words=self._remove_namespace(node.own_namespace(item)))
            case spec.LoadBalancer():
                return self.remove_loadbalancer(item.id, [self.engine(item)])
        assert_never(item)

    def engine(self, item: spec.LoadBalancer) -> base.Engine:
        """What carries the load balancer's traffic. Raises base.Broken when it is not on this node."""
        name = item.tree.loadbalancer.provider
        try:
            return self.engines[name]
        except KeyError:
            known = ", ".join(sorted(self.engines)) or "none"
            raise base.Broken(f"provider {name!r} is not on this node, which has: {known}") from None

    def place(self, loadbalancer_id: str) -> base.Place:
        """Where the load balancer's engine lives."""
        return base.Place(
            namespace=attach.loadbalancer_namespace(loadbalancer_id), directory=self.ground.directory(loadbalancer_id)
        )

    def remove_loadbalancer(self, loadbalancer_id: str, engines: Iterable[base.Engine]) -> Done:
        """Stop its processes, then take away its namespace, then its directory: the last trace goes last."""
        place = self.place(loadbalancer_id)
        self.ground.prepare(loadbalancer_id)
        for engine in engines:
            engine.remove(place)
        self._remove_namespace(place.namespace)
        self.ground.forget(loadbalancer_id)
        return Done(words=("removed it",))

    def look(self, item: spec.LoadBalancer) -> spec.Observation | None:
        """What the load balancer's data plane says now; None when nothing runs."""
        return self.engine(item).observe(self.place(item.id), item.tree.live())

    def sweep(self, orphans: node.Belongings) -> Done:
        """Take away what is ours and belongs to nobody."""
        carried = {attach.loadbalancer_namespace(each): each for each in orphans.loadbalancers}
        carried |= {
            name: name.removeprefix(attach.LOADBALANCER_PREFIX)
            for name in orphans.namespaces
            if name.startswith(attach.LOADBALANCER_PREFIX)
        }
        for identifier in sorted(carried.values()):
            self.remove_loadbalancer(identifier, {id(each): each for each in self.engines.values()}.values())
        for name in sorted(orphans.namespaces - carried.keys()):
            self.ground.perform([wiring.DeleteNamespace(name=name)])
        for name in sorted(orphans.taps):
            self.ground.delete_tap(name)
        for name in sorted(orphans.bridges):
            self.ground.perform([wiring.DeleteBridge(name=name)])
        named = sorted(carried.values()) + sorted(orphans.namespaces - carried.keys())
        named += sorted(orphans.taps) + sorted(orphans.bridges)
        return Done(words=tuple(f"removed {name}, which nobody asks for" for name in named))

    def _network(self, item: spec.Network) -> Done:
        wanted = attach.bridge(item.segment)
        found = self.ground.bridge(wanted.name)
        actions = planning.plan_bridges((wanted,), (found,) if found else ())
        self.ground.perform(actions)
        return Done(words=words(actions))

    def _remove_bridge(self, item: spec.Network) -> Done:
        wanted = attach.bridge(item.segment)
        found = self.ground.bridge(wanted.name)
        if wanted.foreign or found is None or found.foreign:
            return Done()
        actions = (wiring.DeleteBridge(name=wanted.name),)
        self.ground.perform(actions)
        return Done(words=words(actions))

    def _loadbalancer(self, item: spec.LoadBalancer, *, announce_all: bool) -> Done:
        engine = self.engine(item)
        served = item.tree.live()
        place = self.place(item.id)
        wanted = node.loadbalancer(item, engine.rules(place, served))
        actions = self._wire(wanted, place.namespace)
        self.ground.prepare(item.id)
        carried = engine.converge(place, served, item.materials)
        self._announce(wanted, actions, everything=announce_all)
        return Done(words=(*words(actions), *filter(None, [carried])), observation=engine.observe(place, served))

    def _wire(self, wanted: wiring.Namespace | None, name: str | None) -> tuple[wiring.Action, ...]:
        """Make the namespace so, or that of this name not be there; what was done."""
        if wanted is None:
            actions: tuple[wiring.Action, ...] = self._namespace_removal(name)
        else:
            seen = self.ground.observe(wanted)
            if wanted.foreign and seen:
                wanted, seen = _beside_others(wanted, seen)
            actions = planning.plan(wanted, seen)
        self.ground.perform(actions)
        return actions

    def _remove_namespace(self, name: str | None) -> tuple[str, ...]:
        actions = self._namespace_removal(name)
        self.ground.perform(actions)
        return words(actions)

    def _namespace_removal(self, name: str | None) -> tuple[wiring.Action, ...]:
        """A name may be marked as ours before the namespace is there: a crash may lie between."""
        if name is None:
            return ()
        there = self.ground.observe(wiring.Namespace(name=name)) is not None
        return (wiring.DeleteNamespace(name=name),) if there or name in self.ground.marked() else ()

    def _announce(self, wanted: wiring.Namespace | None, actions: Sequence[wiring.Action], *, everything: bool) -> None:
        held = claims(wanted)
        new = tuple(claim for claim in held if _is_new(claim, actions))
        if new:
            self.ground.announce(new, new=True)
        if everything and len(new) < len(held):
            self.ground.announce(tuple(claim for claim in held if claim not in new), new=False)


def claims(namespace: wiring.Namespace | None) -> tuple[announcing.Claim, ...]:
    """What the namespace holds. Floating addresses are not announced here: whoever moves them does."""
    if namespace is None:
        return ()
    return tuple(
        announcing.Claim(reference=namespace.reference, device=device.name, address=address.partition("/")[0])
        for device in namespace.devices
        for address in device.addresses
    )


def words(actions: Sequence[wiring.Action]) -> tuple[str, ...]:
    """What was done to the network, in words."""
    found: list[str] = []
    for action in actions:
        match action:
            case wiring.CreateNamespace():
                found.append(f"made the namespace {action.name}")
            case wiring.DeleteNamespace():
                found.append(f"removed the namespace {action.name}")
            case wiring.EnsureBridge():
                found.append(f"made the bridge {action.bridge.name} so")
            case wiring.DeleteBridge():
                found.append(f"removed the bridge {action.name}")
            case wiring.PlugDevice():
                found.append(f"plugged {action.device.name} with {', '.join(action.device.addresses) or 'no address'}")
            case wiring.UnplugDevice():
                found.append(f"unplugged {action.device}")
            case wiring.SetLink():
                found.append(f"changed {action.device}")
            case wiring.AddAddress():
                found.append(f"added {action.address}")
            case wiring.RemoveAddress():
                found.append(f"removed {action.address}")
            case wiring.AddRoute():
                found.append(f"added the route to {action.route.destination}")
            case wiring.RemoveRoute():
                found.append(f"removed the route to {action.route.destination}")
            case wiring.LoadRuleset():
                found.append("loaded packet rules" if action.text else "removed packet rules")
            case wiring.SetForwarding():
                found.append(f"switched forwarding {'on' if action.on else 'off'}")
            case _:
                assert_never(action)
    return tuple(found)


def _is_new(claim: announcing.Claim, actions: Sequence[wiring.Action]) -> bool:
    """Whether the address came to the device by these actions, or the device moved or changed its hardware address."""
    moved = (
        action.device == claim.device and bool(action.mac or action.bridge)
        for action in actions
        if isinstance(action, wiring.SetLink)
    )
    return claim in announcing.claims(actions) or any(moved)


def _beside_others(wanted: wiring.Namespace, seen: wiring.Namespace) -> tuple[wiring.Namespace, wiring.Namespace]:
    """Of a foreign namespace, what concerns this port, wanted and seen.

    Its owner, or another port of ours, may have a route to the same destination, the default mostly: it was there first
    and stays. Replacing it could not be undone.
    """
    names = {device.name for device in wanted.devices}
    taps = {device.tap for device in wanted.devices}
    devices = tuple(each for each in seen.devices if each.name in names or each.tap in taps)
    own = {device.name for device in devices}
    taken = {route.destination for route in seen.routes if route.device not in own}
    return (
        replace(wanted, routes=tuple(route for route in wanted.routes if route.destination not in taken)),
        replace(seen, devices=devices, routes=tuple(route for route in seen.routes if route.device in own)),
    )
