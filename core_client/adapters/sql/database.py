"""Transactions off the event loop: one writing thread with group commit on SQLite, a few threads on PostgreSQL.

SQLite lets one writer in at a time, so several would only wait for each other. The one thread takes whatever has been
asked for since it last looked, runs each piece in a savepoint of its own, and commits all with one fsync: a piece that
fails rolls back alone, and nobody is answered before the commit is on disk. PostgreSQL does that by itself, for the
threads that commit at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from sqlalchemy import Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from core_client.adapters.sql.statements import Tx
from core_client.adapters.sql.upgrading import upgrade
from core_client.adapters.sql.workers import (
    Carrier,
    GroupCommit,
    Piece,
    Workers,
    Working,
    together_on_snapshot,
    transactions,
)
from core_client.errors import Unavailable

T = TypeVar("T")
Work: TypeAlias = Callable[[Tx], T]

READERS = 2  # SQLite answers in microseconds; more threads only fight for the interpreter
PG_READERS = 4
PG_WRITERS = 8
MAX_WAITING = 4096  # pieces that may queue; beyond it the database is the bottleneck and says so
BUSY_TIMEOUT_MS = 5_000  # another process may hold the write lock: a second node, a backup


class Database:
    """One database. Use :func:`open_database`.

    ``read`` and ``write`` run a function on a transaction in a thread; it must touch nothing else.
    """

    def __init__(self, url: str) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(url) if self.is_sqlite else _postgres_engine(url)
        if self.is_sqlite:
            self._writer = self._workers(1, "bank-write", GroupCommit(self._engine))
            self._readers = self._workers(READERS, "bank-read", together_on_snapshot(self._engine))
        else:
            self._writer = self._workers(PG_WRITERS, "bank-write", transactions(self._engine))
            snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")
            self._readers = self._workers(PG_READERS, "bank-read", transactions(snapshots))

    def _workers(self, count: int, name: str, carrier: Carrier) -> Working:
        """Make what carries batches out: threads here, turns in virtual time in a simulation."""
        return Workers(count, name, carrier)

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction of its own and answer after it is on disk.

        Raises:
            Unavailable: nothing was written.
            OutcomeUnknown: the connection broke during the commit.
        """
        return await self._submit(self._writer, work)

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on one snapshot.

        Raises:
            Unavailable: the database did not answer.
        """
        return await self._submit(self._readers, work)

    def ask(self, work: Work[T]) -> asyncio.Future[T]:
        """Begin what :meth:`read` awaits; the future answers it.

        Raises:
            Unavailable: too much waits already.
        """
        return self._begin(self._readers, work)

    def upgrade(self) -> None:
        """Migrate to the newest schema; all or nothing."""
        with self._engine.connect() as connection, connection.begin():
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            upgrade(connection)

    @staticmethod
    async def _submit(workers: Working, work: Work[T]) -> T:
        return await Database._begin(workers, work)

    @staticmethod
    def _begin(workers: Working, work: Work[T]) -> asyncio.Future[T]:
        if workers.waiting >= MAX_WAITING:
            raise Unavailable(f"{MAX_WAITING} transactions are waiting already")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        workers.put(Piece(work, answer, loop))
        return answer

    async def scrub(self, tables: Sequence[str]) -> None:
        """Write ``tables`` anew, so that what was changed in them is not found in freed pages or in SQLite's log.

        Raises:
            Unavailable: another process uses the database.
        """
        await asyncio.to_thread(self._scrub, tables)

    def _scrub(self, tables: Sequence[str]) -> None:
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"VACUUM FULL {', '.join(tables)}")
                    return
                connection.exec_driver_sql("VACUUM")
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
        except DBAPIError as error:
            raise Unavailable(f"the database could not be written anew: {type(error.orig).__name__}") from None
        if busy:
            raise Unavailable("another process uses the database: its log still has what was changed")

    def close(self) -> None:
        """Finish what was asked for and let the files go."""
        self._writer.close()
        self._readers.close()
        self._engine.dispose()


def _sqlite_engine(url: str) -> Engine:
    if file := make_url(url).database:
        Path(file).touch(mode=0o600)  # hashes of PINs are in it; SQLite gives its journals the file's own mode
    # isolation_level None: the driver begins nothing by itself; the workers say BEGIN where they mean it.
    arguments = {"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def _prepare(dbapi_connection: sqlite3.Connection, _record: PoolProxiedConnection) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgres_engine(url: str) -> Engine:
    return create_engine(url, pool_size=PG_READERS + PG_WRITERS, max_overflow=0, pool_pre_ping=True)


def sqlite_url(path: Path) -> str:
    """Answer the URL of a SQLite file."""
    return f"sqlite:///{path.resolve()}"


@contextlib.asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Open the database, migrate it to the newest schema, and close it at the end."""
    database = await asyncio.to_thread(Database, url)
    try:
        await asyncio.to_thread(database.upgrade)
        yield database
    finally:
        await asyncio.shield(asyncio.to_thread(database.close))
