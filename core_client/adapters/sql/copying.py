"""Every table of the bank into lines, and back: one form for both databases, so that each can take the other's place.

A backup is read from one snapshot beside running nodes: nobody waits for it. Going back, the tables are made as they
were at the backup's migration, filled, migrated to the newest, and checked, before anything uses them.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    NullPool,
    Table,
    create_engine,
    insert,
    inspect,
    make_url,
    select,
    text,
)

from core_client.adapters.backup_file import BackupError, BackupWriter, read_lines
from core_client.adapters.sql.audit import check_chain
from core_client.adapters.sql.booking import check_books
from core_client.adapters.sql.schema_all import metadata
from core_client.adapters.sql.statements import Tx
from core_client.adapters.sql.upgrading import upgrade
from core_client.errors import InvariantBroken

VERSION = 1
_BATCH = 1_000  # rows of one insert
_REVISIONS = "alembic_version"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup says of itself. ``rows`` counts each table's; ``keys`` are fingerprints of keys beside the bank."""

    made_at: datetime.datetime
    revision: str
    database: str
    audit_seq: int
    audit_hash: str
    keys: Mapping[str, str]
    rows: Mapping[str, int]

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


def write_backup(url: str, file: IO[bytes], key: bytes, at: datetime.datetime, keys: Mapping[str, str]) -> Contents:
    """Write every table of the bank at ``url``, as of one moment, into ``file``.

    Raises:
        BackupError: there is no bank, or a column holds what cannot be written.
    """
    writer = BackupWriter(file, key)
    with _engine(url) as engine, _snapshot(engine) as connection:
        if not inspect(connection).has_table(_REVISIONS):
            raise BackupError("there is no bank in this database")
        revision = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
        seq, digest = connection.execute(text("SELECT seq, hash FROM audit_head")).one()
        head = {"tellerline_backup": VERSION, "made_at": at.isoformat(), "revision": revision,
                "database": engine.dialect.name, "audit": [int(seq), str(digest)], "keys": dict(keys)}  # fmt: skip
        writer.line(head)
        rows = {table.name: _write_table(connection, table, writer) for table in metadata.sorted_tables}
    writer.line({"end": rows, "sha256": writer.checksum})
    writer.close()
    return Contents(at, revision, engine.dialect.name, int(seq), str(digest), dict(keys), rows)


def _write_table(connection: Connection, table: Table, writer: BackupWriter) -> int:
    writer.line({"table": table.name, "columns": [column.name for column in table.columns]})
    count = 0
    found = connection.execution_options(yield_per=_BATCH).execute(select(table).order_by(*table.primary_key.columns))
    for row in found:
        writer.line([_plain(value) for value in row])
        count += 1
    return count


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, bytes | memoryview | bytearray):
        return {"b": base64.b64encode(bytes(value)).decode()}
    raise BackupError(f"a column holds {type(value).__name__}, which a backup cannot: tell whoever wrote the table")


def _value(plain: Any) -> Any:
    return base64.b64decode(plain["b"]) if isinstance(plain, dict) else plain


def read_backup(file: IO[bytes], key: bytes) -> Contents:
    """Read a backup from its first byte to its last, and answer what it says of itself.

    Raises:
        BackupError: changed, cut off, another key's, or of a release that this one does not know.
    """
    contents: Contents | None = None
    for kind, value in _parts(file, key):
        if kind == "end":
            contents = value
    if contents is None:
        raise BackupError("the backup is cut off")
    return contents


def restore_into(connection: Connection, file: IO[bytes], key: bytes) -> Contents:
    """Fill the empty database of ``connection`` inside its open transaction, migrate it, and check all of it.

    Raises:
        BackupError: the backup cannot be used, or what it holds does not add up. Roll back then.
    """
    contents: Contents | None = None
    tables, table, batch = MetaData(), None, list[dict[str, Any]]()
    for kind, value in _parts(file, key):
        if kind == "row":
            batch.append(value)
        if table is not None and batch and (kind != "row" or len(batch) == _BATCH):
            connection.execute(insert(table), batch)
            batch.clear()
        if kind == "head":
            upgrade(connection, value)
            tables.reflect(connection)
            for known in reversed(tables.sorted_tables):  # a migration may have put rows of its own there
                if known.name != _REVISIONS:
                    connection.execute(known.delete())
        elif kind == "table":
            table = tables.tables.get(value)
            if table is None:
                raise BackupError(f"the backup has a table '{value}' that its own migration does not make")
        elif kind == "end":
            contents = value
    if contents is None:
        raise BackupError("the backup is cut off")
    if connection.dialect.name == "postgresql":
        _move_sequences(connection, tables.tables.values())
    upgrade(connection)
    _check(connection, contents)
    return contents


