"""The statements by which rows are asked for and changed, each built once.

To build a statement costs as much as to run it, so there is one for each table, set of columns and way to ask; what
is asked for are its parameters.
"""

import enum
import functools
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import sqlalchemy as sa


class Asked(enum.Enum):
    """How the value of a column is asked for."""

    ONE = "one"
    ANY = "any"
    NONE = "none"


Ways: TypeAlias = tuple[tuple[str, Asked], ...]
BY_ID: Ways = (("id", Asked.ONE),)


def _conditions(table: sa.Table, ways: Ways) -> Iterator[sa.ColumnElement[bool]]:
    for name, how in ways:
        match how:
            case Asked.ONE:
                yield table.c[name] == sa.bindparam(name)
            case Asked.ANY:
                yield table.c[name].in_(sa.bindparam(name, expanding=True))
            case Asked.NONE:
                yield table.c[name].is_(None)


@functools.lru_cache(maxsize=1024)
def whole(table: sa.Table, ways: Ways) -> sa.Select[Any]:
    """Whole rows, in the order of their ids."""
    return sa.select(table).where(*_conditions(table, ways)).order_by(table.c.id)


@functools.lru_cache(maxsize=1024)
def part(table: sa.Table, ways: Ways, name: str) -> sa.Select[Any]:
    """One column, in no order."""
    return sa.select(table.c[name]).where(*_conditions(table, ways))


@functools.lru_cache(maxsize=1024)
def number(table: sa.Table, ways: Ways) -> sa.Select[Any]:
    """How many rows there are."""
    return sa.select(sa.func.count()).select_from(table).where(*_conditions(table, ways))


@functools.lru_cache(maxsize=1024)
def gone(table: sa.Table, ways: Ways) -> sa.Delete:
    """Rows to be removed."""
    return sa.delete(table).where(*_conditions(table, ways))


@functools.cache
def since(table: sa.Table) -> sa.Select[Any]:
    """The rows that changed after the revision ``known``, in the order they did."""
    revision = table.c.revision
    return sa.select(table).where(revision > sa.bindparam("known")).order_by(revision, table.c.id)


@functools.cache
def pairs(table: sa.Table, column: str, order: str) -> sa.Select[Any]:
    """A column and the id of the rows in which it is one of ``owners``, by another column."""
    wanted = table.c[column].in_(sa.bindparam("owners", expanding=True))
    return sa.select(table.c[column], table.c.id).where(wanted).order_by(table.c[order], table.c.id)


@functools.cache
def new(table: sa.Table) -> sa.Insert:
    """New rows."""
    return sa.insert(table)


def asked(equals: Mapping[str, Any]) -> tuple[Ways, dict[str, Any]]:
    """How each value is asked for, and the parameters of the statement."""
    ways: list[tuple[str, Asked]] = []
    given: dict[str, Any] = {}
    for name, value in equals.items():
        many = isinstance(value, tuple | list | frozenset)
        ways.append((name, Asked.NONE if value is None else Asked.ANY if many else Asked.ONE))
        if value is not None:
            given[name] = list(value) if many else value
    return tuple(ways), given


@functools.cache
def changing(table: sa.Table) -> sa.Update:
    """The statement that changes one row: which columns it sets follows from the parameters it is run with."""
    return sa.update(table).where(table.c.id == sa.bindparam("which"))
