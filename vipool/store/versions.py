"""The number that every write to identity raises: read with each request, so asked for with a prepared statement.

Raising it first makes identity's writers take turns on every engine: they queue for the lock of its row.
"""

import sqlalchemy as sa

from vipool.model import revocation
from vipool.store import session, tables

_TABLE = tables.TABLES[revocation.IdentityVersion]
ROW = "identity"
_READ = sa.select(_TABLE.c.number).where(_TABLE.c.id == ROW)
_RAISE = sa.update(_TABLE).where(_TABLE.c.id == ROW).values(number=_TABLE.c.number + 1)
_START = sa.insert(_TABLE).values(id=ROW, number=1)


def number(held: session.Session) -> int:
    """How many writes to identity this transaction sees; 0 before the first."""
    return int(held.connection.execute(_READ).scalar() or 0)


def advance(held: session.Session) -> None:
    """Count this transaction as a write; waits for the writer before it."""
    if held.connection.execute(_RAISE).rowcount == 0:
        held.connection.execute(_START)
