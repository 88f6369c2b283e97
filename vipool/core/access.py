"""Access rules: whether a request is one of those that an application credential was made for.

Pure, and linear in the length of the path whatever the pattern: a pattern is a tenant's word, and a regular
expression made of it could keep the processor busy for hours.
"""

import functools
import re
from collections.abc import Iterator, Sequence

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
    parts = _parts(pattern)
    places = _reached(parts, {0})
    for letter in path:
        places = _reached(parts, {after for place in places for after in _step(parts, place, letter)})
        if not places:
            return False
    return len(parts) in places


@functools.lru_cache(maxsize=1024)
def _parts(pattern: str) -> tuple[str, ...]:
    """The pattern as wildcards and single letters."""
    found = re.findall(r"\{[^{}]*\}|\*\*|.", pattern, flags=re.DOTALL)
    return tuple(ONE if len(each) > 1 and each != MANY else each for each in found)


def _step(parts: Sequence[str], place: int, letter: str) -> Iterator[int]:
    """Where in the pattern one may be after this letter."""
    if place == len(parts):
        return
    part = parts[place]
    inside = part == ONE and letter != "/"
    if part == MANY or inside:
        yield place
    if inside or part == letter:
        yield place + 1


def _reached(parts: Sequence[str], places: set[int]) -> set[int]:
    """These places, and those behind a wildcard that may stand for nothing."""
    found = set(places)
    for place in places:
        after = place
        while after < len(parts) and parts[after] == MANY:
            after += 1
            found.add(after)
    return found
