"""The disk: real SQLite files, cut off as a power failure cuts them off, and the database that runs on it in turns.

What the product writes goes through its own SQL, its own group commit and SQLite's own write-ahead log with
``synchronous=FULL``. Only the threads are gone: a batch is carried out at one virtual moment, and answered at another.
A power cut in the middle of a commit leaves the log's new frames torn at any byte; what SQLite finds afterwards is what
the node begins again with.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from sqlalchemy import event
from sqlalchemy.pool import PoolProxiedConnection

from core_client.adapters.sql.database import Database, sqlite_url
from core_client.adapters.sql.workers import Carrier, Piece
from core_client.errors import BankError, OutcomeUnknown, Unavailable
from tellerline.simulating.loop import CHANCE, Place

MAX_WAL_BYTES = 6_000_000  # beyond it the log is copied into the database, as SQLite does by itself at a thousand pages
READ_S = (0.0001, 0.004)  # how long a read and a commit take, at least and at most, in virtual time
COMMIT_S = (0.0005, 0.02)


class Faults(Protocol):
    """Says what goes wrong at a labelled point."""

    def at(self, label: str, place: Place | None) -> str | None:
        """Answer the kind of fault that happens here and now, or None."""
        ...


class Disk:
    """A folder with one database, which survives processes, and is torn when the power goes."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._folder = folder
        self._life = 0
        self._made = 0
        shutil.copyfile(template, self.file)
        self._watcher: sqlite3.Connection | None = None

    @property
    def file(self) -> Path:
        """The database file of this life."""
        return self._folder / f"bank-{self._life}.db"

    @property
    def url(self) -> str:
        """What the product opens."""
        return sqlite_url(self.file)

    @property
    def watcher(self) -> sqlite3.Connection:
        """A connection of the simulation's own, for looking. While it is open no log is thrown away."""
        if self._watcher is None:
            self._watcher = sqlite3.connect(self.file, isolation_level=None, cached_statements=64)
            for pragma in ("journal_mode=WAL", "wal_autocheckpoint=0", "cache_size=-4000"):
                self._watcher.execute(f"PRAGMA {pragma}")
            self._watcher.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return self._watcher

    def wal_bytes(self) -> int:
        """Answer how long the write-ahead log is."""
        log = Path(f"{self.file}-wal")
        return log.stat().st_size if log.exists() else 0

    def cut_power(self, wal_bytes: int | None = None) -> None:
        """Go on with what the disk has: the database, and its log as far as ``wal_bytes``, or all of it."""
        before = self.file
        self._life += 1
        shutil.copyfile(before, self.file)
        log = Path(f"{before}-wal")
        if log.exists():
            data = log.read_bytes()
            Path(f"{self.file}-wal").write_bytes(data if wal_bytes is None else data[:wal_bytes])
        self._forget(before)

    def _forget(self, file: Path) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        for name in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            name.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Copy a long log into the database."""
        if self.wal_bytes() > MAX_WAL_BYTES:
            self.watcher.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Let the files go."""
        self._forget(self.file)


class TurnWorkers:
    """:class:`~core_client.adapters.sql.workers.Workers` without threads: batches in turns, in virtual time."""

    def __init__(self, carrier: Carrier, carry: Callable[[TurnWorkers, list[Piece]], bool], took_s: tuple[float, float],
                 place: Place) -> None:  # fmt: skip
        self._stack = contextlib.ExitStack()
        self.carry_out = self._stack.enter_context(carrier.session())
        self._limit = carrier.batch()
        self._carry = carry
        self._took_s = took_s
        self._place = place
        self._queue: list[Piece] = []
        self._busy = False

    @property
    def waiting(self) -> int:
        """How many pieces nobody has begun."""
        return len(self._queue)

    def put(self, piece: Piece) -> None:
        """Ask for ``piece`` to be carried out; in a dead process nothing is."""
        self._place.check()
        self._queue.append(piece)
        if not self._busy:
            self._busy = True
            piece.loop.call_later(CHANCE.get().uniform(*self._took_s), self._go)

    def _go(self) -> None:
        if self._place.dead:
            return
        batch, self._queue = self._queue[: self._limit], self._queue[self._limit :]
        if not self._carry(self, batch):
            return
        self._busy = bool(self._queue)
        if self._busy:
            self._queue[0].loop.call_later(CHANCE.get().uniform(*self._took_s), self._go)
        for piece in batch:
            _settle(piece)

    def close(self) -> None:
        """Finish what was asked for, as far as somebody still waits, and let the connection go."""
        if not self._place.dead:
            while self._queue:
                self._go()
        self._stack.close()


