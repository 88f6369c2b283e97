"""Processes: started in a network namespace, recognised later, stopped.

Promises: a process is known by its id and its start time together, so that one that took over a freed id is never
mistaken for it; a started process inherits no descriptor, reads nothing, and writes to a file, never to a pipe that
nobody reads. Does not supervise: the caller looks and decides.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vipool.host import errors, namespaces

_SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process. `started` is field 22 of /proc/PID/stat, in clock ticks since boot (proc_pid_stat(5))."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a program that was waited for did.

    `output` is what it wrote to standard output, `complaint` to the other.
    """

    code: int
    output: str
    complaint: str


def spawn(argv: Sequence[str], *, log: Path, reference: str | None = None) -> Process:
    """Start a program in a session of its own, in the namespace when one is given, its output appended to `log`.

    Returns at once: whether it lives is for `alive` to say. Raises `errors.Missing` when there is no such program.
    """

    def start() -> Process:
        to_log = (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        actions = ((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), to_log, (os.POSIX_SPAWN_DUP2, 1, 2))
        pid = os.posix_spawn(
            program,
            list(argv),
            os.environ,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGINT),
        )
        return Process(pid=pid, started=_started(pid) or 0)

    program = _program(argv[0])
    with _explained(argv):
        return namespaces.call(reference, start) if reference else start()


BARE: Mapping[str, str] = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
"""An environment for programs that serve tenants: whoever started vipool may have secrets in theirs."""


def run(
    argv: Sequence[str],
    *,
    reference: str | None = None,
    stdin: str = "",
    seconds: float = 10.0,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a program to its end, in the namespace when one is given. Whatever its exit code, the outcome is returned.

    Without an `environment` it has this process's.

    Raises `errors.Missing` when there is no such program, `errors.Failed` when it takes longer than `seconds`.
    """

    def start() -> Outcome:
        done = subprocess.run(
            [program, *argv[1:]],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=environment,
        )
        return Outcome(code=done.returncode, output=done.stdout, complaint=done.stderr)

    program = _program(argv[0])
    with _explained(argv):
        return namespaces.call(reference, start) if reference else start()


def find(pid: int) -> Process | None:
    """The process that has this id now; None when there is none, or it has ended and was not yet waited for."""
    started = _started(pid)
    return None if started is None else Process(pid=pid, started=started)


def alive(process: Process) -> bool:
    """Whether it still runs. One of our children that has ended is laid to rest here."""
    if _started(process.pid) == process.started:
        return True
    _reap(process.pid)
    return False


def inside(reference: str) -> tuple[Process, ...]:
    """Every process of the machine with a thread group leader in the namespace. Raises `errors.Missing`."""
    wanted = namespaces.identity(reference)
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            status = os.stat(f"/proc/{entry.name}/ns/net")
            process = find(int(entry.name)) if (status.st_dev, status.st_ino) == wanted else None
            if process:
                found.append(process)
    return tuple(found)


def stop(processes: Iterable[Process], *, grace: float = 5.0) -> None:
    """End the processes together: SIGTERM, up to `grace` seconds, then SIGKILL. Those that are gone are passed over.

    Raises `errors.Failed` when one outlives SIGKILL (it hangs in the kernel) or may not be signalled.
    """
    handles = {handle: process for process in processes if (handle := _handle(process)) is not None}
    try:
        _signal(handles, signal.SIGTERM)
        left = _wait(handles, grace)
        _signal({handle: handles[handle] for handle in left}, signal.SIGKILL)
        left = _wait(left, grace)
        if left:
            pids = ", ".join(str(handles[handle].pid) for handle in left)
            raise errors.Failed(f"ending the processes {pids}", reason="they outlived SIGKILL")
    finally:
        for handle, process in handles.items():
            os.close(handle)
            _reap(process.pid)


def send(process: Process, number: signal.Signals) -> bool:
    """Send one signal; False when the process is gone."""
    handle = _handle(process)
    if handle is None:
        return False
    try:
        return _signal({handle: process}, number)
    finally:
        os.close(handle)


def _program(name: str) -> str:
    """Where the program is. Raises `errors.Missing`.

    Looked up here, as execvp(3) blames permissions when a directory of PATH is closed to us, and because the PATH of an
    ordinary user has no sbin, where Debian puts HAProxy.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_PROGRAMS}")
    if found is None:
        raise errors.Missing(f"cannot run {name}: there is no such program")
    return found


def _started(pid: int) -> int | None:
    """The start time of a process that runs; None when there is none or it is a zombie."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in brackets and may hold any character, brackets included: count from the last one.
    fields = line.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def _handle(process: Process) -> int | None:
    """A pidfd of the process. Opened before the start time is compared: from then on it cannot become another."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if _started(process.pid) == process.started:
        return handle
    os.close(handle)
    return None


def _signal(handles: dict[int, Process], number: signal.Signals) -> bool:
    sent = False
    for handle, process in handles.items():
        try:
            signal.pidfd_send_signal(handle, number)
            sent = True
        except ProcessLookupError:
            continue
        except OSError as error:
            raise errors.Failed(f"sending {number.name} to process {process.pid}", number=error.errno or 0) from error
    return sent


def _wait(handles: Iterable[int], seconds: float) -> list[int]:
    """Wait for the ends of all; a pidfd becomes readable then. Returns those that did not end in time."""
    left = set(handles)
    poller = select.poll()
    for handle in left:
        poller.register(handle, select.POLLIN)
    until = time.monotonic() + seconds
    while left and (patience := until - time.monotonic()) > 0:
        for handle, _ in poller.poll(patience * 1000):
            left.discard(handle)
            poller.unregister(handle)
    return sorted(left)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@contextlib.contextmanager
def _explained(argv: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired as error:
        raise errors.Failed(f"running {argv[0]}", reason=f"it did not end within {error.timeout} seconds") from error
    except OSError as error:
        raise errors.Failed(f"running {argv[0]}", number=error.errno or 0) from error
