"""The rows of large trees as they were read last, so that of a thousand of which one has changed only that one is made.

Promises: what is read is equal to what reading it afresh gives; no more than a few trees are kept. Does not know what
rows are, or what becomes of them.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from vipool.model import attr, spec, tree

R = TypeVar("R", bound=attr.Resource)

MANY = 100
"""So many rows make a tree worth keeping: to read fewer takes less than a millisecond."""

MOST = 4
"""So many trees are kept. A row takes some 2.5 kB beside what it was made into."""

_Known: TypeAlias = dict[tuple[type[Any], str], tuple[Mapping[str, Any], Any]]


class Rows:
    """Reads one tree after the other. For one thread."""

    def __init__(self) -> None:
        self._kept: dict[str, _Known] = {}

    def read(self, body: Mapping[str, Any]) -> tree.Tree:
        """As `spec.load_tree`. Rows that say what they said when their load balancer was last read are the same."""
        identifier = body["loadbalancer"]["id"]
        before, after = self._kept.pop(identifier, {}), _Known()

        def load(cls: type[R], told: Mapping[str, Any]) -> R:
            key = cls, told["id"]
            known = before.get(key)
            if known is None or known[0] != told:
                known = told, attr.load(cls, told)
            after[key] = known
            row: R = known[1]
            return row

        found = spec.load_tree(body, load)
        if len(after) >= MANY:
            self._kept[identifier] = after
            for oldest in tuple(self._kept)[:-MOST]:
                del self._kept[oldest]
        return found
