"""Reports on their way to the server: the last word on each item, until it has arrived.

Promises: what was put in is delivered, or replaced by something newer about the same item; nothing is lost when a
delivery fails, and what is put in meanwhile wins over what failed. Safe from several threads. Delivers nothing itself.
"""

import threading
from dataclasses import replace
from typing import TypeAlias

from vipool.model import spec

_Slot: TypeAlias = tuple[str, str, bool]


class Outbox:
    """The reports that have not arrived yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[_Slot, spec.Report] = {}
        self._filled = threading.Event()

    def put(self, report: spec.Report) -> None:
        """Add a report in place of an older one on the same item."""
        with self._lock:
            add(self._waiting, report)
            self._filled.set()

    def take(self) -> tuple[spec.Report, ...]:
        """Every waiting report, in the order of their coming; they no longer wait."""
        with self._lock:
            taken, self._waiting = tuple(self._waiting.values()), {}
            self._filled.clear()
        return taken

    def restore(self, reports: tuple[spec.Report, ...]) -> None:
        """Put back what could not be delivered, be it nothing, where nothing newer has come."""
        with self._lock:
            newer, self._waiting = self._waiting, {}
            for report in (*reports, *newer.values()):
                add(self._waiting, report)
            self._filled.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until there is something to deliver; False when there was not within that time."""
        return self._filled.wait(seconds)

    def wake(self) -> None:
        """Have even nothing delivered, which says that the node is there; it ends a wait."""
        self._filled.set()


def add(kept: dict[_Slot, spec.Report], report: spec.Report) -> None:
    """Put a report behind older ones, and drop those that say nothing any more.

    A failure and a success may both stand on one item: what the last good state serves is news beside a newer failure.
    """
    slot = (report.kind, report.id, report.fault is not None)
    opposite = (report.kind, report.id, report.fault is None)
    older = kept.pop(slot, None)
    failed = kept.get(opposite)
    if report.gone or (report.fault is None and failed and report.revision >= failed.revision):
        kept.pop(opposite, None)
    if older and older.revision == report.revision and not report.gone:
        # What the newer one does not say has still to be told: what was seen, and what was done.
        report = replace(report, observation=report.observation or older.observation, done=report.done or older.done)
    kept[slot] = report
