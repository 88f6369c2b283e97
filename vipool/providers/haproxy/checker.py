"""HAProxy as a checker: a process for each load balancer that checks members and carries nothing.

`vipool.providers.base.Checker` for engines that do not speak what monitors ask for. Its process lives in a directory of
its own below the load balancer's, and is changed as one that carries traffic is (`steps`): members come and go without
another process. It logs every change of a state to a socket of ours, so that states are read when there is news and
hardly otherwise: to read those of a thousand members takes some milliseconds.

Promises: what a member is thought to be outlasts the process, and this one. Safe to use from several threads, one for
each place. Decides nothing.
"""

import contextlib
import itertools
import os
import select
import shutil
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vipool.host import descriptors, errors, files, processes
from vipool.model import tree
from vipool.providers import base
from vipool.providers.haproxy import checking, generations, node, plan, render, runtime, stats, steps, watching

FOLDER = "checks"
"""The directory of the process, below that of the load balancer."""

GONE = "what checks its members is gone"

# Seconds after which states are read though there is no news: a log loses lines where its reader is slow (unix(7)).
AUDIT = 60.0
# Looking may take this share of the time, however many members come and go.
_SHARE = 10
# How long a process may take to tell its states while others wait, and when it is asked again, in seconds.
_PATIENCE, _AGAIN = 0.5, 5.0
# So many letters of commands fit into HAProxy's buffer of 16,384 (management guide, 9.3).
_MOST_LETTERS = 15_000
_LINES = 1 << 16


@dataclass(slots=True)
class Seen:
    """What is known of a load balancer's members: who is down, the descriptor with the news, when to look again."""

    news: int
    down: frozenset[str] = frozenset()
    stale: bool = True
    ready: float = 0.0
    audit: float = 0.0


class Checker:
    """HAProxy's, as `vipool.providers.base.Checker` asks for it."""

    def __init__(self, layout: render.Layout | None = None) -> None:
        self._layout = layout or node.layout()
        self._watching = watching.Watching()
        self._seen: dict[str, Seen] = {}
        self._bells = select.epoll()
        self._lock = threading.Lock()

    def assign(self, place: base.Place, wanted: tree.Tree, down: Collection[str]) -> str:
        """See `vipool.providers.base.Checker.assign`."""
        text = checking.render_checks(wanted, self._layout)
        if not text:
            return "the checker ended" if self._end(place) else ""
        inner = _inner(place)
        # HAProxy gives up root's rights, and must reach the socket of the news all the same. Nobody else comes so far.
        directory = files.directory(Path(inner.directory), mode=0o711)
        self._listen(place)
        running = steps.running(directory)
        known = running.servers.keys() if running else ()
        target = steps.Target(text=text, monitored=frozenset(each.id for each in wanted.pools))
        done = steps.perform(inner, target, plan.plan(running, text))
        names = (name for name in plan.weights(text) if name not in known and name[1] in down)
        for command in _chained(f"set server {'/'.join(name)} health down" for name in names):
            runtime.ask(directory, command)
        self._look(place)
        return f"checker: {done}" if done else ""

    def down(self, place: base.Place) -> frozenset[str]:
        """See `vipool.providers.base.Checker.down`."""
        with self._lock:
            found = self._seen.get(place.directory)
            return found.down if found else frozenset()

    def forget(self, place: base.Place) -> None:
        """See `vipool.providers.base.Checker.forget`."""
        self._end(place)

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        """See `vipool.providers.base.Checker.watch`. Costs two polls when there is no news and all is well."""
        with self._lock:
            ours = [place for place in places if place.directory in self._seen] if self._seen else []
        rung = {descriptor for descriptor, _ in self._bells.poll(0)} if ours else set()
        for place in ours:
            if self._is_due(place, rung):
                self._look(place, seconds=_PATIENCE)
        inner = {_inner(place).directory: place.namespace for place in ours}
        missing = self._watching.missing([_inner(place) for place in ours]) if ours else ()
        return {inner[each.directory]: GONE for each in missing}

    def _is_due(self, place: base.Place, rung: Collection[int]) -> bool:
        with self._lock:
            found = self._seen.get(place.directory)
            if found is None:
                return False
            if found.news in rung:
                _drain(found.news)
                found.stale = True
            now = time.monotonic()
            return now >= found.ready and (found.stale or now > found.audit)

    def _look(self, place: base.Place, seconds: float = runtime.SECONDS) -> None:
        """Read who is down. One who does not answer is asked again later: what is known of its members stays."""
        began = time.monotonic()
        try:
            said = runtime.ask(Path(_inner(place).directory), "show servers state", seconds=seconds)
        except runtime.Silent:
            found, again = None, began + _AGAIN
        else:
            # One that goes is in maintenance until it can.
            states = stats.states(said).items()
            found = frozenset(name for (_, name), server in states if server.down and not server.maintenance)
            again = began + (time.monotonic() - began) * _SHARE
        with self._lock:
            seen = self._seen.get(place.directory)
            if seen is not None:
                seen.ready, seen.stale = again, found is None
                seen.audit = began + AUDIT
                seen.down = seen.down if found is None else found

    def _listen(self, place: base.Place) -> None:
        """Have a socket for the news; a new one where there was none in this process."""
        with self._lock:
            if place.directory not in self._seen:
                found = Seen(news=_listening(Path(_inner(place).directory)))
                self._seen[place.directory] = found
                self._bells.register(found.news, select.EPOLLIN)

    def _end(self, place: base.Place) -> bool:
        """Stop the process and remove its files; whether there was any."""
        inner = _inner(place)
        self._watching.forget(inner)
        with self._lock:
            found = self._seen.pop(place.directory, None)
        if found is not None:
            os.close(found.news)
        directory = Path(inner.directory)
        if not directory.exists():
            return False
        # First what says that something should run, so that a crash here is not taken for a dead process.
        (directory / steps.TEXT).unlink(missing_ok=True)
        processes.stop(generations.every(directory))
        shutil.rmtree(directory, ignore_errors=True)
        return True


def _inner(place: base.Place) -> base.Place:
    """Where the process lives."""
    return base.Place(namespace=place.namespace, directory=os.path.join(place.directory, FOLDER))


def _listening(directory: Path) -> int:
    """The descriptor of a new socket in the place of any other that is there."""
    (directory / checking.NEWS).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        with runtime.reached(directory / checking.NEWS) as path:
            made.bind(path)
        (directory / checking.NEWS).chmod(0o622)
    except OSError as error:
        made.close()
        raise errors.Failed(f"listening on {directory / checking.NEWS}", number=error.errno or 0) from error
    return descriptors.up(made.detach())


def _drain(news: int) -> None:
    """Take every line that is there. What they say is read where it cannot be out of date."""
    with contextlib.suppress(BlockingIOError):
        while True:
            os.read(news, _LINES)


def _chained(commands: Iterator[str]) -> Iterator[str]:
    """The commands, as many in one as HAProxy takes."""
    size = 0

    def group(command: str) -> int:
        nonlocal size
        size += len(command) + 1
        return size // _MOST_LETTERS

    for _, each in itertools.groupby(commands, group):
        yield ";".join(each)
