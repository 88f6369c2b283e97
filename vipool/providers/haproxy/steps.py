"""A HAProxy process brought to a wanted text: what `plan` says, performed on the process of a directory.

Promises: what is there is read from the node each time. `haproxy.cfg` is the last text a process took; while a change
is under way the new text is `haproxy.cfg.next`, so that a change that was cut short is seen and finished. A text that
HAProxy refuses changes nothing: what served goes on. Does not decide (`plan`), or word anything (`render`).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from vipool.host import files, processes
from vipool.providers import base
from vipool.providers.haproxy import generations, keyring, pem, plan, render, runtime, stats

TEXT, NEXT = "haproxy.cfg", "haproxy.cfg.next"
# How many processes that were reloaded away may still be finishing connections: each costs 3 MB and more.
OLD_GENERATIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to: the text and the files beside it; the pools that have a monitor, by id; and who is told what a process
    that is replaced says in `show stat`."""

    text: str
    files: tuple[pem.File, ...] = ()
    monitored: frozenset[str] = frozenset()
    counted: Callable[[processes.Process, str], object] | None = None

    @property
    def healthy(self) -> dict[stats.Name, int]:
        """The servers whose health outlives a reload, with their weights: those with a monitor. One that lost its
        monitor while it was down must not stay down."""
        weights = plan.weights(self.text).items()
        return {name: weight for name, weight in weights if name[0].partition(":")[0] in self.monitored}


def running(directory: Path) -> plan.Running | None:
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


def perform(place: base.Place, target: Target, step: plan.Step) -> str:
    """Take the step; what was done, in words. Raises Broken where HAProxy does not take the text, or NotNow."""
    match step:
        case plan.Nothing():
            return ""
        case plan.Runtime(commands=commands):
            return _change(place, target, commands)
        case plan.Reload(reason=reason):
            _reload(place, target)
            return f"HAProxy reloaded: {reason}"
        case plan.Start():
            _start(place, target)
            return "HAProxy started"
        case plan.Stop():
            _stop(place)
            return "HAProxy stopped: no listener is served"
        case _:
            assert_never(step)


def _change(place: base.Place, target: Target, commands: Sequence[plan.Command]) -> str:
    directory = Path(place.directory)
    files.write(directory / NEXT, target.text)
    for command in commands:
        answer = runtime.ask(directory, f"{command.text}\n{command.payload}" if command.payload else command.text)
        if not (command.answer in answer if command.answer else not answer) and not command.optional:
            _reload(place, target)
            return f"HAProxy reloaded: it answered {answer!r} to {command.text.split(' ', 3)[:2]}"
    keyring.write(directory, target.files)
    os.replace(directory / NEXT, directory / TEXT)
    return f"HAProxy changed in place, {len(commands)} commands"


def _start(place: base.Place, target: Target) -> None:
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


def _reload(place: base.Place, target: Target) -> None:
    directory = Path(place.directory)
    command = generations.arguments(generations.binary(), directory, NEXT)
    files.write(directory / NEXT, target.text)
    try:
        with keyring.placed(directory, target.files):
            old = _hand_over(place, target, command)
    except base.Broken:
        (directory / NEXT).unlink()
        raise
    os.replace(directory / NEXT, directory / TEXT)
    processes.stop(old[:-OLD_GENERATIONS])


def _hand_over(place: base.Place, target: Target, command: Sequence[str]) -> tuple[processes.Process, ...]:
    """Start another process in place of those that run; which those were."""
    directory = Path(place.directory)
    process = generations.serving(directory)
    # An answer ends in an empty line. One question for both: each costs a millisecond.
    counted, _, states = runtime.ask(directory, "show stat;show servers state").partition("\n\n")
    if process is not None and target.counted is not None:
        target.counted(process, counted)
    files.write(directory / render.STATES, stats.carried(stats.states(states), target.healthy))
    old = generations.every(directory)
    _launch(command, place, old)
    return old


def _stop(place: base.Place) -> None:
    directory = Path(place.directory)
    # First what says that something should run, so that a crash here is not taken for a dead process.
    (directory / TEXT).unlink(missing_ok=True)
    processes.stop(generations.every(directory))
    for name in (NEXT, runtime.PID_FILE, render.STATES):
        (directory / name).unlink(missing_ok=True)


def _launch(command: Sequence[str], place: base.Place, replacing: Sequence[processes.Process]) -> None:
    complaint = generations.launch(command, place, replacing)
    if complaint:
        raise base.Broken(f"HAProxy did not start: {complaint}")
