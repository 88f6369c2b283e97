"""Access rules: whether a request is one of those that an application credential was made for.

Pure, and a few operations on one number for each letter of the path, whatever the pattern: a pattern is a tenant's
word, and a regular expression made of it could keep the processor busy for hours.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vipool.model import caller

# No path that vipool serves is this long.
LONGEST_PATH = 2048
ONE = "*"  # one part of a path: at least one letter, no slash
MANY = "**"  # anything, slashes and nothing at all included


def permits(rules: Sequence[caller.Access], service: str, method: str, paths: Sequence[str]) -> bool:
    """Whether one of the rules is about this service and method, and about one of the spellings of the path."""
    return any(
        (each.service, each.method) == (service, method) and any(matches(each.path, path) for path in paths)
        for each in rules
    )


def matches(pattern: str, path: str) -> bool:
    """Whether a path fits a pattern, in which ``*`` and ``{name}`` are one part and ``**`` is anything."""
    if len(path) > LONGEST_PATH:
        return False
    way = _way(pattern)
    places = way.onward(1)
    for letter in path:
        places = way.after(places, letter)
        if not places:
            return False
    return bool(places >> way.length & 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A pattern as sets of places in it: bit n is the place before its part n, bit ``length`` the end."""

    letters: Mapping[str, int]
    one: int
    many: int
    length: int

    def onward(self, places: int) -> int:
        """These places, and those behind a ``**``, which may stand for nothing."""
        return places | (places & self.many) << 1

    def after(self, places: int, letter: str) -> int:
        """Where one may be after this letter."""
        inside = places & self.one if letter != "/" else 0
        passed = places & self.letters.get(letter, 0) | inside
        return self.onward(places & self.many | inside | passed << 1)


@functools.lru_cache(maxsize=1024)
def _way(pattern: str) -> _Way:
    found = re.findall(r"\{[^{}]*\}|\*\*|.", pattern, flags=re.DOTALL)
    parts = [ONE if len(each) > 1 and each != MANY else each for each in found]
    # Several of them mean what one does; and so what is behind one is never another.
    parts = [part for before, part in zip(["", *parts], parts, strict=False) if not part == before == MANY]
    places: dict[str, int] = {}
    for place, part in enumerate(parts):
        places[part] = places.get(part, 0) | 1 << place
    one, many = places.pop(ONE, 0), places.pop(MANY, 0)
    return _Way(letters=places, one=one, many=many, length=len(parts))
