"""Ends every pending state that no node answers for: after a while it is an error with its reason.

Promises nothing to correctness: what a node reports later settles the tree as ever, and the error is gone.  A pass that
finds nothing behind reads one index-sized query and writes nothing.
"""

import logging
import threading
from collections.abc import Callable

from vipool.cloud.network import base
from vipool.control import loop
from vipool.core import deadline
from vipool.model import spec
from vipool.service import settle
from vipool.store import session, trees

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two passes


class Deadlines:
    """The loop, with what it remembers: who has waited since when (``clock`` in seconds, never going back)."""

    def __init__(
        self,
        database: session.Database,
        networks: base.Network,
        *,
        clock: Callable[[], float],
        patience: deadline.Patience = deadline.PATIENCE,
    ) -> None:
        self._database = database
        self._networks = networks
        self._clock = clock
        self._patience = patience
        self._waits: dict[str, deadline.Wait] = {}
        self._heard = clock()

    def look(self) -> tuple[str, ...]:
        """One pass; returns the load balancers that were given up for now."""
        now = self._clock()
        with self._database.read() as held:
            behind = trees.behind(held)
        if deadline.spoken(self._waits, behind):
            self._heard = now
        waits = deadline.follow(self._waits, behind, now)
        late = deadline.overdue(waits, now, heard=self._heard, patience=self._patience)
        if late:
            reports = [
                self._report(identifier, generation, now - waits[identifier].since)
                for identifier, generation in late.items()
            ]
            settle.take(self._database, self._networks, reports)
            log.warning("no node has reported on %s: given up until one does", ", ".join(late))
        self._waits = {identifier: wait for identifier, wait in waits.items() if identifier not in late}
        return tuple(late)

    def _report(self, identifier: str, generation: int, waited: float) -> spec.Report:
        words = (
            f"No node has reported on generation {generation} for {waited:.0f} seconds: see that the agent "
            "runs and reaches the server. This ends by itself as soon as a node reports."
        )
        return spec.Report(kind="loadbalancer", id=identifier, generation=generation, fault=words)

    def run(self, stop: threading.Event) -> None:
        """Look again and again until told to stop."""
        loop.run(self.look, stop, every=EVERY, words="looking for overdue load balancers")
