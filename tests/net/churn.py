"""Random changes of a load balancer that the kernel carries, and what each state owes to its clients.

`Changes` makes one at random after the other: members come, go, are weighed, drained, switched off and on, listeners
and pools too; algorithms, persistence, limits and times change. `Record` knows which state held when, and says of what
clients saw whether it was owed to a change. What a state owes is said in words of its own, not asked of the product.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.net import balanced, crowd
from tests.providers import trees
from vipool.model import listener, member, pool, tree

PORTS, KINDS = (7001, 7002), ("TCP", "UDP")
ENDS = {"web1": (balanced.WEB1, balanced.WEB1_6), "web2": (balanced.WEB2, balanced.WEB2_6)}
BACK_PORTS = (8001, 8002, 8003)
PLACES = tuple((address, port) for port in BACK_PORTS for addresses in ENDS.values() for address in addresses)
"""Where members may be."""

# The client is within all of the last three, and no other is opened to more connections than it has.
_CIDRS: tuple[tuple[str, ...] | None, ...] = (None, ("10.0.0.0/8", "2001:db8::/32"), ("0.0.0.0/0", "::/0"))
_LIMITS = (-1, 500, 900)
_TIMES = (30_000, 50_000, 90_000)
_KEPT: tuple[Mapping[str, object] | None, ...] = (None, None, {"type": "SOURCE_IP"})


def begin() -> tree.Tree:
    """TCP and UDP listeners of the same ports, each with a pool of its own that has four members."""
    body: dict[str, list[dict[str, Any]]] = {"listeners": [], "pools": [], "members": []}
    for at, (kind, port) in enumerate(((kind, port) for kind in KINDS for port in PORTS), 1):
        front, back = trees.identifier(2, at), trees.identifier(3, at)
        body["listeners"].append({"id": front, "protocol": kind, "protocol_port": port, "default_pool_id": back})
        body["pools"].append({"id": back, "protocol": kind, "lb_algorithm": "ROUND_ROBIN"})
        for number, (address, place) in enumerate(PLACES[:8], 100 * at):
            values = {"id": trees.identifier(4, number), "pool_id": back, "address": address, "protocol_port": place}
            body["members"].append(values)
    vips = {"vip_subnet_id": trees.identifier(8, 1), "additional_vips": [balanced.SECOND]}
    return trees.load({"loadbalancer": {"vip_address": balanced.VIP, **vips}, **body})


@dataclass
class Changes:
    """Changes of trees at random: equal seeds make equal changes. Whatever is taken away is given back in time."""

    seed: int

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._number = 1000
        self._gone: list[listener.Listener] = []
        self._ways: tuple[tuple[int, Callable[[tree.Tree], tuple[tree.Tree, str] | None]], ...] = (
            (20, self._come),
            (16, self._go),
            (16, self._weigh),
            (8, self._drain),
            (12, self._switch_member),
            (6, self._back_up),
            (4, self._replace),
            (6, self._algorithm),
            (4, self._persist),
            (6, self._limit),
            (4, self._listener_goes),
            (6, self._listener_comes),
            (2, self._switch_listener),
            (3, self._swap),
            (1, self._switch_pool),
        )

    def next(self, wanted: tree.Tree) -> tuple[tree.Tree, str]:
        """Another tree, and what was changed."""
        weights, ways = zip(*self._ways, strict=True)
        while True:
            way = self._random.choices(ways, weights)[0]
            made = way(wanted)
            if made is not None and made[0] != wanted:
                return made

    def _member(self, wanted: tree.Tree) -> Any:
        return self._random.choice(wanted.members) if wanted.members else None

    def _alter(self, wanted: tree.Tree, row: Any, **values: Any) -> tuple[tree.Tree, str] | None:
        if row is None:
            return None
        said = ", ".join(f"{key} {value}" for key, value in values.items())
        return wanted.replacing(dataclasses.replace(row, **values)), f"{_called(row)}: {said}"

    def _come(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        back = self._random.choice(wanted.pools)
        taken = {(each.address, each.protocol_port) for each in wanted.members_of(back.id)}
        free = [each for each in PLACES if each not in taken]
        if not free:
            return None
        self._number += 1
        address, port = self._random.choice(free)
        values = {"address": address, "protocol_port": port, "weight": self._random.randint(1, 9)}
        row = {"id": trees.identifier(4, self._number), "pool_id": back.id, **values}
        made = trees.load({"members": [row]}).members[0]
        return wanted.adding(made), f"{_called(made)} comes"

    def _go(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        row = self._member(wanted)
        # Members come as often as they go; that some are left makes it a test of what has to stay.
        if row is None or len(wanted.members_of(row.pool_id)) < 5:
            return None
        return wanted.keep(lambda each: each != row), f"{_called(row)} goes"

    def _weigh(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        return self._alter(wanted, self._member(wanted), weight=self._random.choice((1, 2, 5, 17, 256)))

    def _drain(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        row = self._member(wanted)
        return row and self._alter(wanted, row, weight=0 if row.weight else 3)

    def _switch_member(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        row = self._off_or_any(wanted.members)
        return row and self._alter(wanted, row, admin_state_up=not row.admin_state_up)

    def _back_up(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        backups = [each for each in wanted.members if each.backup]
        row: Any = self._random.choice(backups) if len(backups) > 3 else self._member(wanted)
        return row and self._alter(wanted, row, backup=not row.backup)

    def _replace(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        """The same end under another id: who was there is gone, but nobody who talks to it needs to know."""
        row = self._member(wanted)
        if row is None:
            return None
        self._number += 1
        made = dataclasses.replace(row, id=trees.identifier(4, self._number))
        return wanted.keep(lambda each: each != row).adding(made), f"{_called(row)} has another id"

    def _algorithm(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        row = self._random.choice(wanted.pools)
        return self._alter(wanted, row, lb_algorithm=self._random.choice(list(pool.Algorithm)))

    def _persist(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        row = self._random.choice(wanted.pools)
        return self._alter(wanted, row, session_persistence=self._random.choice(_KEPT))

    def _limit(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        if not wanted.listeners:
            return None
        row = self._random.choice(wanted.listeners)
        name, values = self._random.choice(
            [("connection_limit", _LIMITS), ("allowed_cidrs", _CIDRS), ("timeout_client_data", _TIMES)]
        )
        return self._alter(wanted, row, **{name: self._random.choice(values)})

    def _listener_goes(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        if len(wanted.listeners) < 3:
            return None
        row = self._random.choice(wanted.listeners)
        self._gone.append(row)
        return wanted.keep(lambda each: each != row), f"{_called(row)} goes"

    def _listener_comes(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        if not self._gone:
            return None
        row = self._gone.pop()
        self._number += 1
        made = dataclasses.replace(row, id=trees.identifier(2, self._number), admin_state_up=True)
        return wanted.adding(made), f"{_called(made)} comes"

    def _switch_listener(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        row = self._off_or_any(wanted.listeners)
        return row and self._alter(wanted, row, admin_state_up=not row.admin_state_up)

    def _swap(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        """A listener has the other pool of its protocol: what both have in common stays."""
        if not wanted.listeners:
            return None
        row = self._random.choice(wanted.listeners)
        others = [
            each.id
            for each in wanted.pools
            if str(each.protocol) == str(row.protocol) and each.id != row.default_pool_id
        ]
        return self._alter(wanted, row, default_pool_id=self._random.choice(others))

    def _switch_pool(self, wanted: tree.Tree) -> tuple[tree.Tree, str] | None:
        row = self._off_or_any(wanted.pools)
        return row and self._alter(wanted, row, admin_state_up=not row.admin_state_up)

    def _off_or_any(self, rows: tuple[Any, ...]) -> Any:
        """One that is off, if there is any and chance will have it, so that most are on."""
        off = [each for each in rows if not each.admin_state_up]
        chosen = off if off and self._random.random() < 0.7 else rows
        return self._random.choice(chosen) if chosen else None


def _called(row: Any) -> str:
    if isinstance(row, member.Member):
        return f"member {row.address}/{row.protocol_port} of pool {row.pool_id[-1]}"
    if isinstance(row, listener.Listener):
        return f"listener {row.protocol} {row.protocol_port}"
    return f"pool {row.id[-1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a state owes at one listener, by IP version: who may answer what began before, who what begins."""

    stays: frozenset[str] = frozenset()
    begins: Mapping[int, frozenset[str]] = field(default_factory=dict)


