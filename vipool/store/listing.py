"""Lists: filters, tags, order and pages, as SQL.

Each API face reads its own query language into one ``Query``; this module knows only declared attributes and the
computed columns it is given.
"""

import enum
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from vipool.model import attr, faults
from vipool.store import rows, session, tables

R = TypeVar("R", bound=attr.Resource)
Computed = Mapping[str, sa.ColumnElement[Any]]
# Each tag asked for is a subquery, and SQLite refuses an expression 1,000 deep (its limits page, section 4).
MOST_WORDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """Conditions on the tags of an object."""

    every: tuple[str, ...] = ()  # has all of them
    some: tuple[str, ...] = ()  # has one of them
    not_every: tuple[str, ...] = ()  # has not all of them
    not_some: tuple[str, ...] = ()  # has none of them


class Relation(enum.StrEnum):
    """How a value stands to a bound."""

    BELOW = "lt"
    AT_MOST = "lte"
    ABOVE = "gt"
    AT_LEAST = "gte"


COMPARISONS: Mapping[Relation, Callable[[Any, Any], Any]] = {
    Relation.BELOW: operator.lt,
    Relation.AT_MOST: operator.le,
    Relation.ABOVE: operator.gt,
    Relation.AT_LEAST: operator.ge,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A condition on the value of a field; ``or_none`` lets an object stay that has no value."""

    name: str
    relation: Relation
    value: object
    or_none: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a list should hold.

    ``equals`` gives for a field (or computed column) the values it may have; ``contains``, ``begins`` and ``ends`` text
    it must contain, begin or end with; ``ignoring_case`` names fields compared without regard to case.  ``any_of`` are
    alternatives, each like ``equals``: an object that meets none of them is left out (none at all: everything may
    stay).  ``holds`` gives for a field that is a list the entries of which it must have one.  ``bounds`` must all hold.
    ``sort`` is (field, ascending) pairs; the id is always the last of them.  ``marker`` is the id after (with
    ``reverse``: before) which the page begins, ``offset`` how many objects come before it.  ``without`` are ids that
    are left out.
    """

    equals: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    contains: Mapping[str, str] = field(default_factory=dict)
    begins: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    ignoring_case: frozenset[str] = frozenset()
    any_of: tuple[Mapping[str, tuple[object, ...]], ...] = ()
    holds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bounds: tuple[Bound, ...] = ()
    tags: Tags = Tags()
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    offset: int = 0
    marker: str | None = None
    reverse: bool = False
    without: frozenset[str] = frozenset()


def select(
    held: session.Session,
    cls: type[R],
    query: Query,
    *,
    computed: Computed | None = None,
    where: Sequence[sa.ColumnElement[bool]] = (),
) -> tuple[R, ...]:
    """The objects of one page, in order.  Raises faults.BadQuery for an unknown marker, or too many tags."""
    _check_words(query)
    table = tables.TABLES[cls]
    columns = {**{column.name: column for column in table.columns}, **(computed or {})}
    order = _order(query)
    found = sa.select(table).where(*where, *_conditions(query, columns, held.connection.dialect.name))
    if query.marker is not None:
        found = found.where(_beyond(held, cls, query, order, columns))
    directions = [(columns[name], ascending != query.reverse) for name, ascending in order]
    found = found.order_by(
        *(column.asc().nulls_first() if ascending else column.desc().nulls_last() for column, ascending in directions)
    )
    if query.limit is not None:
        found = found.limit(query.limit)
    if query.offset:
        found = found.offset(query.offset)
    page = tuple(rows.noun(cls, row) for row in held.connection.execute(found))
    return page[::-1] if query.reverse else page


def count(held: session.Session, cls: type[R], query: Query) -> int:
    """How many objects a list has, on all its pages together."""
    table = tables.TABLES[cls]
    conditions = _conditions(query, {column.name: column for column in table.columns}, held.connection.dialect.name)
    counted = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return int(held.connection.execute(counted).scalar_one())


def _check_words(query: Query) -> None:
    tags = query.tags
    words = (tags.every, tags.some, tags.not_every, tags.not_some, *query.holds.values())
    if sum(len(each) for each in words) > MOST_WORDS:
        raise faults.BadQuery(f"A list can be asked for by at most {MOST_WORDS} tags or groups at a time: name fewer.")


def _order(query: Query) -> list[tuple[str, bool]]:
    """What to sort by, the id at last: each name counts once, where it comes first."""
    found: dict[str, bool] = {}
    for name, ascending in (*query.sort, ("id", True)):
        found.setdefault(name, ascending)
    return list(found.items())


def _conditions(
    query: Query, columns: Mapping[str, sa.ColumnElement[Any]], dialect: str
) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    for name, values in query.equals.items():
        column = columns[name]
        if name in query.ignoring_case:
            found.append(sa.func.lower(column).in_([str(value).lower() for value in values]))
        else:
            found.append(_among(column, values))
    if query.any_of:
        alternatives = ((_among(columns[name], values) for name, values in each.items()) for each in query.any_of)
        found.append(sa.or_(*(sa.and_(*each) for each in alternatives)))
    if query.without:
        found.append(columns["id"].not_in(sorted(query.without)))
    for name, entries in query.holds.items():
        found.append(sa.or_(*(_tagged(columns[name], entry, dialect) for entry in entries)))
    found.extend(columns[name].contains(text, autoescape=True) for name, text in query.contains.items())
    found.extend(columns[name].startswith(text, autoescape=True) for name, text in query.begins.items())
    found.extend(columns[name].endswith(text, autoescape=True) for name, text in query.ends.items())
    found.extend(_bounded(columns[each.name], each) for each in query.bounds)
    tags = query.tags
    if tags.every:
        found.append(sa.and_(*(_tagged(columns["tags"], tag, dialect) for tag in tags.every)))
    if tags.some:
        found.append(sa.or_(*(_tagged(columns["tags"], tag, dialect) for tag in tags.some)))
    if tags.not_every:
        found.append(sa.not_(sa.and_(*(_tagged(columns["tags"], tag, dialect) for tag in tags.not_every))))
    if tags.not_some:
        found.append(sa.not_(sa.or_(*(_tagged(columns["tags"], tag, dialect) for tag in tags.not_some))))
    return found


def _bounded(column: sa.ColumnElement[Any], bound: Bound) -> sa.ColumnElement[bool]:
    holds: sa.ColumnElement[bool] = COMPARISONS[bound.relation](column, bound.value)
    return sa.or_(holds, column.is_(None)) if bound.or_none else holds


def _among(column: sa.ColumnElement[Any], values: Sequence[object]) -> sa.ColumnElement[bool]:
    wanted = [value for value in values if value is not None]
    among = column.in_(wanted)
    return among if len(wanted) == len(values) else sa.or_(among, column.is_(None))


def _tagged(column: sa.ColumnElement[Any], tag: str, dialect: str) -> sa.ColumnElement[bool]:
    each = sa.func.json_array_elements_text if dialect == "postgresql" else sa.func.json_each
    values = each(column).table_valued("value")
    return sa.exists(sa.select(sa.literal(1)).select_from(values).where(values.c.value == tag))


def _beyond(
    held: session.Session,
    cls: type[R],
    query: Query,
    order: Sequence[tuple[str, bool]],
    columns: Mapping[str, sa.ColumnElement[Any]],
) -> sa.ColumnElement[bool]:
    """Rows after the marker in the order: lexicographic comparison written out, nulls being the smallest values."""
    table = tables.TABLES[cls]
    wanted = sa.select(*(columns[name].label(f"k{place}") for place, (name, _) in enumerate(order)))
    marker = held.connection.execute(wanted.where(table.c.id == query.marker)).first()
    if marker is None:
        raise faults.BadQuery(f"Supplied pagination marker '{query.marker}' is not valid.")
    beyond: list[sa.ColumnElement[bool]] = []
    level: list[sa.ColumnElement[bool]] = []
    for (name, ascending), value in zip(order, marker, strict=True):
        column = columns[name]
        beyond.append(sa.and_(*level, _after(column, value, ascending=ascending != query.reverse)))
        level.append(column.is_(None) if value is None else column == value)
    return sa.or_(*beyond)


def _after(column: sa.ColumnElement[Any], value: object, *, ascending: bool) -> sa.ColumnElement[bool]:
    if ascending:
        return column.is_not(None) if value is None else column > value
    return sa.false() if value is None else sa.or_(column < value, column.is_(None))
