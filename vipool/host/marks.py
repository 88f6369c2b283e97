"""Recognising a process again after a restart of ours, or after a reboot.

`vipool.host.processes` knows a process by its id and start time, which is enough within one boot. What is written to
disk may be read in a later one, so a mark adds the boot it belongs to (boot_id in random(4)).

Promises: never takes a stranger for the marked process. Signals nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vipool.host import processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One process of one boot; `started` as in `processes.Process`."""

    pid: int
    started: int
    boot: str


def boot() -> str:
    """Return the identity of the running boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def of(pid: int) -> Mark | None:
    """Return the mark of the process that has the id `pid` now; None if there is none."""
    found = processes.find(pid)
    return Mark(pid=found.pid, started=found.started, boot=boot()) if found else None


def living(mark: Mark) -> processes.Process | None:
    """Return the marked process if it still runs."""
    found = processes.find(mark.pid)
    return found if found and found.started == mark.started and mark.boot == boot() else None
