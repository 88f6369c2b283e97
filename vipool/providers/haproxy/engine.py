"""The hand of the HAProxy provider on a node: one process per load balancer, changed in the cheapest way.

Promises: what is there is read from the node each time, and what was counted outlasts the processes that counted it.
Does not decide (`plan`), word anything (`render`), or bring a process to what was decided (`steps`).
"""

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from vipool.core import enabled
from vipool.host import files, processes
from vipool.model import member, spec, tree, wiring
from vipool.providers import base, counting
from vipool.providers.haproxy import (
    generations,
    keyring,
    node,
    pem,
    ping,
    plan,
    render,
    runtime,
    stats,
    steps,
    watching,
)
from vipool.providers.probing import prober

LEDGER = "counters.json"
# How long HAProxy may take to hear a verdict, in seconds; another attempt is made with the next answer.
TELL = 0.5


class Engine:
    """HAProxy's, as `vipool.providers.base.Engine` asks for it. Safe to use from several threads, one per place."""

    def __init__(self, layout: render.Layout | None = None) -> None:
        self._layout = layout or node.layout()
        self._prober = prober.Prober(prober.Ears(verdict=self._tell))
        self._pinged: dict[str, Mapping[str, tuple[str, ...]]] = {}
        self._watching = watching.Watching()
        self._left_out: dict[str, tuple[str, ...]] = {}

    def rules(self, place: base.Place, wanted: tree.Tree) -> wiring.Rules:
        """None: HAProxy carries everything itself."""
        return wiring.NO_RULES

    def converge(self, place: base.Place, wanted: tree.Tree, materials: Mapping[str, str] = spec.NO_MATERIALS) -> str:
        """See `vipool.providers.base.Engine.converge`."""
        directory = files.directory(Path(place.directory))
        usable = keyring.usable(wanted, materials)
        able = pem.readable(wanted, usable)
        beside = pem.files(able, usable)
        text = render.render(able, self._layout, beside, place.metrics)
        target = steps.Target(
            text=text,
            files=beside,
            monitored=frozenset(each.id for each in wanted.pools if enabled.monitor_of(wanted, each.id)),
            counted=lambda process, said: _observed(directory, wanted, process, said),
        )
        done = steps.perform(place, target, plan.plan(steps.running(directory), text, beside))
        keyring.tidy(directory, [each.path for each in beside])
        self._ping(place, able)
        return "; ".join(filter(None, (done, *self._news(place, tuple(keyring.left_out(wanted, usable))))))

    def _news(self, place: base.Place, left_out: tuple[str, ...]) -> tuple[str, ...]:
        """What is left out, when that was not said before."""
        before = self._left_out.get(place.directory, ())
        self._left_out[place.directory] = left_out
        return left_out if left_out != before else ()

    def _ping(self, place: base.Place, wanted: tree.Tree) -> None:
        """Have the members of PING monitors pinged, and no others."""
        pinged = tuple(ping.pinged(wanted))
        down: frozenset[str] = frozenset()
        if pinged:
            live = stats.states(runtime.ask(Path(place.directory), "show servers state"))
            down = frozenset(name for (_, name), server in live.items() if server.down)
        self._pinged[place.directory] = {each.target.member_id: each.names for each in pinged}
        self._prober.assign(place, [each.target for each in pinged], down)

    def _tell(self, place: base.Place, member_id: str, up: bool) -> bool:
        """Tell HAProxy what is thought of a member; whether it heard."""
        verdict = "up" if up else "down"
        try:
            for name in self._pinged.get(place.directory, {}).get(member_id, ()):
                runtime.ask(Path(place.directory), f"set server {name} health {verdict}", seconds=TELL)
        except runtime.Silent:
            return False
        return True

    def observe(self, place: base.Place, wanted: tree.Tree) -> spec.Observation | None:
        """See `vipool.providers.base.Engine.observe`. Counters are kept in the directory before they are told."""
        directory = Path(place.directory)
        process = generations.serving(directory)
        if process is None:
            return None
        try:
            said = runtime.ask(directory, "show stat")
        except runtime.Silent:
            return None
        return _observed(directory, wanted, process, said)

    def remove(self, place: base.Place) -> None:
        """See `vipool.providers.base.Engine.remove`."""
        directory = Path(place.directory)
        self._watching.forget(place)
        self._left_out.pop(place.directory, None)
        self._prober.forget(place)
        self._pinged.pop(place.directory, None)
        if directory.exists():
            # First what says that something should run, so that a crash here is not taken for a dead process.
            (directory / steps.TEXT).unlink(missing_ok=True)
            processes.stop(generations.every(directory))
            shutil.rmtree(directory, ignore_errors=True)

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        """See `vipool.providers.base.Engine.watch`. Costs one poll when all is well."""
        return {place.namespace: base.GONE for place in self._watching.missing(places)}


def _observed(directory: Path, wanted: tree.Tree, process: processes.Process, said: str) -> spec.Observation:
    """What a process says of itself in `show stat`, with the counters of those before it added and kept."""
    rows = tuple(stats.rows(said))
    seen = stats.observation(rows)
    book = counting.Book(path=directory / LEDGER)
    totals = book.advance(book.read(), f"{process.pid}:{process.started}", stats.counts(rows), wanted)
    states = {key: _pinged(wanted, key, state) for key, state in seen.servers.items()}
    return dataclasses.replace(seen, servers=states, counters=totals.listeners, members=totals.members)


def _pinged(wanted: tree.Tree, member_id: str, state: str) -> str:
    """What a state means of a member that HAProxy does not check itself, but the prober does."""
    row = wanted.find(member.Member, member_id) if state == "no_check" else None
    if row is None or ping.monitor_of(wanted, row.pool_id) is None:
        return state
    return "up" if row.weight else "drain"
