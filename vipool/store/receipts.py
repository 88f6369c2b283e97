"""The answers kept for idempotency keys, as SQL."""

import datetime

import sqlalchemy as sa

from vipool.model import receipt
from vipool.store import session, tables


def forget(held: session.Session, before: datetime.datetime) -> None:
    """Remove the answers given before a moment."""
    table = tables.TABLES[receipt.Receipt]
    held.connection.execute(sa.delete(table).where(table.c.created_at < before))
