"""Failed logins, counted, so that passwords cannot be guessed at the speed of the processor.

After ``MOST`` failures for one user name from one address, further tries of that pair are turned away without
looking at the password, until ``WINDOW`` has passed since the first of them.  Counting pairs keeps a stranger from
locking somebody out from elsewhere.  In memory and per process: a restart, or another server, counts anew.
"""

import datetime
import threading
from collections import OrderedDict

MOST = 10
WINDOW = datetime.timedelta(minutes=1)
# Pairs remembered; the oldest are forgotten first, so that a flood of names cannot fill the memory.
ROOM = 10_000


class Guesses:
    """Counts failures by (who was claimed, where from)."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[datetime.datetime, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many pairs are remembered."""
        return len(self._failures)

    def too_many(self, claimed: str, address: str, now: datetime.datetime) -> bool:
        """Whether this pair has to wait."""
        with self._lock:
            since, count = self._failures.get((claimed, address), (now, 0))
            return count >= MOST and abs(now - since) < WINDOW

    def failed(self, claimed: str, address: str, now: datetime.datetime) -> None:
        """Remember one failure."""
        with self._lock:
            since, count = self._failures.pop((claimed, address), (now, 0))
            if abs(now - since) >= WINDOW:
                since, count = now, 0
            self._failures[(claimed, address)] = (since, count + 1)
            while len(self._failures) > ROOM:
                self._failures.popitem(last=False)

    def succeeded(self, claimed: str, address: str) -> None:
        """Forget the failures of this pair."""
        with self._lock:
            self._failures.pop((claimed, address), None)
