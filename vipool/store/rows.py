"""Rows and nouns: getting, finding, adding, changing and removing objects of any declared noun."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from vipool.model import attr, types
from vipool.store import session, statements, tables

R = TypeVar("R", bound=attr.Resource)
# SQLite takes at most 32,766 parameters in one statement; identifiers are asked for in slices well below that.
SLICE = 5_000


@attr.per_noun
def _readers(cls: type[Any]) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """For each column the conversion from its database form, or None where there is nothing to convert."""

    def reader(attribute: attr.Attribute) -> Callable[[Any], Any] | None:
        if isinstance(attribute.kind, types.Choice | types.ListOf):
            return functools.partial(attr.revive, attribute)
        return None

    return tuple((attribute.name, reader(attribute)) for attribute in attr.attributes(cls))


def noun(cls: type[R], row: Sequence[Any]) -> R:
    """The object in a row whose columns come in declaration order."""
    return cls(
        **{
            name: value if read is None else read(value)
            for (name, read), value in zip(_readers(cls), row, strict=False)
        }
    )


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
    return tuple(noun(cls, row) for row in held.connection.execute(statements.whole(tables.TABLES[cls], ways), given))


def column(held: session.Session, cls: type[R], name: str, **equals: Any) -> tuple[Any, ...]:
    """One attribute, as it is kept, of the objects that have these values: for many, a tenth of the cost of `find`."""
    return values(held, cls, name, **equals)


def values(held: session.Session, cls: type[R], name: str, **equals: Any) -> tuple[Any, ...]:
    """One attribute of the objects that have these values, in no order: cheaper than whole objects."""
    ways, given = statements.asked(equals)
    return tuple(held.connection.execute(statements.part(tables.TABLES[cls], ways, name), given).scalars())


def since(held: session.Session, cls: type[R], revision: int) -> tuple[R, ...]:
    """The objects with a ``revision`` after this one, in its order."""
    table = tables.TABLES[cls]
    query = sa.select(table).where(table.c.revision > revision).order_by(table.c.revision, table.c.id)
    return tuple(noun(cls, row) for row in held.connection.execute(query))


def find_by_ids(held: session.Session, cls: type[R], identifiers: Iterable[str]) -> dict[str, R]:
    """The objects with these ids, by id; unknown ids are left out."""
    wanted = list(dict.fromkeys(identifiers))
    if len(wanted) == 1:
        only = get(held, cls, wanted[0])
        return {} if only is None else {only.id: only}
    found: dict[str, R] = {}
    for start in range(0, len(wanted), SLICE):
        found.update({each.id: each for each in find(held, cls, id=wanted[start : start + SLICE])})
    return found


def ids_by(
    held: session.Session, cls: type[attr.Resource], column: str, owners: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """The value of a column and the id of every object in which it is one of ``owners``; oldest first."""
    table = tables.TABLES[cls]
    for start in range(0, len(owners), SLICE):
        wanted = table.c[column].in_(owners[start : start + SLICE])
        query = sa.select(table.c[column], table.c.id).where(wanted).order_by(table.c.created_at, table.c.id)
        yield from ((str(owner), str(identifier)) for owner, identifier in held.connection.execute(query))


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
        held.connection.execute(sa.insert(tables.TABLES[cls]), values)


def put(held: session.Session, resource: attr.Resource) -> None:
    """Keep an object that is there already, whole."""
    statement = statements.changing(tables.TABLES[type(resource)])
    held.connection.execute(statement, {**_kept(resource), "which": resource.id})


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
