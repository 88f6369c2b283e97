"""Failed logins, counted, so that passwords cannot be guessed at the speed of the processor.

Failures count three times: for one name from one address, for one name from everywhere, and from one address for all
names.  Where there were too many within ``WINDOW``, further tries are turned away without looking at the password.

Nobody is locked out by a stranger: a name that logged in from an address within ``FAMILIAR`` is held to the first count
alone there, however many failures others cause elsewhere, or from behind the same address for other names.  In memory
and per process: a restart, or another server, counts anew.
"""

import datetime
import ipaddress
import threading
from collections import OrderedDict
from typing import TypeAlias

MOST = 10  # one name from one address
MOST_OF_NAME = 100
MOST_FROM_ADDRESS = 100
WINDOW = datetime.timedelta(minutes=1)
FAMILIAR = datetime.timedelta(days=7)
# Entries remembered of each kind; the oldest are forgotten first, so that a flood of names cannot fill the memory.
ROOM = 10_000
# Who has one IPv6 address has 2^64 of them: a network that hosts are in is a /64 (RFC 4291, section 2.5.4).
PREFIX = 64

Key: TypeAlias = tuple[str, str]  # who was claimed, where from; one of them empty where it does not matter


class Guesses:
    """Counts failures by who was claimed and where from."""

    def __init__(self) -> None:
        self._failures: OrderedDict[Key, tuple[datetime.datetime, int]] = OrderedDict()
        self._familiar: OrderedDict[Key, datetime.datetime] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many entries are remembered."""
        return len(self._failures) + len(self._familiar)

    def too_many(self, claimed: str, address: str, now: datetime.datetime) -> bool:
        """Whether this name has to wait, from this address."""
        whence = _network(address)
        with self._lock:
            if self._count((claimed, whence), now) >= MOST:
                return True
            seen = self._familiar.get((claimed, whence))
            if seen is not None and abs(now - seen) < FAMILIAR:
                return False
            of_name, from_address = self._count((claimed, ""), now), self._count(("", whence), now)
            return of_name >= MOST_OF_NAME or from_address >= MOST_FROM_ADDRESS

    def _count(self, key: Key, now: datetime.datetime) -> int:
        since, count = self._failures.get(key, (now, 0))
        return count if abs(now - since) < WINDOW else 0

    def failed(self, claimed: str, address: str, now: datetime.datetime) -> None:
        """Remember one failure."""
        whence = _network(address)
        with self._lock:
            for key in ((claimed, whence), (claimed, ""), ("", whence)):
                count = self._count(key, now)
                since, _ = self._failures.pop(key, (now, 0))
                self._failures[key] = (since if count else now, count + 1)
            while len(self._failures) > ROOM:
                self._failures.popitem(last=False)

    def succeeded(self, claimed: str, address: str, now: datetime.datetime) -> None:
        """Forget the failures of this name from this address, and know it there from now on."""
        key = (claimed, _network(address))
        with self._lock:
            self._failures.pop(key, None)
            self._familiar.pop(key, None)
            self._familiar[key] = now
            while len(self._familiar) > ROOM:
                self._familiar.popitem(last=False)


def _network(address: str) -> str:
    """What counts as one address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address or "nowhere"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found), PREFIX), strict=False))
    return str(found)
