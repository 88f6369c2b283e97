"""Child processes that are kept alive while their parent lives, and never outlive it.

Each child's standard input is a pipe whose other end only the parent holds. When the parent ends, however it ends, the
kernel closes that end, and the child, which waits for it (`stop_with_parent`), stops. The same pipe asks for a clean
stop.

Promises: a child that ends is started again, at once the first time, then with growing delays. What children start for
themselves is left alone, provided it is in a session of its own. Does not know what a child does.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from vipool.host import processes

LONGEST_DELAY = 5.0
"""Seconds between two starts of a child that keeps ending."""

STEADY_AFTER = 10.0
"""Seconds a child must live for its earlier ends to be forgotten."""

_GRACE = 8.0
"""Seconds for a clean stop, before SIGTERM."""

_LAST_GRACE = 3.0
"""Seconds after SIGTERM, before SIGKILL; also how long a released child may take before it is made to end."""

_LOG_LIMIT = 16 << 20
"""Bytes. A longer log is put aside (one old one is kept) when its child starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run: `command` with `environment`, its output appended to `log`, the descriptors `inherits` kept open."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    inherits: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class Child:
    """One program, its running process if there is one, and how it has fared."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    handle: int = -1
    started: float = 0.0
    due: float = field(default_factory=time.monotonic)
    """When to start it next, where it does not run (monotonic seconds)."""
    ends: int = 0
    """How often in a row it ended soon after its start."""

    @property
    def pid(self) -> int | None:
        """The process id, or None between two lives."""
        return self.process.pid if self.process else None


def delay(ends: int) -> float:
    """Return how many seconds to wait before a start, after this many quick ends in a row."""
    return 0.0 if ends <= 1 else min(LONGEST_DELAY, 0.1 * 2.0 ** min(ends, 16))


class StopRequests:
    """Signals that ask this process to stop, as something to wait for. `count` says how many came."""

    def __init__(self) -> None:
        self.count = 0
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that is readable once a signal came."""
        return self._reader.fileno()

    def drain(self) -> None:
        """Forget that signals came, except in `count`."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(64):
                pass

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

    @contextlib.contextmanager
    def listening(self) -> Iterator[StopRequests]:
        """Turn SIGINT, SIGTERM and SIGHUP into stop requests; a SIGHUP that was ignored (nohup) stays ignored."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._arrived) for number in numbers}
        wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        try:
            yield self
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._reader.close()
            self._writer.close()


