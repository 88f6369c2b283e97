"""Removes the history that is older than the deployment keeps it."""

import logging
import threading
from dataclasses import dataclass

from vipool.control import loop
from vipool.service import history
from vipool.store import session

log = logging.getLogger(__name__)

EVERY = 3600.0  # seconds between two passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """The loop, for a history kept so many days; 0 keeps it for ever."""

    database: session.Database
    days: int

    def look(self) -> int:
        """One pass; returns how many entries went."""
        gone = history.forget(self.database, self.days) if self.days else 0
        if gone:
            log.info("forgot %d entries of the history, older than %d days", gone, self.days)
        return gone

    def run(self, stop: threading.Event) -> None:
        """Look again and again until told to stop."""
        loop.run(self.look, stop, every=EVERY, words="forgetting old history")
