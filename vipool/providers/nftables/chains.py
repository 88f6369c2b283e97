"""The chains of one load balancer as they were written last, so that of a thousand only those are written that change.

Promises: a chain is what it would be if it were written now. It stands as long as what it is written from is equal,
which is seen at once where that is the same; what a round does not ask for is forgotten at its end. Knows no rules.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

Source: TypeAlias = tuple[object, ...]
"""All that the lines of a chain depend on."""


class Chains:
    """What is written of one load balancer. For one thread at a time."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[Source, str]] = {}
        self._now: dict[str, tuple[Source, str]] = {}

    def written(self, name: str, source: Source, write: Callable[[], Iterable[str]]) -> str:
        """The lines of the chain of this name."""
        found = self._before.get(name)
        if found is None or found[0] != source:
            found = source, "\n".join(write())
        self._now[name] = found
        return found[1]

    def end_round(self) -> None:
        """Forget what was not asked for since the last round."""
        self._before, self._now = self._now, {}
