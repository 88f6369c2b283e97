"""The hand of the kernel's provider on a node: its rules, the checks of its members, the flows that have to end.

The rules are loaded by whoever wires the namespace; here it is said what they are, given which members are down.
Promises: what is there is read from the kernel each time, and which members are down from a file of the load balancer's
directory where no check has said so yet: an agent that starts again changes nothing. Does not decide (`rotation`,
`flows`), or word anything (`render`).
"""

import contextlib
import json
import secrets
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from vipool.core import enabled, ruleset
from vipool.host import conntrack, errors, files, namespaces, netlink, nft, prodding
from vipool.model import spec, tree, wiring
from vipool.providers import base, counting
from vipool.providers.nftables import carried, chains, checks, flows, reading, render, rotation, sampler, streams
from vipool.providers.probing import prober

DOWN, LEDGER = "datagram-down.json", "datagram-counters.json"


class Engine:
    """The kernel's, as `vipool.providers.base.Engine` asks for it. Safe to use from several threads, one per place."""

    def __init__(self, part: carried.Part, checker: base.Checker) -> None:
        self._part = part
        self._prober = prober.Prober(prober.Ears(refused=_refused))
        self._checker = checker
        self._sampler = sampler.Sampler()
        self._told: dict[str, frozenset[str]] = {}
        self._checked: set[str] = set()
        self._kept: dict[str, flows.Kept] = {}
        self._chains: dict[str, chains.Chains] = {}
        self._lock = threading.Lock()

    def rules(self, place: base.Place, wanted: tree.Tree) -> wiring.Rules:
        """See `vipool.providers.base.Engine.rules`."""
        down = self._down(place) & checks.checked(wanted)
        with self._lock:
            self._told[place.directory] = down
            known = self._chains.setdefault(place.directory, chains.Chains())
        text = render.render(wanted, down, self._part, known)
        return wiring.Rules(ruleset=text, forwarding=bool(text), tracking=bool(text) and "TCP" in self._part.transports)

    def converge(self, place: base.Place, wanted: tree.Tree, materials: Mapping[str, str] = spec.NO_MATERIALS) -> str:
        """See `vipool.providers.base.Engine.converge`. No certificates are needed."""
        if not wanted.listeners and not wanted.pools:
            self._forget(place)
            return ""
        with self._lock:
            down = self._told.get(place.directory, frozenset())
        if any(enabled.listeners(wanted)):
            self._sampler.assign(place, render.turnings(wanted, down))
        else:
            self._sampler.forget(place)
        self._prober.assign(place, tuple(checks.targets(wanted)), down)
        try:
            checker = self._checker.assign(place, checks.handed(wanted), down)
            with self._lock:
                self._checked.add(place.directory)
        finally:
            said = (_note(place, down), self._end(place, wanted, down))
        return "; ".join(filter(None, (checker, *said)))

    def observe(self, place: base.Place, wanted: tree.Tree) -> spec.Observation | None:
        """See `vipool.providers.base.Engine.observe`. Counters are kept in the directory before they are told."""
        if not any(enabled.listeners(wanted)):
            return None
        seen = namespaces.call(place.namespace, _look)
        if seen is None:
            return None
        kernel, chains, printed = seen
        fronts = {
            front.id: "open" if render.listener_chains(wanted, front) <= chains else "closed"
            for front in enabled.listeners(wanted)
        }
        down = self._down(place)
        book = counting.Book(path=Path(place.directory) / LEDGER)
        before = book.read()
        counts = reading.counts(wanted, printed, before.last, self._sampler.active(place))
        totals = book.advance(before, kernel, counts, wanted)
        return spec.Observation(
            frontends=fronts,
            backends=rotation.pool_states(wanted, down),
            servers=rotation.member_states(wanted, down),
            counters=totals.listeners,
            members=totals.members,
        )

    def remove(self, place: base.Place) -> None:
        """See `vipool.providers.base.Engine.remove`. The rules go with the namespace."""
        self._forget(place)
        for name in (DOWN, LEDGER):
            (Path(place.directory) / name).unlink(missing_ok=True)

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        """See `vipool.providers.base.Engine.watch`."""
        with self._lock:
            told = dict(self._told)
        # Most load balancers have nothing of ours, and this is asked of all of them several times a second.
        ours = [each for each in places if each.directory in told] if told else []
        found = {}
        gone = self._checker.watch(ours) if ours else {}
        for place in ours:
            before, now = told[place.directory], self._found(place)
            if now is not None and now != before:
                found[place.namespace] = _news(before, now)
        return {**found, **gone}

    def _down(self, place: base.Place) -> frozenset[str]:
        found = self._found(place)
        return _noted(place) if found is None else found

    def _found(self, place: base.Place) -> frozenset[str] | None:
        """The members that checks find down; None until this process has had any made."""
        with self._lock:
            checked = place.directory in self._checked
        return self._prober.down(place) | self._checker.down(place) if checked else None

    def _forget(self, place: base.Place) -> None:
        self._prober.forget(place)
        self._checker.forget(place)
        self._sampler.forget(place)
        with self._lock:
            self._checked.discard(place.directory)
            self._told.pop(place.directory, None)
            self._kept.pop(place.directory, None)
            self._chains.pop(place.directory, None)

    def _end(self, place: base.Place, wanted: tree.Tree, down: frozenset[str]) -> str:
        """End the flows that lead somewhere no longer; what was done, in words."""
        now = flows.kept(wanted, down)
        with self._lock:
            before = self._kept.pop(place.directory, None)
        # To look for them takes 20 ms, and as much again for each thousand that there are.
        covered = before is not None and now.covers(before)
        gone = () if covered else now.stale(conntrack.marked(place.namespace))
        conntrack.end(place.namespace, gone)
        prodding.prod(place.namespace, flows.ways(gone), number=secrets.randbits(32), mark=streams.PRODDING)
        with self._lock:
            self._kept[place.directory] = now
        return f"{len(gone)} flows ended, whose member is gone" if gone else ""


def _refused(namespace: str, version: int) -> Collection[bytes]:
    """The ends of a namespace that told clients of late that nobody is there."""
    return namespaces.visit(namespace, lambda: nft.keys_here(render.TABLE, f"{render.REFUSED}_{ruleset.IP[version]}"))


def _news(before: frozenset[str], now: frozenset[str]) -> str:
    """What became of members, in words."""
    words = [f"member {each} is down" for each in sorted(now - before)]
    words += [f"member {each} is up again" for each in sorted(before - now)]
    return ", ".join(words)


def _noted(place: base.Place) -> frozenset[str]:
    try:
        return frozenset(map(str, json.loads((Path(place.directory) / DOWN).read_text())))
    except (OSError, ValueError, TypeError):
        return frozenset()


def _note(place: base.Place, down: frozenset[str]) -> str:
    """Write down which members are down, where that is news; what was written, in words."""
    before = _noted(place)
    if before == down:
        return ""
    files.write(files.directory(Path(place.directory)) / DOWN, json.dumps(sorted(down)))
    return _news(before, down)


def _look() -> tuple[str, frozenset[str], str] | None:
    """A name for this kernel's count, the chains of the table, and what was counted. Runs inside."""
    chains = nft.chains_here(render.TABLE)
    if not chains:
        return None
    # In a namespace that was made anew counting has begun anew.
    kernel = ":".join(map(str, netlink.thread_namespace()))
    with contextlib.suppress(errors.Failed):  # the table may have gone in between
        return kernel, chains, nft.read_here(*reading.COMMANDS)
    return None