def _parts(file: IO[bytes], key: bytes) -> Iterator[tuple[str, Any]]:
    """Answer ``head`` (its migration), ``table`` (its name), ``row`` (by column), and ``end`` (:class:`Contents`)."""
    head: dict[str, Any] | None = None
    columns: list[str] = []
    counted: dict[str, int] = {}
    name = ""
    for line, checksum in read_lines(file, key):
        if head is None:
            if not isinstance(line, dict) or line.get("tellerline_backup") != VERSION:
                raise BackupError("this backup is of another release: use the one that made it, or a newer one")
            head = line
            yield "head", head["revision"]
        elif isinstance(line, list):
            counted[name] += 1
            yield "row", dict(zip(columns, map(_value, line), strict=True))
        elif "table" in line:
            name, columns = line["table"], line["columns"]
            counted[name] = 0
            yield "table", name
        else:
            if line["end"] != counted or line["sha256"] != checksum:
                raise BackupError("the backup's own checksum or count of rows does not fit: make another one")
            yield "end", _contents(head, counted)


def _contents(head: dict[str, Any], rows: dict[str, int]) -> Contents:
    made_at = datetime.datetime.fromisoformat(head["made_at"])
    seq, digest = head["audit"]
    return Contents(made_at, head["revision"], head["database"], seq, digest, head["keys"], rows)


def _move_sequences(connection: Connection, tables: Iterable[Table]) -> None:
    """Let ids go on behind those that were filled in."""
    for table in tables:
        for column in table.primary_key.columns:
            sequence = connection.execute(
                text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
            ).scalar()
            if sequence is not None:
                last = select(column).order_by(column.desc()).limit(1)
                highest = connection.execute(last).scalar() or 0
                connection.execute(
                    text("SELECT setval(CAST(:sequence AS regclass), :next, false)"),
                    {"sequence": sequence, "next": highest + 1},
                )


def _check(connection: Connection, contents: Contents) -> None:
    tx = Tx(connection)
    try:
        check_books(tx)
    except InvariantBroken as error:
        raise BackupError(f"the books in the backup do not add up: {error}") from None
    report = check_chain(tx)
    if report.broken_at is not None or (report.rows, report.head) != (contents.audit_seq, contents.audit_hash):
        raise BackupError(f"the audit chain in the backup is broken at row {report.broken_at or report.rows}")
    if connection.dialect.name == "sqlite":
        if (found := connection.exec_driver_sql("PRAGMA integrity_check").scalar()) != "ok":
            raise BackupError(f"the filled database is damaged: {found}")
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise BackupError("a row in the backup belongs to one that is not in it")


def drop_bank(connection: Connection) -> None:
    """Drop the bank's tables inside the open transaction of ``connection``."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name == _REVISIONS or name in metadata.tables)
    found.drop_all(connection)


def has_bank(connection: Connection) -> bool:
    """Answer whether a bank with customers is there."""
    if not inspect(connection).has_table("customers"):
        return False
    return connection.execute(text("SELECT 1 FROM customers LIMIT 1")).first() is not None


@contextlib.contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url, poolclass=NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


@contextlib.contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """Answer a connection that sees one moment, and writes nothing."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with engine.connect() as connection, connection.begin():
            yield connection
        return
    if not make_url(str(engine.url)).database:
        raise BackupError("a bank in memory has no backup")
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.isolation_level = None
        driver.execute("PRAGMA query_only = ON")
        driver.execute("BEGIN")
        driver.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # the snapshot begins with the first read
        try:
            yield connection
        finally:
            driver.execute("ROLLBACK")
