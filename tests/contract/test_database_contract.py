"""The database's contract: all or nothing for each, durable before answered, migrations that make what code sees."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import threading
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, make_url, text

from core_client.adapters.sql import schema_all as schema
from core_client.adapters.sql.audit import SqlAudit
from core_client.adapters.sql.database import open_database, sqlite_url
from core_client.adapters.sql.statements import Tx
from core_client.adapters.sql.upgrading import upgrade
from core_client.domain.audit import AuditRecord
from core_client.errors import Unavailable

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def execute(tx: Tx, statement: str) -> list[tuple[object, ...]]:
    cursor = tx.connection.connection.cursor()
    cursor.execute(statement)
    return list(cursor.fetchall()) if cursor.description else []


def stop(party: str) -> str:
    return f"INSERT INTO message_stops (party, stopped_us) VALUES ('{party}', 1)"


async def test_the_migrations_make_the_tables_that_the_code_sees(database_url: str) -> None:
    async with open_database(database_url):
        engine = create_engine(database_url, poolclass=NullPool)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []
        engine.dispose()


async def test_a_piece_that_fails_takes_no_other_along(database_url: str) -> None:
    async with open_database(database_url) as database:

        def fails(tx: Tx) -> None:
            execute(tx, stop("lost"))
            raise RuntimeError("on purpose")

        def breaks_a_rule(tx: Tx) -> None:
            execute(tx, stop("also lost"))
            execute(tx, stop("also lost"))

        works = [partial(execute, statement=stop(f"p{n}")) for n in range(5)]
        results = await asyncio.gather(
            database.write(works[0]),
            database.write(fails),
            database.write(works[1]),
            database.write(breaks_a_rule),
            *(database.write(work) for work in works[2:]),
            return_exceptions=True,
        )
        assert isinstance(results[1], RuntimeError)
        assert isinstance(results[3], Unavailable)
        rows = await database.read(lambda tx: execute(tx, "SELECT party FROM message_stops ORDER BY party"))
        assert [row[0] for row in rows] == ["p0", "p1", "p2", "p3", "p4"]


async def test_what_was_answered_is_there_for_another_connection_at_once(database_url: str) -> None:
    async with open_database(database_url) as one, open_database(database_url) as other:
        for n in range(10):
            await one.write(partial(execute, statement=stop(f"p{n}")))
            rows = await other.read(lambda tx: execute(tx, "SELECT count(*) FROM message_stops"))
            assert rows[0][0] == n + 1


async def test_a_read_sees_one_moment_from_its_beginning_to_its_end(database_url: str) -> None:
    looked, written = threading.Event(), threading.Event()

    def looks_twice(tx: Tx) -> list[int]:
        counts = [len(execute(tx, "SELECT party FROM message_stops"))]
        looked.set()
        assert written.wait(10)
        counts.append(len(execute(tx, "SELECT party FROM message_stops")))
        return counts

    async with open_database(database_url) as database:
        reading = asyncio.ensure_future(database.read(looks_twice))
        await asyncio.to_thread(looked.wait, 10)
        await database.write(partial(execute, statement=stop("meanwhile")))
        written.set()
        assert await reading == [0, 0]


async def test_a_caller_who_gives_up_does_not_stop_the_others(database_url: str) -> None:
    async with open_database(database_url) as database:
        given_up = asyncio.ensure_future(database.write(lambda tx: execute(tx, stop("given up"))))
        kept = asyncio.ensure_future(database.write(lambda tx: execute(tx, stop("kept"))))
        await asyncio.sleep(0)
        given_up.cancel()
        await kept
        with contextlib.suppress(asyncio.CancelledError):
            await given_up
        rows = await database.read(lambda tx: execute(tx, "SELECT party FROM message_stops WHERE party = 'kept'"))
        assert len(rows) == 1


async def test_an_error_of_the_driver_never_quotes_what_was_written(database_url: str) -> None:
    async with open_database(database_url) as database:
        await database.write(lambda tx: execute(tx, stop("a-secret-party")))
        with pytest.raises(Unavailable) as failed:
            await database.write(lambda tx: execute(tx, stop("a-secret-party")))
        assert "a-secret-party" not in str(failed.value)


@ON_SQLITE
async def test_a_full_disk_is_unavailable_and_nothing_of_it_stays(database_url: str) -> None:
    async with open_database(database_url) as database:
        await database.write(partial(execute, statement=stop("before")))
        pages = (await database.read(lambda tx: execute(tx, "PRAGMA page_count")))[0][0]
        await database.write(lambda tx: execute(tx, f"PRAGMA max_page_count = {pages}"))
        big = partial(execute, statement=f"INSERT INTO message_stops VALUES ('{'x' * 900_000}', 1)")
        results = await asyncio.gather(
            database.write(big), database.write(partial(execute, statement=stop("with it"))), return_exceptions=True
        )
        assert isinstance(results[0], Unavailable)
        await database.write(lambda tx: execute(tx, "PRAGMA max_page_count = 1000000"))
        await database.write(partial(execute, statement=stop("after")))
        rows = await database.read(lambda tx: execute(tx, "SELECT party FROM message_stops ORDER BY party"))
        expected = {"before", "after"} | ({"with it"} if results[1] == [] else set())
        assert {row[0] for row in rows} == expected


@ON_SQLITE
async def test_the_file_is_for_its_owner_only(database_url: str) -> None:
    async with open_database(database_url) as database:
        await database.write(partial(execute, statement=stop("x")))
        file = Path(make_url(database_url).database or "")
        for part in (file, file.with_name("bank.db-wal")):
            assert part.stat().st_mode & 0o077 == 0


async def test_opening_again_migrates_nothing_and_keeps_everything(database_url: str) -> None:
    async with open_database(database_url) as database:
        await database.write(lambda tx: execute(tx, stop("kept")))
    async with open_database(database_url) as database:
        assert len(await database.read(lambda tx: execute(tx, "SELECT party FROM message_stops"))) == 1


async def test_two_nodes_that_start_at_once_migrate_once(database_url: str) -> None:
    async def start() -> None:
        async with open_database(database_url) as database:
            await database.read(lambda tx: execute(tx, "SELECT * FROM audit_head"))

    await asyncio.gather(*(start() for _ in range(4)))


async def test_a_database_of_the_first_version_is_upgraded_with_everything_in_it(tmp_path: Path) -> None:
    """As a bank that ran before: its rows stay, its audit chain holds, and the new tables are there."""
    url = sqlite_url(tmp_path / "old.db")
    _first_version(url)
    async with open_database(url) as database:
        names = await database.read(lambda tx: execute(tx, "SELECT name, language FROM customers"))
        assert names == [("Wang", "zh")]
        assert await database.read(lambda tx: execute(tx, "SELECT count(*) FROM callbacks")) == [(0,)]
        assert await database.read(lambda tx: execute(tx, "SELECT count(*) FROM staff")) == [(0,)]
        chain = SqlAudit(database)
        await chain.append(AuditRecord(datetime.datetime.now(datetime.UTC), "test", "test.done", "test"))
        report = await chain.check()
        assert (report.rows, report.broken_at) == (1, None)


@pytest.mark.peer("postgresql")
async def test_a_postgresql_of_the_first_version_is_upgraded_with_everything_in_it(
    postgres: str, postgres_template: str
) -> None:
    assert postgres_template  # the server is up
    name = "tellerline_of_the_first_version"
    server = create_engine(postgres, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(postgres).set(database=name).render_as_string(hide_password=False)
    try:
        _first_version(url)
        async with open_database(url) as database:
            names = await database.read(lambda tx: execute(tx, "SELECT name, language FROM customers"))
            assert names == [("Wang", "zh")]
            assert await database.read(lambda tx: execute(tx, "SELECT count(*) FROM callbacks")) == [(0,)]
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def _first_version(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection, connection.begin():
        upgrade(connection, "0001")
        connection.execute(text("INSERT INTO customers (id, number, name, language) VALUES (1, '1', 'Wang', 'zh')"))
    engine.dispose()
