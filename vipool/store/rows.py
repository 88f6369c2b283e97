"""Rows and nouns: getting, finding, adding, changing and removing objects of any declared noun."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from vipool.model import attr, types
from vipool.store import session, statements, tables

R = TypeVar("R", bound=attr.Resource)
# SQLite takes at most 32,766 parameters in one statement; identifiers are asked for in slices well below that.
SLICE = 5_000


@attr.per_noun
def _reading(cls: type[Any]) -> tuple[tuple[str, ...], tuple[tuple[int, Callable[[Any], Any]], ...]]:
    """The names of the columns, and the places of those whose database form must be converted, with what does it."""
    names, revivers = attr.names(cls), attr.revivers(cls)
    kinds = {attribute.name: attribute.kind for attribute in attr.attributes(cls)}
    unlike = [name for name in revivers if not isinstance(kinds[name], types.Timestamp)]
    return names, tuple((names.index(name), revivers[name]) for name in unlike)


def noun(cls: type[R], row: Sequence[Any]) -> R:
    """The object in a row whose columns come in declaration order."""
    names, unlike = _reading(cls)
    values = list(row)
    for place, read in unlike:
        values[place] = read(values[place])
    return cls(**dict(zip(names, values, strict=True)))


def _kept(resource: attr.Resource) -> dict[str, Any]:
    """The column values of an object."""
    return {
        attribute.name: _keepable(attribute, getattr(resource, attribute.name))
        for attribute in attr.attributes(type(resource))
    }


def _keepable(attribute: attr.Attribute, value: Any) -> Any:
    return attr.jsonable(value) if attribute.kind.storage is not types.Storage.DATETIME else value


def get(held: session.Session, cls: type[R], identifier: str) -> R | None:
    """The object with that id, or None."""
    row = held.connection.execute(statements.whole(tables.TABLES[cls], statements.BY_ID), {"id": identifier}).first()
    return None if row is None else noun(cls, row)


def find(held: session.Session, cls: type[R], **equals: Any) -> tuple[R, ...]:
    """The objects whose attributes have these values; a tuple or list of values means any of them; by id."""
    ways, given = statements.asked(equals)
    found = held.connection.execute(statements.whole(tables.TABLES[cls], ways), given)
    return tuple(noun(cls, row) for row in found.all())


def column(held: session.Session, cls: type[R], name: str, **equals: Any) -> tuple[Any, ...]:
    """One attribute, as it is kept, of the objects that have these values: for many, a tenth of the cost of `find`."""
    ways, given = statements.asked(equals)
    return tuple(held.connection.execute(statements.part(tables.TABLES[cls], ways, name), given).scalars().all())


def since(held: session.Session, cls: type[R], revision: int) -> tuple[R, ...]:
    """The objects with a ``revision`` after this one, in its order."""
    found = held.connection.execute(statements.since(tables.TABLES[cls]), {"known": revision})
    return tuple(noun(cls, row) for row in found.all())


def find_by_ids(held: session.Session, cls: type[R], identifiers: Iterable[str]) -> dict[str, R]:
    """The objects with these ids, by id; unknown ids are left out."""
    wanted = list(dict.fromkeys(identifiers))
    if len(wanted) == 1:
        only = get(held, cls, wanted[0])
        return {} if only is None else {only.id: only}
    return {each.id: each for each in among(held, cls, "id", wanted)}


def among(held: session.Session, cls: type[R], name: str, values: Iterable[str]) -> Iterator[R]:
    """The objects in which an attribute has one of these values, however many; by id in each slice of the values."""
    wanted = list(dict.fromkeys(values))
    for start in range(0, len(wanted), SLICE):
        yield from find(held, cls, **{name: wanted[start : start + SLICE]})


def ids_by(
    held: session.Session,
    cls: type[attr.Resource],
    column: str,
    owners: Sequence[str],
    *,
    order: str = "created_at",
) -> Iterator[tuple[str, str]]:
    """The value of a column and the id of every object in which it is one of ``owners``; in order, oldest first."""
    query = statements.pairs(tables.TABLES[cls], column, order)
    for start in range(0, len(owners), SLICE):
        found = held.connection.execute(query, {"owners": owners[start : start + SLICE]})
        yield from ((str(owner), str(identifier)) for owner, identifier in found.all())


def count(held: session.Session, cls: type[R], **equals: Any) -> int:
    """How many objects have these values."""
    ways, given = statements.asked(equals)
    return int(held.connection.execute(statements.number(tables.TABLES[cls], ways), given).scalar_one())


def add(held: session.Session, *resources: attr.Resource) -> None:
    """Add new objects."""
    by_class: dict[type[attr.Resource], list[dict[str, Any]]] = {}
    for resource in resources:
        by_class.setdefault(type(resource), []).append(_kept(resource))
    for cls, values in by_class.items():
        held.connection.execute(statements.new(tables.TABLES[cls]), values)


def put(held: session.Session, *resources: attr.Resource) -> None:
    """Keep objects that are there already, whole: those of one kind by one statement."""
    by_class: dict[type[attr.Resource], list[dict[str, Any]]] = {}
    for resource in resources:
        by_class.setdefault(type(resource), []).append({**_kept(resource), "which": resource.id})
    for cls, values in by_class.items():
        held.connection.execute(statements.changing(tables.TABLES[cls]), values)


def change(held: session.Session, cls: type[attr.Resource], identifier: str, values: Mapping[str, Any]) -> None:
    """Change some attributes of one object."""
    if not values:
        return
    kinds = {attribute.name: attribute for attribute in attr.attributes(cls)}
    kept = {name: _keepable(kinds[name], value) for name, value in values.items()}
    held.connection.execute(statements.changing(tables.TABLES[cls]), {**kept, "which": identifier})


def remove(held: session.Session, cls: type[attr.Resource], *identifiers: str) -> None:
    """Remove objects; unknown ids are nothing."""
    table = tables.TABLES[cls]
    for start in range(0, len(identifiers), SLICE):
        held.connection.execute(sa.delete(table).where(table.c.id.in_(identifiers[start : start + SLICE])))


def remove_where(held: session.Session, cls: type[attr.Resource], **equals: Any) -> None:
    """Remove the objects that `find` gives for these values.  Raises ValueError for no values: they would be all."""
    if not equals:
        raise ValueError(f"nothing is said of the {cls.__name__} rows to remove: say which")
    ways, given = statements.asked(equals)
    held.connection.execute(statements.gone(tables.TABLES[cls], ways), given)
