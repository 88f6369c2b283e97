"""Finding the objects of identity: by id, by name in a domain, by what they say; and keeping the immutable ones so."""

import hashlib
from typing import TypeVar

from vipool.model import accessrule, attr, credential, domain, faults, group, project, role, user
from vipool.store import listing, rows, session

R = TypeVar("R", bound=attr.Resource)
Called = TypeVar("Called", domain.Domain, group.Group, project.Project, role.Role, user.User)
Owned = TypeVar("Owned", accessrule.AccessRule, credential.ApplicationCredential)


def maybe(held: session.Session, cls: type[R], identifier: str) -> R | None:
    """The object with that id, or None."""
    # PostgreSQL cannot even be asked for a text with NUL in it.
    return None if "\x00" in identifier else rows.get(held, cls, identifier)


def one(held: session.Session, cls: type[R], identifier: str) -> R:
    """The object with that id; raises faults.NotFound."""
    found = maybe(held, cls, identifier)
    if found is None:
        raise missing(cls, identifier)
    return found


def missing(cls: type[attr.Resource], identifier: str) -> faults.NotFound:
    """The refusal for an object that does not exist, in Keystone's words."""
    return faults.NotFound(f"Could not find {cls.NOUN.title}: {identifier}.")


def named(held: session.Session, cls: type[R], name: str, **also: str | None) -> R | None:
    """The object with that name, whatever its case, among those with the other values."""
    if "\x00" in name:
        return None
    query = listing.Query(
        equals={"name": (name,), **{key: (value,) for key, value in also.items()}},
        ignoring_case=frozenset({"name"}),
        limit=1,
    )
    return next(iter(listing.select(held, cls, query)), None)


def other(held: session.Session, wanted: Called, **among: str | None) -> Called | None:
    """Another object with the name that this one is to have, whatever its case, among those with the other values."""
    found = named(held, type(wanted), wanted.name, **among)
    return None if found is None or found.id == wanted.id else found


def own(held: session.Session, cls: type[Owned], user_id: str, identifier: str) -> Owned:
    """What a user has under that id; raises faults.NotFound, for another's too."""
    found = maybe(held, cls, identifier)
    if found is None or found.user_id != user_id:
        raise missing(cls, identifier)
    return found


def derived(*words: str) -> str:
    """The id of what is known by what it says, the same on every server: 32 hexadecimal digits, as Keystone's."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


def check_mutable(resource: attr.Resource, options: object, verb: str) -> None:
    """Refuse to ``update`` or ``delete`` an immutable object, unless ``options`` are about to make it mutable."""
    released = isinstance(options, dict) and "immutable" in options and not options["immutable"]
    if getattr(resource, "options", {}).get("immutable") and not released:
        title = type(resource).NOUN.title
        raise faults.Forbidden(
            f"Unable to {verb} immutable {title} resource: `{resource.id}. "
            'Set resource option "immutable" to false first.'
        )
