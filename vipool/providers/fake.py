"""A provider in memory: it keeps the contract of `vipool.providers.base` and carries no traffic.

For tests of everything above it, and for ten thousand load balancers on one machine. Promises: what converged is
observed; what a test breaks, kills or marks down shows the way a real provider shows it. Does not touch the node.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from vipool.core import enabled, l7, offers
from vipool.model import spec, tree, wiring
from vipool.providers import base


class Capabilities:
    """It can do everything but what it was told to refuse: sentences by the id of a row."""

    name = "fake"
    description = "Keeps load balancers in memory and carries no traffic."

    def __init__(self) -> None:
        self.flavors: Mapping[str, offers.Offer] = {}
        self.zones: Mapping[str, offers.Offer] = {}
        self.refusals: dict[str, str] = {}

    def refuse(self, wanted: tree.Tree) -> str | None:
        """See `vipool.providers.base.Capabilities.refuse`."""
        return next((self.refusals[row.id] for row in wanted.live().rows() if row.id in self.refusals), None)


@dataclass
class Engine:
    """Load balancers as entries of a dictionary, by the directory of their place.

    `troubles` holds what `converge` raises, by load balancer id; `down` the members that do not answer; `killed` the
    directories whose process ended by itself; `counters` what listeners and members count, by id; `done` what was done,
    in order.
    """

    carried: dict[str, tree.Tree] = field(default_factory=dict)
    troubles: dict[str, Exception] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)
    counters: dict[str, spec.Counters] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)

    def rules(self, place: base.Place, wanted: tree.Tree) -> wiring.Rules:
        """None: the kernel carries nothing of it, whatever the protocol."""
        return wiring.NO_RULES

    def converge(self, place: base.Place, wanted: tree.Tree, materials: Mapping[str, str] = spec.NO_MATERIALS) -> str:
        """See `vipool.providers.base.Engine.converge`. It asks for no material."""
        trouble = self.troubles.get(wanted.loadbalancer.id)
        if trouble is not None:
            raise trouble
        before = None if place.directory in self.killed else self.carried.get(place.directory)
        self.killed.discard(place.directory)
        if before == wanted:
            return ""
        self.carried[place.directory] = wanted
        return self._note(place, "started" if before is None else "changed")

    def observe(self, place: base.Place, wanted: tree.Tree) -> spec.Observation | None:
        """See `vipool.providers.base.Engine.observe`."""
        served = self.carried.get(place.directory)
        if served is None or place.directory in self.killed or not served.loadbalancer.admin_state_up:
            return None
        fronts = tuple(enabled.listeners(served))
        pools = {back.id: back for each in fronts for back in l7.pools_in_force(served, each)}.values()
        servers = {each.id: self._server(served, each.id) for back in pools for each in served.members_of(back.id)}
        backends = {back.id: self._backend(served, back.id, servers) for back in pools}
        return spec.Observation(
            frontends={each.id: "open" for each in fronts},
            backends=backends,
            servers=servers,
            counters={each.id: self.counters.get(each.id, spec.Counters()) for each in fronts},
            members={each.id: self.counters[each.id] for each in served.members if each.id in self.counters},
        )

    def remove(self, place: base.Place) -> None:
        """See `vipool.providers.base.Engine.remove`."""
        self.killed.discard(place.directory)
        if self.carried.pop(place.directory, None) is not None:
            self._note(place, "removed")

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        """See `vipool.providers.base.Engine.watch`."""
        return {each.namespace: base.GONE for each in places if each.directory in self.killed}

    def kill(self, place: base.Place) -> None:
        """The process of a place ends by itself."""
        self.killed.add(place.directory)

    def _note(self, place: base.Place, what: str) -> str:
        self.done.append((place.namespace, what))
        return what

    def _server(self, served: tree.Tree, member_id: str) -> str:
        row = next(each for each in served.members if each.id == member_id)
        if not row.admin_state_up:
            return "maint"
        if enabled.monitor_of(served, row.pool_id) is None:
            return "no_check"
        if member_id in self.down:
            return "down"
        return "up" if row.weight else "drain"

    def _backend(self, served: tree.Tree, pool_id: str, servers: dict[str, str]) -> str:
        rows = served.members_of(pool_id)
        able = [each for each in rows if servers[each.id] in {"up", "no_check"} and each.weight]
        return "up" if able or not rows else "down"


@dataclass
class Checker:
    """Checks that find what a test says: `missing` holds the members that do not answer, `killed` the directories whose
    checks ended by themselves; `assigned` is what is checked, by the directory of its place."""

    assigned: dict[str, tree.Tree] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)

    def assign(self, place: base.Place, wanted: tree.Tree, down: Collection[str]) -> str:
        """See `vipool.providers.base.Checker.assign`."""
        self.missing |= set(down)
        self.killed.discard(place.directory)
        said = "" if self.assigned.get(place.directory) == wanted else "checks are as wanted"
        self.assigned[place.directory] = wanted
        return said

    def down(self, place: base.Place) -> frozenset[str]:
        """See `vipool.providers.base.Checker.down`."""
        wanted = self.assigned.get(place.directory)
        return frozenset(each.id for each in wanted.members if each.id in self.missing) if wanted else frozenset()

    def forget(self, place: base.Place) -> None:
        """See `vipool.providers.base.Checker.forget`."""
        self.assigned.pop(place.directory, None)
        self.killed.discard(place.directory)

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        """See `vipool.providers.base.Checker.watch`."""
        return {each.namespace: base.GONE for each in places if each.directory in self.killed}
