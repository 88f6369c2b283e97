"""Transactions: reading ones that see one moment, writing ones that are alone.

SQLite runs in WAL mode; a writing transaction takes the write lock at its start (``BEGIN IMMEDIATE``), so that what it
read cannot change under it, and inside one process writers queue on a lock instead of polling the file.  When a
transaction that raised the revision has committed, ``on_commit`` is called with it: a wake-up, never needed for
correctness.
"""

import contextlib
import datetime
import sqlite3
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from vipool.model import faults
from vipool.store import memory, tables

OnCommit: TypeAlias = Callable[[int], None]

_CURRENT = sa.select(tables.clock.c.revision)
_RAISE = sa.update(tables.clock).values(revision=tables.clock.c.revision + 1).returning(tables.clock.c.revision)
Begun: TypeAlias = Callable[["Session"], None]


class Session:
    """One transaction: a connection, the moment it began (naive UTC), and the revision it raised, if it did.

    ``trees`` is what the process remembers of them.
    """

    def __init__(self, connection: sa.Connection, now: datetime.datetime, trees: memory.Memory) -> None:
        self.connection = connection
        self.now = now
        self.trees = trees
        self._revision: int | None = None

    @property
    def raised(self) -> int | None:
        """The revision this transaction raised, or None."""
        return self._revision

    def current(self) -> int:
        """The revision of the last write that nodes must hear of."""
        return int(self.connection.execute(_CURRENT).scalar_one())

    def revision(self) -> int:
        """The revision of this transaction's changes: raised by one at the first call, the same afterwards."""
        if self._revision is None:
            self._revision = int(self.connection.execute(_RAISE).scalar_one())
        return self._revision


class Database:
    """The store: opens transactions."""

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], datetime.datetime],
        on_commit: OnCommit = lambda revision: None,
    ) -> None:
        self.engine = open_engine(url)
        self.on_commit = on_commit
        self._clock = clock
        self._trees = memory.Memory()
        self._writing = threading.Lock()
        self._threads = threading.local()

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one moment and writes nothing."""
        with self.engine.connect() as connection, connection.begin():
            yield Session(connection, self._clock(), self._trees)

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may write: all of it is kept, or none. Raises faults.NoRoom when the disk is full.

        One that is opened inside another, on the same thread, is part of it.
        """
        here = self._here()
        if here.session is not None:
            yield here.session
        elif here.longer is not None:
            session = here.longer.stack.enter_context(self._transaction(here))
            here.longer.begun(session)
            yield session
        else:
            with self._transaction(here) as session:
                yield session

    @contextlib.contextmanager
    def longer(self, begun: Begun) -> Iterator[None]:
        """What is written meanwhile on this thread is one transaction, from where writing begins to the end of this.

        Before that no other writer waits. ``begun`` is called when it begins, before anything is written.
        """
        here = self._here()
        with contextlib.ExitStack() as stack:
            here.longer = _Longer(stack, begun)
            try:
                yield
            finally:
                here.longer = None

    @contextlib.contextmanager
    def _transaction(self, here: "_Here") -> Iterator[Session]:
        with self._writing, _room(), self.engine.connect() as plain:
            connection = plain.execution_options(vipool_writes=True)
            with connection.begin():
                session = Session(connection, self._clock(), self._trees)
                here.session = session
                try:
                    yield session
                finally:
                    here.session = None
        if session.raised is not None:
            self.on_commit(session.raised)

    def _here(self) -> "_Here":
        """What is under way on this thread."""
        found: _Here | None = getattr(self._threads, "here", None)
        if found is None:
            found = self._threads.here = _Here()
        return found

    def answers(self) -> bool:
        """Whether the store can be read at all."""
        try:
            with self.read() as session:
                session.current()
        except sa.exc.SQLAlchemyError:
            return False
        return True

    def create(self) -> None:
        """Make every table, for tests; a kept database is made and changed by migrations."""
        tables.metadata.create_all(self.engine)
        self.seed()

    def seed(self) -> None:
        """Set the clock to its first moment, unless it runs already."""
        with self.write() as session:
            if session.connection.execute(sa.select(tables.clock.c.revision)).first() is None:
                session.connection.execute(sa.insert(tables.clock).values(id=1, revision=1))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@dataclass(frozen=True, slots=True)
class _Longer:
    """What closes a transaction that outlasts the block that began it, and whom to tell that it has begun."""

    stack: contextlib.ExitStack
    begun: Begun


@dataclass(slots=True)
class _Here:
    """What is under way on one thread."""

    session: Session | None = None
    longer: _Longer | None = None


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        # The primary code is the low byte of an extended one (sqlite.org/rescode.html).
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise
        raise faults.NoRoom(
            "The disk that keeps the database is full or broken, so nothing was written: make room, then try again."
        ) from error


def sqlite_url(path: Path) -> str:
    """The address of an SQLite database kept in a file, whatever its name.

    Unquoted, a question mark would end the name, and the database would lie beside its private directory.
    """
    return f"sqlite:///{urllib.parse.quote(str(path))}"


def open_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        poolclass=QueuePool,
        pool_size=16,
        max_overflow=32,
    )
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own implicit BEGIN is deferred and comes too late: transactions are begun below instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("vipool_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
