"""The hand of the HAProxy provider on a node: one process per load balancer, changed in the cheapest way.

Promises: what is there is read from the node each time. `haproxy.cfg` is the last text a process took; while a change
is under way the new text is `haproxy.cfg.next`, so that a change that was cut short is seen and finished. A text that
HAProxy refuses changes nothing: what served goes on. Does not decide (`plan`), or word anything (`render`).
"""

import dataclasses
import os
import resource
import select
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam
from typing import assert_never

from vipool.core import enabled
from vipool.host import files, processes
from vipool.model import member, spec, tree, wiring
from vipool.providers import base, counting
from vipool.providers.haproxy import (
    generations,
    keyring,
    pem,
    ping,
    plan,
    prober,
    render,
    runtime,
    stats,
)

TEXT, NEXT, LEDGER = "haproxy.cfg", "haproxy.cfg.next", "counters.json"
# How many processes that were reloaded away may still be finishing connections: each costs 3 MB and more.
OLD_GENERATIONS = 4
# What is assumed where there is no limit of open files.
MOST_FILES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to: the tree, the text of what can be served of it, and the files beside that."""

    wanted: tree.Tree
    text: str
    files: tuple[pem.File, ...]


class Engine:
    """HAProxy's, as `vipool.providers.base.Engine` asks for it. Safe to use from several threads, one per place."""

    def __init__(self, layout: render.Layout | None = None) -> None:
        self._layout = layout or layout_of_this_node()
        self._prober = prober.Prober()
        self._watched: dict[str, tuple[processes.Process, int]] = {}
        self._left_out: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

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
        step = plan.plan(_running(directory), text, beside)
        done = self._perform(place, Target(wanted=wanted, text=text, files=beside), step)
        keyring.tidy(directory, [each.path for each in beside])
        self._ping(place, able, again=not isinstance(step, plan.Nothing | plan.Runtime))
        return "; ".join(filter(None, (done, *self._news(place, tuple(keyring.left_out(wanted, usable))))))

    def _news(self, place: base.Place, left_out: tuple[str, ...]) -> tuple[str, ...]:
        """What is left out, when that was not said before."""
        before = self._left_out.get(place.directory, ())
        self._left_out[place.directory] = left_out
        return left_out if left_out != before else ()

    def _perform(self, place: base.Place, target: Target, step: plan.Step) -> str:
        match step:
            case plan.Nothing():
                return ""
            case plan.Runtime(commands=commands):
                return self._change(place, target, commands)
            case plan.Reload(reason=reason):
                self._reload(place, target)
                return f"HAProxy reloaded: {reason}"
            case plan.Start():
                self._start(place, target)
                return "HAProxy started"
            case plan.Stop():
                self._stop(place)
                return "HAProxy stopped: no listener is served"
            case _:
                assert_never(step)

    def _ping(self, place: base.Place, wanted: tree.Tree, *, again: bool) -> None:
        """Have the members of PING monitors pinged, and no others."""
        targets = tuple(ping.targets(wanted))
        down: frozenset[str] = frozenset()
        if targets:
            live = stats.states(runtime.ask(Path(place.directory), "show servers state"))
            down = frozenset(name for (_, name), server in live.items() if server.down)
        self._prober.assign(place, targets, down, again=again)

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
        self._forget(place)
        self._left_out.pop(place.directory, None)
        self._prober.forget(place)
        if directory.exists():
            # First what says that something should run, so that a crash here is not taken for a dead process.
            (directory / TEXT).unlink(missing_ok=True)
            processes.stop(generations.every(directory))
            shutil.rmtree(directory, ignore_errors=True)

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        """See `vipool.providers.base.Engine.watch`. Costs one poll when all is well."""
        with self._lock:
            for place in places:
                if place.directory not in self._watched:
                    self._watch(place)
            ended = self._ended()
            for directory in ended:
                os.close(self._watched.pop(directory)[1])
            return {place.namespace: base.GONE for place in places if self._missing(place)}

    def _watch(self, place: base.Place) -> None:
        process = generations.serving(Path(place.directory))
        if process is not None:
            try:
                handle = os.pidfd_open(process.pid)
            except (
                OSError
            ):  # it ended just now, or this process may open no more files: then it is looked for each time
                return
            self._watched[place.directory] = (process, handle)

    def _ended(self) -> list[str]:
        poller = select.poll()
        by_handle = {handle: directory for directory, (_, handle) in self._watched.items()}
        for handle in by_handle:
            poller.register(handle, select.POLLIN)
        return [by_handle[handle] for handle, _ in poller.poll(0)]

    def _missing(self, place: base.Place) -> bool:
        if place.directory in self._watched or not (Path(place.directory) / TEXT).exists():
            return False
        # The process that was watched was reloaded away, or nothing runs.
        self._watch(place)
        return place.directory not in self._watched and generations.serving(Path(place.directory)) is None

    def _forget(self, place: base.Place) -> None:
        with self._lock:
            known = self._watched.pop(place.directory, None)
            if known:
                os.close(known[1])

    def _change(self, place: base.Place, target: Target, commands: Sequence[plan.Command]) -> str:
        directory = Path(place.directory)
        files.write(directory / NEXT, target.text)
        for command in commands:
            answer = runtime.ask(directory, f"{command.text}\n{command.payload}" if command.payload else command.text)
            if not (command.answer in answer if command.answer else not answer) and not command.optional:
                self._reload(place, target)
                return f"HAProxy reloaded: it answered {answer!r} to {command.text.split(' ', 3)[:2]}"
        keyring.write(directory, target.files)
        os.replace(directory / NEXT, directory / TEXT)
        return f"HAProxy changed in place, {len(commands)} commands"

    def _start(self, place: base.Place, target: Target) -> None:
        directory = Path(place.directory)
        program = generations.binary()
        # Where nothing was ever started no process need be looked for among all of the machine's.
        if any(directory.iterdir()):
            processes.stop(generations.every(directory))
        files.write(directory / NEXT, target.text)
        files.write(directory / render.STATES, "1\n")
        try:
            with keyring.placed(directory, target.files):
                # Starting reads the text as `-c` would, and there is nothing yet to be spoilt by a bad one.
                _launch(generations.arguments(program, directory, NEXT), place, ())
        except base.Broken:
            (directory / NEXT).unlink()
            if (directory / TEXT).exists():
                generations.launch(generations.arguments(program, directory, TEXT), place, ())
            raise
        os.replace(directory / NEXT, directory / TEXT)

    def _reload(self, place: base.Place, target: Target) -> None:
        directory = Path(place.directory)
        command = generations.arguments(generations.binary(), directory, NEXT)
        files.write(directory / NEXT, target.text)
        try:
            with keyring.placed(directory, target.files):
                old = self._hand_over(place, target, command)
        except base.Broken:
            (directory / NEXT).unlink()
            raise
        os.replace(directory / NEXT, directory / TEXT)
        processes.stop(old[:-OLD_GENERATIONS])

    def _hand_over(self, place: base.Place, target: Target, command: Sequence[str]) -> tuple[processes.Process, ...]:
        """Start another process in place of those that run; which those were."""
        directory = Path(place.directory)
        process = generations.serving(directory)
        # An answer ends in an empty line. One question for both: each costs a millisecond.
        counted, _, states = runtime.ask(directory, "show stat;show servers state").partition("\n\n")
        if process is not None:
            _observed(directory, target.wanted, process, counted)
        files.write(directory / render.STATES, stats.carried(stats.states(states), _monitored(target)))
        old = generations.every(directory)
        _launch(command, place, old)
        return old

    def _stop(self, place: base.Place) -> None:
        directory = Path(place.directory)
        self._forget(place)
        (directory / TEXT).unlink(missing_ok=True)
        processes.stop(generations.every(directory))
        for name in (NEXT, runtime.PID_FILE, render.STATES):
            (directory / name).unlink(missing_ok=True)