def _settle(piece: Piece) -> None:
    if piece.answer.done():
        return
    if piece.error is None:
        piece.answer.set_result(piece.result)
    else:
        piece.answer.set_exception(piece.error)


class DiskEvents(Protocol):
    """Hears of what happens at the disk, and makes the rest of it happen."""

    def committed(self, place: Place) -> None:
        """A batch is durable; nobody was answered yet."""
        ...

    def crash(self, place: Place) -> None:
        """The process dies."""
        ...

    def cut_power(self, wal_bytes: int | None) -> None:
        """Every process dies, and the disk keeps its log as far as ``wal_bytes``."""
        ...


class TurnDatabase(Database):
    """The product's database with its own SQL and its own group commit, carried out in turns.

    Faults at ``commit``: ``crash_before`` and ``crash_after`` kill the process, ``torn`` cuts the power while the
    log is being written, ``full`` lets the disk take no further page, ``down`` refuses, ``lost`` and ``unsaid`` answer
    that nobody knows, before the effect and after it. At ``read``: ``down``.
    """

    def __init__(self, disk: Disk, place: Place, faults: Faults, on: DiskEvents) -> None:
        self._disk, self._place, self._faults, self._on = disk, place, faults, on
        self._opened: list[sqlite3.Connection] = []
        self._connection: dict[TurnWorkers, sqlite3.Connection] = {}
        super().__init__(disk.url)

    def _workers(self, count: int, name: str, carrier: Carrier) -> TurnWorkers:
        if not self._connection:
            event.listen(self._engine, "connect", self._prepare)
        writes = name == "bank-write"
        carry, took_s = (self._write_batch, COMMIT_S) if writes else (self._read_batch, READ_S)
        workers = TurnWorkers(carrier, carry, took_s, self._place)
        self._connection[workers] = self._opened[-1]
        return workers

    def _prepare(self, dbapi_connection: sqlite3.Connection, _record: PoolProxiedConnection) -> None:
        dbapi_connection.execute("PRAGMA wal_autocheckpoint=0")  # the log is cut by the disk alone
        self._opened.append(dbapi_connection)

    def _read_batch(self, workers: TurnWorkers, batch: list[Piece]) -> bool:
        if self._faults.at("read", self._place) == "down":
            _fail(batch, Unavailable("told to be down"))
        else:
            _carried(workers, batch)
        return True

    def _write_batch(self, workers: TurnWorkers, batch: list[Piece]) -> bool:
        """Carry a batch out; False when nobody is left to be answered."""
        fault = self._faults.at("commit", self._place)
        if fault is not None and fault in _BEFORE:
            _fail(batch, _BEFORE[fault]("told to fail"))
            return True
        if fault == "crash_before":
            self._on.crash(self._place)
            return False
        before = self._disk.wal_bytes() if fault == "torn" else 0
        with _full(self._connection[workers]) if fault == "full" else contextlib.nullcontext():
            _carried(workers, batch)
        if fault == "torn":
            self._on.cut_power(CHANCE.get().randint(before, self._disk.wal_bytes()))
            return False
        self._on.committed(self._place)
        if fault == "crash_after":
            self._on.crash(self._place)
            return False
        if fault == "unsaid":
            _fail(batch, OutcomeUnknown("told to say nothing of the commit"))
        return True


_BEFORE: Mapping[str, type[BankError]] = MappingProxyType({"down": Unavailable, "lost": OutcomeUnknown})


def _carried(workers: TurnWorkers, batch: list[Piece]) -> None:
    try:
        workers.carry_out(batch)
    except Exception as error:  # noqa: BLE001 - as Workers does: whatever it was, those who wait must hear it
        for piece in batch:
            piece.error = error


def _fail(batch: list[Piece], error: BankError) -> None:
    for piece in batch:
        piece.error = error


@contextlib.contextmanager
def _full(connection: sqlite3.Connection) -> Iterator[None]:
    """Let SQLite find the disk full: it may write over pages that it has, and gets no new one."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    limit = connection.execute("PRAGMA max_page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA max_page_count={limit}")


@contextlib.asynccontextmanager
async def turning(disk: Disk, place: Place, faults: Faults, on: DiskEvents) -> AsyncIterator[TurnDatabase]:
    """Open the disk's database for one process; a process that dies closes nothing properly."""
    database = TurnDatabase(disk, place, faults, on)  # the files were migrated by the product when they were made
    try:
        yield database
    finally:
        database.close()
