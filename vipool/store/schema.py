"""The schema of a kept database: made, brought to the newest revision, or refused when it is newer than this program.

A new database is made from the nouns at once and marked as being at the newest revision; a test holds that the
migrations lead to the same.  Alembic changes older ones; it is loaded only then, because that takes longer than a first
start should.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from vipool.store import tables

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent / "migrations"


class TooNew(Exception):
    """The database was made by a newer vipool."""


def newest() -> str:
    """The newest revision this program knows: revisions are numbered, their files named by them."""
    return max(path.name for path in (HERE / "versions").glob("[0-9]*.py")).split("_")[0]


def current(engine: sa.Engine) -> str | None:
    """The revision a database is at; None when it is empty."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def upgrade(engine: sa.Engine) -> bool:
    """Bring the database to the newest revision; returns whether there was anything to do.  Raises TooNew."""
    found = current(engine)
    if found == newest():
        return False
    if found is not None and found > newest():
        raise TooNew(
            f"The database is at revision {found}, and this vipool knows only {newest()}: use the version that made it."
        )
    if found is None:
        _make(engine)
        return True
    from alembic import command  # noqa: PLC0415 (see the head of this module)

    with engine.begin() as connection:
        command.upgrade(config(connection), "head")
    return True


def _make(engine: sa.Engine) -> None:
    """Make every table, and the mark by which Alembic knows the revision."""
    with engine.begin() as connection:
        tables.metadata.create_all(connection)
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": newest()})


def config(connection: sa.Connection) -> "Config":
    """What Alembic needs to know, without a file of its own."""
    from alembic.config import Config  # noqa: PLC0415 (see the head of this module)

    found = Config()
    found.set_main_option("script_location", str(HERE))
    found.attributes["connection"] = connection
    return found
