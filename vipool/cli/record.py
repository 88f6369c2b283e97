"""What the last `vipool up` of a state directory was told and runs, for the other commands to read.

Promises: nothing is believed of a process that does not run any more. The record outlives its `vipool up`, because the
data plane does too; `vipool down` removes it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vipool.host import files, marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One `vipool up`: itself, the URL of its API, whether it is sandboxed, and its children by name."""

    up: marks.Mark
    url: str
    sandboxed: bool
    children: Mapping[str, marks.Mark]

    @property
    def running(self) -> bool:
        """Whether that `vipool up` still runs."""
        return marks.living(self.up) is not None

    def living(self, name: str) -> int | None:
        """Return the process id of the child `name` if it lives."""
        mark = self.children.get(name)
        return mark.pid if mark and marks.living(mark) else None


def write(path: Path, record: Record) -> None:
    """Write the record, whole or not at all."""
    files.write(path, json.dumps(dataclasses.asdict(record)) + "\n")


def read(path: Path) -> Record | None:
    """Return the record, or None if there is none that makes sense."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Record(
            up=marks.Mark(**told["up"]),
            url=told["url"],
            sandboxed=told["sandboxed"],
            children={name: marks.Mark(**mark) for name, mark in told["children"].items()},
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return None
