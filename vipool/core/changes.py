"""What a write changed, object by object, for people to read.  Pure: two states of a tree in, values out."""

from collections.abc import Iterator
from typing import Any

from vipool.model import attr, tree

# What says nothing about the user's intent: nodes and the clock write it too.
QUIET = frozenset({"operating_status", "created_at", "updated_at", "provisioning_fault"})
REDACTED = "***"


def between(before: tree.Tree | None, after: tree.Tree) -> tuple[dict[str, Any], ...]:
    """An entry for each object that was made, changed or sent away."""
    pairs = tree.differing(before, after)
    return tuple(entry for old, new in pairs if new is not None for entry in _entry(old, new))


def _entry(old: tree.Row | None, new: tree.Row) -> Iterator[dict[str, Any]]:
    named = {"object": new.NOUN.wrapper, "id": new.id}
    if old is None:
        yield {**named, "before": None, "after": chosen(new)}
    elif new.dying and not old.dying:
        yield {**named, "before": chosen(old), "after": None}
    else:
        was, now = said(old), said(new)
        changed = [name for name in now if was[name] != now[name]]
        if changed:
            yield {
                **named,
                "before": {name: was[name] for name in changed},
                "after": {name: now[name] for name in changed},
            }


def chosen(row: tree.Row) -> dict[str, Any]:
    """What an object says of itself that is not its default."""
    usual = {each.wire: attr.jsonable(each.default) for each in attr.attributes(type(row))}
    return {name: value for name, value in said(row).items() if value != usual[name] and name != "id"}


def said(row: tree.Row) -> dict[str, Any]:
    """What an object says of itself that users decide, secrets hidden."""
    shown = attr.show(row)
    secret = {each.wire for each in attr.attributes(type(row)) if each.attr.secret}
    return {
        name: REDACTED if name in secret and value is not None else value
        for name, value in shown.items()
        if name not in QUIET
    }
