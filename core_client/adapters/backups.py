"""Backups of a bank: made beside running nodes, checked before they count, put back where nobody works.

A backup takes its name only after it was read again from the disk. What is restored is filled and checked in full
before it takes the place of anything: on SQLite in a file beside, on PostgreSQL in the transaction that also replaces.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from core_client.adapters.backup_file import BackupError
from core_client.adapters.sql.copying import Contents, drop_bank, has_bank, read_backup, restore_into, write_backup
from core_client.adapters.sql.database import sqlite_url

_Checkpoint = Callable[[str], None]


def fingerprint(key: bytes) -> str:
    """Answer what tells a key from another, and nothing else of it."""
    return hmac.digest(key, b"tellerline key fingerprint", hashlib.sha256)[:8].hex()


def make_backup(
    url: str, to: Path, key: bytes, at: datetime.datetime, keys: Mapping[str, str], checkpoint: _Checkpoint
) -> Contents:
    """Write the bank at ``url`` into the new file ``to`` (mode 0600), and read it again.

    Args:
        url: of the bank's database.
        to: is not there yet: a backup is never overwritten.
        key: that it is encrypted under.
        at: now.
        keys: fingerprints of the keys that lie beside the bank and are not in the backup.
        checkpoint: called at ``backup.written``: the file is whole on the disk, under another name.

    Raises:
        BackupError: it could not be made; nothing lies at ``to``.
    """
    if to.exists():
        raise BackupError(f"{to} is there already, and a backup is never overwritten: name another file")
    part = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            written = write_backup(url, file, key, at, keys)
            os.fsync(file.fileno())
            file.seek(0)
            if read_backup(file, key) != written:
                raise BackupError("what was read again is not what was written: the disk is not to be trusted")
        checkpoint("backup.written")
        to.hardlink_to(part)
        _sync_folder(to.parent)
    except OSError as error:
        raise BackupError(f"{error.filename or to}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return written


def check_backup(source: Path, key: bytes, scratch: Path) -> Contents:
    """Put a backup back into a bank of its own in the folder ``scratch``, check all of it, and throw that away.

    Raises:
        BackupError: it could not be put back.
    """
    file = scratch / f"restore-{secrets.token_hex(4)}.db"
    try:
        return _fill_sqlite(source, key, file)
    finally:
        _remove(file)


def restore(
    url: str, source: Path, key: bytes, *, replace: bool, at: datetime.datetime, checkpoint: _Checkpoint
) -> Contents:
    """Put a backup in the place of the bank at ``url``.

    Args:
        url: of the database. A SQLite file that is replaced is kept beside, under a name with ``at``.
        source: the backup.
        key: that it was encrypted under.
        replace: also where a bank with customers is.
        at: now.
        checkpoint: called at ``restore.filled`` (checked, nothing replaced yet) and ``restore.replaced``.

    Raises:
        BackupError: somebody works on the bank, it is not to be replaced, or the backup cannot be used. Nothing has
            changed then.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _restore_sqlite(Path(make_url(url).database or ""), source, key, replace, at, checkpoint)
    return _restore_postgresql(url, source, key, replace, checkpoint)


def _restore_sqlite(
    place: Path, source: Path, key: bytes, replace: bool, at: datetime.datetime, checkpoint: _Checkpoint
) -> Contents:
    if place.exists():
        _refuse_live(place)
        with _sqlite(sqlite_url(place)) as connection:
            _refuse_replacing(connection, replace)
    filled = place.with_name(f".{place.name}.{secrets.token_hex(4)}.restoring")
    try:
        contents = _fill_sqlite(source, key, filled)
        checkpoint("restore.filled")
        if place.exists():
            _refuse_live(place)  # and its journal is in the file now: the file alone is the bank
            place.with_name(f"{place.name}.before-{at:%Y%m%dT%H%M%SZ}").hardlink_to(place)
        filled.replace(place)
        _sync_folder(place.parent)
        checkpoint("restore.replaced")
    except OSError as error:
        raise BackupError(f"{error.filename or place}: {error.strerror}") from None
    finally:
        _remove(filled)
    return contents


def _fill_sqlite(source: Path, key: bytes, into: Path) -> Contents:
    into.touch(mode=0o600)
    with _opened(source) as file, _sqlite(sqlite_url(into)) as connection, connection.begin():
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        contents = restore_into(connection, file, key)
    descriptor = os.open(into, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return contents


def _refuse_live(place: Path) -> None:
    """Leaving the write-ahead log needs the file alone: whoever else has it open is seen, and the log is taken in."""
    connection = sqlite3.connect(place, timeout=0, isolation_level=None)
    try:
        mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    except sqlite3.OperationalError:
        mode = "busy"
    except sqlite3.DatabaseError:
        mode = "delete"  # what lies there is no database, or a damaged one: nobody works on it
    finally:
        connection.close()
    if mode != "delete":
        raise BackupError(f"somebody works on {place}: stop the server and every command on it first")


def _refuse_replacing(connection: Connection, replace: bool) -> None:
    if not replace and has_bank(connection):
        raise BackupError("a bank with customers is there: give --replace to put the backup in its place")


def _restore_postgresql(url: str, source: Path, key: bytes, replace: bool, checkpoint: _Checkpoint) -> Contents:
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection, connection.begin(), _opened(source) as file:
            others = text(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            if connection.execute(others).scalar():
                raise BackupError("somebody works on this database: stop every node and command on it first")
            _refuse_replacing(connection, replace)
            drop_bank(connection)
            contents = restore_into(connection, file, key)
            checkpoint("restore.filled")
        checkpoint("restore.replaced")
        return contents
    finally:
        engine.dispose()


@contextlib.contextmanager
def _sqlite(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, connect_args={"isolation_level": None})
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[IO[bytes]]:
    try:
        with source.open("rb") as file:
            yield file
    except OSError as error:
        raise BackupError(f"{source}: {error.strerror}") from None


def _remove(file: Path) -> None:
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm", f"{file.name}-journal"):
        file.with_name(name).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
