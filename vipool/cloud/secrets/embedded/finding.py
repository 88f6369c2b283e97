"""Finding secrets and containers: by identifier, and by reference."""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from vipool.model import container, faults, guarded, secret
from vipool.store import listing, rows, session

G = TypeVar("G", bound=guarded.Guarded)

IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NOUNS: dict[str, type[guarded.Guarded]] = {each.NOUN.collection: each for each in (secret.Secret, container.Container)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a reference leads to."""

    noun: type[guarded.Guarded]
    id: str


def place(ref: str) -> Place | None:
    """What the last two segments of a reference say, or None where they say nothing."""
    *_, collection, identifier = ("", "", *ref.rstrip("/").split("/"))
    if collection not in NOUNS or not IDENTIFIER.fullmatch(identifier):
        return None
    return Place(noun=NOUNS[collection], id=identifier)


def maybe(held: session.Session, noun: type[G], identifier: str) -> G | None:
    """The object, unless its time is over."""
    found = rows.get(held, noun, identifier) if IDENTIFIER.fullmatch(identifier) else None
    return None if found is None or _over(held, found) else found


def several(held: session.Session, noun: type[G], identifiers: Iterable[str]) -> dict[str, G]:
    """Those of these objects that are there, by id."""
    wanted = (each for each in identifiers if IDENTIFIER.fullmatch(each))
    return {each.id: each for each in rows.find_by_ids(held, noun, wanted).values() if not _over(held, each)}


def _over(held: session.Session, found: guarded.Guarded) -> bool:
    return isinstance(found, secret.Secret) and found.expiration is not None and found.expiration <= held.now


def one(held: session.Session, noun: type[G], identifier: str) -> G:
    """The object.  Raises faults.NotFound."""
    found = maybe(held, noun, identifier)
    if found is None:
        title = noun.NOUN.title
        raise faults.NotFound(
            f"There is no {title} {faults.said(identifier)}, or no longer: list {title}s to see which are."
        )
    return found


def alive(now: datetime.datetime) -> listing.Bound:
    """The condition on secrets in a list that their time is not over."""
    return listing.Bound(name="expiration", relation=listing.Relation.ABOVE, value=now, or_none=True)
