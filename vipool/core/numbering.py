"""Numbers for what is known by an id, where only a number fits: a place in a hash, a mark on a packet.

Promises: pure; from 1 to 2^31 - 1, no two alike, whatever the order of the ids; and an id keeps its number while others
come and go, unless one comes whose CRC-32 is the same.
"""

import zlib
from collections.abc import Iterable

MOST = 0x7FFFFFFF


def numbers(identifiers: Iterable[str]) -> dict[str, int]:
    """A number for each id."""
    given: dict[str, int] = {}
    taken: set[int] = set()
    for identifier in sorted(set(identifiers)):
        wish = zlib.crc32(identifier.encode()) & MOST or 1
        while wish in taken:
            wish = wish % MOST + 1
        taken.add(wish)
        given[identifier] = wish
    return given