def layout_of_this_node() -> render.Layout:
    """What the limit of open files and the identities of this node allow."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    user, group = _identity()
    return render.Layout(files=MOST_FILES if allowed == resource.RLIM_INFINITY else allowed, user=user, group=group)


def _identity() -> tuple[int | None, int | None]:
    """The numbers of Debian's `haproxy` user, where one may become it: as root, outside a small user namespace."""
    try:
        found = getpwnam("haproxy")
    except KeyError:
        return None, None
    if os.geteuid() != 0 or not (_mapped("uid", found.pw_uid) and _mapped("gid", found.pw_gid)):
        return None, None
    return found.pw_uid, found.pw_gid


def _mapped(kind: str, number: int) -> bool:
    ranges = (line.split() for line in Path(f"/proc/self/{kind}_map").read_text().splitlines())
    return any(int(first) <= number < int(first) + int(count) for first, _, count in ranges)


def _running(directory: Path) -> plan.Running | None:
    """What runs, or ought to: a process that is gone without its leave, or whose socket is lost, is mute."""
    kept = (directory / TEXT).exists()
    unfinished = (directory / NEXT).exists()
    mute = plan.Running(text=None, servers={}, mute=True)
    if generations.serving(directory) is None:
        return mute if kept or unfinished else None
    try:
        live = stats.states(runtime.ask(directory, "show servers state"))
    except runtime.Unreachable:
        return mute
    return plan.Running(text=(directory / TEXT).read_text() if kept and not unfinished else None, servers=live)


def _launch(command: Sequence[str], place: base.Place, replacing: Sequence[processes.Process]) -> None:
    complaint = generations.launch(command, place, replacing)
    if complaint:
        raise base.Broken(f"HAProxy did not start: {complaint}")


def _monitored(target: Target) -> dict[stats.Name, int]:
    """The servers whose health outlives a reload, with their weights: those with a monitor. One that lost its monitor
    while it was down must not stay down."""
    pools = {each.id for each in target.wanted.pools if enabled.monitor_of(target.wanted, each.id)}
    return {name: weight for name, weight in plan.weights(target.text).items() if name[0].partition(":")[0] in pools}


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
