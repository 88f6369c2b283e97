"""Consumers of secrets and containers: who says to use them."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from vipool.model import consumer, faults, guarded
from vipool.store import rows, session

C = TypeVar("C", bound=consumer.Consumer)


def register(
    held: session.Session, noun: type[C], of: guarded.Guarded, values: Mapping[str, object], identifier: str
) -> None:
    """Note a consumer, unless it is known already."""
    if rows.find(held, noun, of_id=of.id, **values):
        return
    rows.add(held, noun.build({**values, "id": identifier, "of_id": of.id, "created": held.now, "updated": held.now}))
    rows.change(held, type(of), of.id, {"updated": held.now})


def dismiss(held: session.Session, noun: type[C], of: guarded.Guarded, values: Mapping[str, object]) -> None:
    """Forget a consumer.  Raises faults.NotFound where it is not known."""
    found = rows.find(held, noun, of_id=of.id, **values)
    if not found:
        raise faults.NotFound(f"Consumer not found: {of.NOUN.title} {of.id} has none like that.")
    rows.remove(held, noun, found[0].id)
    rows.change(held, type(of), of.id, {"updated": held.now})


def of_each(held: session.Session, noun: type[C], found: Sequence[guarded.Guarded]) -> dict[str, list[C]]:
    """The consumers of several objects, by their ids, oldest first."""
    by_id: dict[str, list[C]] = {each.id: [] for each in found}
    for each in rows.find(held, noun, of_id=tuple(by_id)):
        by_id[each.of_id].append(each)
    return {identifier: sorted(users, key=lambda each: (each.created, each.id)) for identifier, users in by_id.items()}