def owed(wanted: tree.Tree) -> dict[tuple[str, int], Owed]:
    """What a tree owes, by protocol and port of each listener that is on."""
    found = {}
    for front in wanted.listeners:
        back = next((each for each in wanted.pools if each.id == front.default_pool_id and each.admin_state_up), None)
        if front.admin_state_up:
            members = wanted.members_of(back.id) if back else ()
            kept = [each for each in members if each.admin_state_up or front.protocol == "TCP"]
            found[str(front.protocol), front.protocol_port] = Owed(
                stays=_names(kept), begins={version: _names(_serving(members, version)) for version in (4, 6)}
            )
    return found


def _serving(members: tuple[member.Member, ...], version: int) -> list[member.Member]:
    able = [each for each in members if each.admin_state_up and each.weight and (":" in each.address) == (version == 6)]
    return [each for each in able if not each.backup] or able


def _names(members: list[member.Member]) -> frozenset[str]:
    return frozenset(f"{each.address}/{each.protocol_port}" for each in members)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What was, since a change: when that began and ended, what it was, and what is owed."""

    began: float
    ended: float
    word: str
    owed: dict[tuple[str, int], Owed]


@dataclass
class Record:
    """Which states there were, one after the other."""

    states: list[State] = field(default_factory=list)

    def during(self, began: float, ended: float) -> Iterator[dict[tuple[str, int], Owed]]:
        """The states that may have held between: from the beginning of the change to the end of the next."""
        first = bisect.bisect_left(self.states, began, key=lambda each: each.ended) - 1
        for each in itertools.islice(self.states, max(0, first), None):
            if each.began > ended:
                return
            yield each.owed

    def unowed(self, event: crowd.Event) -> bool:
        """Whether no change explains that this happened."""
        version = 6 if ":" in event.address else 4
        states = [each.get((event.kind, event.port), Owed()) for each in self.during(event.began, event.ended)]
        if event.member:
            return all(event.member in each.stays for each in states)
        # Who had been chosen is not known: nobody may have gone.
        stayed = all(before.stays <= after.stays for before, after in itertools.pairwise(states))
        return stayed and all(each.begins.get(version) for each in states)

    def strange(self, kind: str, port: int, member_name: str, began: float, ended: float) -> bool:
        """Whether somebody answered who could not have been asked at any moment of this time."""
        return all(member_name not in each.get((kind, port), Owed()).stays for each in self.during(began, ended))

    def last(self, until: float, many: int = 4) -> list[str]:
        """What was changed last before a moment, and when, in milliseconds before it."""
        known = [each for each in self.states if each.began <= until][-many:]
        return [f"{(each.ended - until) * 1000:+.0f} ms: {each.word}" for each in known]
