"""The threads that run transactions: a queue, a few threads, and a way of carrying a batch of pieces out."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from core_client.adapters.sql.statements import Tx
from core_client.errors import OutcomeUnknown, Unavailable

MAX_BATCH = 128  # pieces under one commit: bounds what one slow fsync keeps waiting
_RETRIES = 8  # PostgreSQL: what is safe to run again, and how often
_BREATH_S = 0.004  # times the try, and another share for each thread: who met once does not meet again at once
# Serialization failure, deadlock; and a unique violation: of two who insert the same id at once, the second runs again
# and finds the row of the first.
_PG_AGAIN = frozenset({"40001", "40P01", "23505"})


@dataclass(slots=True, eq=False)
class Piece:
    """Something to do in a transaction, and who waits for it on which loop."""

    work: Callable[[Tx], Any]
    answer: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None


class Carrier(Protocol):
    """Carries batches out on one thread; each thread opens its own session."""

    def batch(self) -> int:
        """Answer how many pieces may go together."""
        ...

    @contextmanager
    def session(self) -> Iterator[Callable[[list[Piece]], None]]:
        """Answer what fills in each piece's result or error."""
        ...


class Working(Protocol):
    """Whoever carries pieces out: :class:`Workers`, or a simulation in virtual time."""

    @property
    def waiting(self) -> int:
        """How many pieces nobody has begun."""
        ...

    def put(self, piece: Piece) -> None:
        """Ask for ``piece`` to be carried out."""
        ...

    def close(self) -> None:
        """Carry out what was asked for, then end."""
        ...


class Workers:
    """``count`` threads that take pieces from one queue."""

    def __init__(self, count: int, name: str, carrier: Carrier) -> None:
        self._queue: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._carrier = carrier
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """How many pieces nobody has begun."""
        return self._queue.qsize()

    def put(self, piece: Piece) -> None:
        """Ask for ``piece`` to be carried out."""
        self._queue.put(piece)

    def close(self) -> None:
        """Carry out what was asked for, then end."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with self._carrier.session() as carry_out:
            while batch := self._next_batch(self._carrier.batch()):
                try:
                    carry_out(batch)
                except BaseException as error:  # noqa: BLE001 - whatever it was, those who wait must hear it
                    for piece in batch:
                        piece.error = error
                _answer(batch)

    def _next_batch(self, limit: int) -> list[Piece]:
        """Take what waits; an empty batch means the end."""
        batch: list[Piece] = []
        with suppress(queue.Empty):
            piece = self._queue.get()
            while piece is not None:
                batch.append(piece)
                if len(batch) == limit:
                    return batch
                piece = self._queue.get_nowait()
            if batch:
                self._queue.put(None)  # the end comes after this batch
        return batch


def _answer(batch: list[Piece]) -> None:
    """Wake those who wait, once per loop; a loop that is gone waits for nothing."""
    for loop in {piece.loop for piece in batch}:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, [piece for piece in batch if piece.loop is loop])


def _settle(pieces: list[Piece]) -> None:
    for piece in pieces:
        if piece.answer.done():  # cancelled meanwhile
            continue
        if piece.error is None:
            piece.answer.set_result(piece.result)
        else:
            piece.answer.set_exception(piece.error)


class GroupCommit:
    """SQLite's writer: many pieces, one commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def batch(self) -> int:
        """Answer how many pieces may go together."""
        return MAX_BATCH

    @contextmanager
    def session(self) -> Iterator[Callable[[list[Piece]], None]]:
        """Open the one writing connection."""
        with self._engine.connect() as connection:
            tx = Tx(connection)
            yield lambda pieces: self._commit_together(tx, pieces)

    def _commit_together(self, tx: Tx, pieces: list[Piece]) -> None:
        try:
            tx.control("BEGIN IMMEDIATE")
            for piece in pieces:
                _in_savepoint(tx, piece)
            tx.control("COMMIT")
        except (sqlite3.Error, DBAPIError) as error:
            with suppress(sqlite3.Error):
                tx.control("ROLLBACK")
            raise _sqlite_error(error) from error


def _in_savepoint(tx: Tx, piece: Piece) -> None:
    """Run one piece so that its failure takes nothing else along."""
    tx.control("SAVEPOINT piece")
    try:
        piece.result = piece.work(tx)
    except Exception as failure:  # noqa: BLE001 - it is handed to the one who asked
        tx.control("ROLLBACK TO piece")
        piece.error = _sqlite_error(failure)
    tx.control("RELEASE piece")


def _sqlite_error(error: Exception) -> Exception:
    origin = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(origin, sqlite3.Error):
        return error
    if "disk I/O" in str(origin):
        return OutcomeUnknown("the disk failed during a write")
    # The text of a driver's error may quote values; its name does not.
    return Unavailable(f"the database did not take it: {getattr(origin, 'sqlite_errorname', type(origin).__name__)}")


class _Snapshot:
    """SQLite's readers: pieces that wait together share one snapshot."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def batch(self) -> int:
        return 16

    @contextmanager
    def session(self) -> Iterator[Callable[[list[Piece]], None]]:
        with self._engine.connect() as connection:
            tx = Tx(connection)
            yield lambda pieces: self._read(tx, pieces)

    def _read(self, tx: Tx, pieces: list[Piece]) -> None:
        try:
            tx.control("BEGIN")
            for piece in pieces:
                try:
                    piece.result = piece.work(tx)
                except Exception as failure:  # noqa: BLE001 - it is handed to the one who asked
                    piece.error = _sqlite_error(failure)
        except sqlite3.Error as error:
            raise _sqlite_error(error) from error
        finally:
            with suppress(sqlite3.Error):
                tx.control("ROLLBACK")


def together_on_snapshot(engine: Engine) -> Carrier:
    """Answer the way SQLite reads."""
    return _Snapshot(engine)


class _Transactions:
    """PostgreSQL: one piece, one transaction, its connection from the pool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def batch(self) -> int:
        return 1

    @contextmanager
    def session(self) -> Iterator[Callable[[list[Piece]], None]]:
        yield self._each

    def _each(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            try:
                piece.result = self._again(piece.work)
            except Exception as failure:  # noqa: BLE001 - it is handed to the one who asked
                piece.error = self._bank_error(failure)

    def _again(self, work: Callable[[Tx], Any]) -> Any:
        for attempt in range(1, _RETRIES):
            try:
                return self._once(work)
            except Exception as failure:
                if getattr(_origin(failure), "sqlstate", None) not in _PG_AGAIN:
                    raise
            time.sleep(_BREATH_S * attempt * (1 + threading.get_native_id() % 5 / 5))
        return self._once(work)

    def _once(self, work: Callable[[Tx], Any]) -> Any:
        with self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                result = work(Tx(connection))
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None:
                    raise OutcomeUnknown("the connection broke during a commit") from error
                raise
            return result

    def _bank_error(self, error: Exception) -> Exception:
        origin = _origin(error)
        driver = self._engine.dialect.dbapi
        if driver is None or not isinstance(origin, driver.Error):
            return error
        state = getattr(origin, "sqlstate", None) or type(origin).__name__
        return Unavailable(f"the database did not take it: {state}")


def _origin(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def transactions(engine: Engine) -> Carrier:
    """Answer the way PostgreSQL reads and writes."""
    return _Transactions(engine)
