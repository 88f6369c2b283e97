"""What is on its way, and who waits for a moment to see it arrive.

A client asks for an object until it is ACTIVE, and pauses for a second or more between its questions; the nodes need a
few hundredths of one.  An answer that would say PENDING is therefore kept back for a moment, until a node has told what
became of the object.  Promises: an arrival between the look and the wait is not missed; nobody waits for longer than
``seconds``, and no thread waits at all.  All of it lives on one event loop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

# Arrivals that are remembered: more than come in while a request is answered.
REMEMBERED = 1_000


class Arrivals:
    """Load balancers, by id, of which a node has told something; each takes the next number."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.latest = 0
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @property
    def awaited(self) -> frozenset[str]:
        """The load balancers that somebody waits for."""
        return frozenset(self._waiting)

    def tell(self, identifiers: Iterable[str]) -> None:
        """Say what has arrived."""
        for identifier in identifiers:
            self.latest += 1
            self._numbers[identifier] = self.latest
            self._numbers.move_to_end(identifier)
            for event in self._waiting.get(identifier, ()):
                event.set()
        while len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)

    async def wait(self, identifier: str, since: int, seconds: float) -> bool:
        """Wait until a load balancer arrives that had not when ``latest`` was ``since``; whether it did in time."""
        if self._numbers.get(identifier, 0) > since:
            return True
        event = asyncio.Event()
        crowd = self._waiting.setdefault(identifier, set())
        crowd.add(event)
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            crowd.discard(event)
            if not crowd:
                self._waiting.pop(identifier, None)
        return True