class Family:
    """The children of one parent. `say` gets a sentence when one ends or starts again; `changed` is called before."""

    def __init__(
        self,
        programs: tuple[Program, ...],
        stops: StopRequests,
        *,
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self.children = {program.name: Child(program=program) for program in programs}
        self._stops = stops
        self._say = say
        self._changed = changed

    def tend(self, patience: float | None = None) -> None:
        """Start what is due, then wait for an end, a stop request, or `patience` seconds; see to what happened."""
        now = time.monotonic()
        for child in self.children.values():
            if child.process is None and child.due <= now:
                self._start(child)
        waits = [child.due - now for child in self.children.values() if child.process is None]
        waits += [patience] if patience is not None else []
        for child in self._wait(max(0.0, min(waits)) if waits else None):
            self._ended(child)

    def stop(self) -> None:
        """Stop all children: cleanly, then by SIGTERM, then by SIGKILL. Every further stop request skips a wait."""
        for child in self.children.values():
            if child.process and child.process.stdin:
                child.process.stdin.close()
        if not self._await_all(_GRACE, requests=1):
            self._signal(signal.SIGTERM)
            if not self._await_all(_LAST_GRACE, requests=2):
                self._signal(signal.SIGKILL)
                self._await_all(_LAST_GRACE)

    def _start(self, child: Child) -> None:
        program = child.program
        try:
            process = _launch(program)
        except OSError as error:  # a full disk, too many processes: may pass
            child.ends += 1
            child.due = time.monotonic() + LONGEST_DELAY
            self._say(f"{program.name} cannot be started: {error}; next start in {LONGEST_DELAY} s.")
            return
        child.process = process
        child.handle = os.pidfd_open(process.pid)
        child.started = time.monotonic()
        self._changed()
        if child.ends:
            self._say(f"{program.name} is started again as process {process.pid}.")

    def _ended(self, child: Child) -> None:
        assert child.process is not None
        code = child.process.wait()
        self._forget(child)
        lived = time.monotonic() - child.started
        child.ends = 1 if lived >= STEADY_AFTER else child.ends + 1
        pause = delay(child.ends)
        child.due = time.monotonic() + pause
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        later = f"; next start in {pause:.1f} s" if pause else ""
        self._changed()
        self._say(f"{child.program.name} {how} after {lived:.1f} s (log: {child.program.log}){later}.")

    def _forget(self, child: Child) -> None:
        assert child.process is not None
        if child.process.stdin:
            child.process.stdin.close()
        os.close(child.handle)
        child.process, child.handle = None, -1

    def _wait(self, patience: float | None) -> list[Child]:
        """Return the children that have ended, after `patience` seconds at the latest or a stop request."""
        poll = select.poll()
        poll.register(self._stops, select.POLLIN)
        living = {child.handle: child for child in self.children.values() if child.process}
        for handle in living:
            poll.register(handle, select.POLLIN)  # readable when the process ends (pidfd_open(2))
        ready = poll.poll(None if patience is None else patience * 1000)
        self._stops.drain()
        return [living[handle] for handle, _ in ready if handle in living]

    def _await_all(self, patience: float, requests: int | None = None) -> bool:
        """Return whether every child ended within `patience` seconds and before more than so many stop requests."""
        deadline = time.monotonic() + patience
        while any(child.process for child in self.children.values()):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or (requests is not None and self._stops.count > requests):
                return False
            for child in self._wait(remaining):
                assert child.process is not None
                child.process.wait()
                self._forget(child)
        return True

    def _signal(self, number: signal.Signals) -> None:
        # The whole group: in a sandbox the child proper is below an nsenter that passes no signal on.
        for child in self.children.values():
            if child.process:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.process.pid, number)


def await_orphans(orphans: Iterable[processes.Process]) -> None:
    """Wait for the children of a parent that was killed, which are stopping by themselves; kill those that hang."""
    deadline = time.monotonic() + _GRACE + _LAST_GRACE + 1
    for orphan in orphans:
        try:
            handle = os.pidfd_open(orphan.pid)
        except ProcessLookupError:
            continue
        try:
            # Compared after the handle is open: from then on it is this process's (see `processes`).
            if processes.find(orphan.pid) == orphan and not _readable(handle, deadline - time.monotonic()):
                os.killpg(orphan.pid, signal.SIGKILL)
        finally:
            os.close(handle)


def stop_with_parent() -> None:
    """Make this process get a SIGTERM when its standard input ends, and make it end soon after in any case."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 64):
                pass
        os.kill(os.getpid(), signal.SIGTERM)
        # A parent that was killed cannot insist, and a child that hangs must not stay behind.
        threading.Event().wait(_GRACE + _LAST_GRACE)
        os._exit(70)  # EX_SOFTWARE of sysexits.h

    threading.Thread(target=watch, name="leash", daemon=True).start()


def _launch(program: Program) -> subprocess.Popen[bytes]:
    with _opened_log(program.log) as log:
        # A session of its own keeps the terminal's Ctrl-C away: how to stop is the parent's decision.
        return subprocess.Popen(
            program.command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd="/",
            env=dict(program.environment),
            pass_fds=program.inherits,
            start_new_session=True,
        )


def _readable(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))


@contextlib.contextmanager
def _opened_log(path: Path) -> Iterator[int]:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_name(path.name + ".1"))
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield number
    finally:
        os.close(number)
