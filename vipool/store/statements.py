"""The statements that are asked all the time, each made once.

Making one costs more than SQLite takes to answer it.  Values are parameters: those of conditions have the names of
their columns, new values are called ``new_`` and the column.
"""

import functools
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa


@functools.cache
def get(table: sa.Table) -> sa.Select[Any]:
    """The row with the id ``id``."""
    return sa.select(table).where(table.c.id == sa.bindparam("id"))


@functools.cache
def add(table: sa.Table) -> sa.Insert:
    """New rows."""
    return sa.insert(table)


@functools.cache
def find(table: sa.Table, names: tuple[str, ...], several: frozenset[str]) -> sa.Select[Any]:
    """The rows that have the values of these columns, or one of several values, by id."""
    return sa.select(table).where(*_equal(table, names, several)).order_by(table.c.id)


@functools.cache
def since(table: sa.Table) -> sa.Select[Any]:
    """The rows that changed after the revision ``known``, in the order they did."""
    revision = table.c.revision
    return sa.select(table).where(revision > sa.bindparam("known")).order_by(revision, table.c.id)


@functools.cache
def count(table: sa.Table, names: tuple[str, ...]) -> sa.Select[Any]:
    """How many rows have the values of these columns."""
    return sa.select(sa.func.count()).select_from(table).where(*_equal(table, names))


@functools.cache
def column(table: sa.Table, name: str, names: tuple[str, ...]) -> sa.Select[Any]:
    """One column of the rows that have the values of these columns."""
    return sa.select(table.c[name]).where(*_equal(table, names))


@functools.cache
def change(table: sa.Table, names: frozenset[str]) -> sa.Update:
    """New values of these columns for the row with the id ``known``."""
    new: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    return sa.update(table).where(table.c.id == sa.bindparam("known")).values(new)


def _equal(
    table: sa.Table, names: tuple[str, ...], several: frozenset[str] = frozenset()
) -> Iterator[sa.ColumnElement[bool]]:
    for name in names:
        value: sa.BindParameter[Any] = sa.bindparam(name, expanding=name in several)
        yield table.c[name].in_(value) if name in several else table.c[name] == value
