"""The HAProxy processes of one load balancer: the one that serves, and older ones that finish their connections.

Promises: a process is recognised by its command line, which names the load balancer's directory, never by a bare
process id; all are found, whatever became of the pid file. Does not talk to them: see `runtime`.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from vipool.host import processes
from vipool.providers import base
from vipool.providers.haproxy import render, runtime

SECONDS = 10.0
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def binary(name: str = "haproxy") -> str:
    """The path of the HAProxy program. Raises Broken when there is none."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise base.Broken(f"there is no {name} on this node; install it: apt-get install haproxy")
    return found


def arguments(program: str, directory: Path, text: str) -> list[str]:
    """The command that reads a configuration file of the directory. `-L` names the peer that it is to itself."""
    return [program, "-L", "local", "-C", str(directory), "-f", text]


def serving(directory: Path) -> processes.Process | None:
    """The process that the pid file names, when it is one of this directory and runs."""
    try:
        pid = int((directory / runtime.PID_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    found = processes.find(pid)
    return found if found and _is_ours(pid, directory) else None


def every(directory: Path) -> tuple[processes.Process, ...]:
    """Every process of the directory, the oldest first."""
    found = (processes.find(pid) for pid in _pids() if _is_ours(pid, directory))
    return tuple(sorted((each for each in found if each), key=lambda process: (process.started, process.pid)))


def launch(command: Sequence[str], place: base.Place, replacing: Sequence[processes.Process]) -> str:
    """Start a daemon in the namespace, in place of others; returns HAProxy's words when it did not start, else nothing.

    It takes the listening sockets over from the process on the stats socket, and tells the others to finish.
    """
    handover: list[str] = []
    if replacing:
        handover = ["-x", render.SOCKET, "-sf", *(str(each.pid) for each in replacing)]
    argv = [*command, "-D", "-p", runtime.PID_FILE, *handover]
    done = processes.run(argv, reference=place.namespace, seconds=SECONDS, environment=processes.BARE)

    if done.code == 0:
        return ""
    alerts = [line.partition(" : ")[2].strip() for line in done.complaint.splitlines() if line.startswith("[ALERT]")]
    return "; ".join(alerts) or done.complaint.strip() or f"it ended with {done.code}"


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal())


def _is_ours(pid: int, directory: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    mark = [b"-C", os.fsencode(directory)]
    return b"haproxy" in os.path.basename(words[0]) and any(words[at : at + 2] == mark for at in range(len(words)))
