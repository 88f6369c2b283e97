"""The sentences by which providers refuse a tree: each names the object, the attribute, and what would be served.

Promises: pure. `by` is who does not serve it.
"""

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from vipool.model import attr, healthmonitor, tree

ALWAYS = frozenset({"id", "loadbalancer_id", "name", "description", "tags", "admin_state_up"})
"""What providers have nothing to do with, or always carry."""

Carried = Mapping[type[attr.Resource], Collection[str]]
"""The attributes of each kind of row that a provider carries, by name."""


def called(row: tree.Row) -> str:
    """A row in a sentence."""
    return f"{row.NOUN.title.lower()} {row.id}"


def unknown(row: tree.Row, carried: Carried) -> Iterator[attr.Attribute]:
    """The attributes that have a value which is not carried: so a new one is refused until somebody carries it.

    Only what clients send counts, and kinds of rows that are listed.
    """
    cls: Any = type(row)
    if cls not in carried:
        return
    others, usual = _others(cls, frozenset(carried[cls]))
    said = [getattr(row, each.name) for each in others]
    # Nearly always there is nothing, and a tree has thousands of rows: one comparison tells.
    if said != usual:
        for each, value in zip(others, said, strict=True):
            if value not in (each.default, None, (), {}):
                yield each


@functools.cache
def _others(cls: type[attr.Resource], carried: frozenset[str]) -> tuple[tuple[attr.Attribute, ...], list[object]]:
    """The attributes that clients send and that are not carried, and their defaults."""
    sent = (each for each in attr.attributes(cls) if each.attr.create or each.attr.update)
    found = tuple(each for each in sent if each.name not in carried | ALWAYS)
    return found, [each.default for each in found]


def choice(row: tree.Row, attribute: str, value: str, served: Collection[str], by: str) -> Iterator[str]:
    """The refusal of a value that is none of those served."""
    if value not in served:
        yield f"{called(row)}: {attribute} {value} is not served by {by}; it serves {', '.join(sorted(served))}."


def pace(row: healthmonitor.HealthMonitor, longest: int, by: str) -> Iterator[str]:
    """The refusal of a monitor's times that are out of bounds, in seconds."""
    for name in ("delay", "timeout"):
        if not 1 <= getattr(row, name) <= longest:
            yield f"{called(row)}: {name} must be from 1 to {longest} seconds for {by}."


def host(row: healthmonitor.HealthMonitor) -> Iterator[str]:
    """The refusal of a host's name in requests that have none (HTTP/1.0)."""
    if row.domain_name and row.http_version != healthmonitor.HTTP_1_1:
        yield f"{called(row)}: domain_name needs http_version 1.1."
