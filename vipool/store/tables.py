"""The tables, derived from the declarations of the nouns: one table a noun, one column an attribute.

Also the one table that is no noun: ``clock``, a single number raised by every write that nodes must hear of.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from vipool.model import attr, nouns, types

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

clock = sa.Table(
    "clock",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

COLUMN_TYPES: Mapping[types.Storage, sa.types.TypeEngine[Any]] = {
    types.Storage.TEXT: sa.Text(),
    types.Storage.INTEGER: sa.BigInteger(),
    types.Storage.REAL: sa.Float(),
    types.Storage.BOOLEAN: sa.Boolean(),
    types.Storage.DATETIME: sa.DateTime(),
    types.Storage.JSON: sa.JSON(none_as_null=True),
}


def _table(cls: type[attr.Resource]) -> sa.Table:
    ages = _ages(attr.names(cls))
    columns = [
        sa.Column(
            attribute.name,
            COLUMN_TYPES[attribute.kind.storage],
            primary_key=attribute.name == "id",
            nullable=attribute.optional,
            index=attribute.attr.indexed and attribute.name not in {names[0] for names in ages},
        )
        for attribute in attr.attributes(cls)
    ]
    unique = [sa.UniqueConstraint(*names) for names in cls.UNIQUE]
    aged = [sa.Index(f"ix_{cls.NOUN.table}_by_{names[0]}", *names) for names in ages]
    return sa.Table(cls.NOUN.table, metadata, *columns, *unique, *aged)


def _ages(names: Sequence[str]) -> list[tuple[str, ...]]:
    """What to index so that a page of the oldest, of all or of one project, costs the same however many there are."""
    age = ("created_at", "id")
    return [each for each in (age, ("project_id", *age)) if set(each) <= set(names)]


TABLES: Mapping[type[attr.Resource], sa.Table] = {cls: _table(cls) for cls in nouns.NOUNS}
