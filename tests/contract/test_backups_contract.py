"""The drill: a bank is backed up beside whoever works on it, lost, and put back, on either database and across them."""

from __future__ import annotations

import asyncio
import datetime
import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from core_client.adapters import backup_file
from core_client.adapters.backup_file import BackupError, BackupWriter, read_lines
from core_client.adapters.backups import check_backup, make_backup, restore
from core_client.adapters.sql.copying import Contents
from core_client.adapters.sql.database import sqlite_url
from core_client.domain.money import Money
from core_client.services.call import no_checkpoints
from core_client.testing.world import World, world
from tests.contract.conftest import OpenWorld

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
AT = datetime.datetime(2026, 3, 2, 3, tzinfo=datetime.UTC)
_names = itertools.count(1)


async def pay(bank: World, fen: int) -> None:
    session = await bank.authenticated()
    request = f"drill-{next(_names)}"
    prepared = await bank.perform(session, "transfers.prepare", "voice", request, payee="1", amount=Money(fen, "CNY"))
    answer = await bank.perform(session, "transfers.authorise", intent=prepared.answer["id"])
    assert answer.outcome == "ok"


async def booked(bank: World) -> int:
    return (await bank.bank.ledger.account(1, None)).booked.amount_minor


def save(url: str, to: Path) -> Contents:
    return make_backup(url, to, KEY, AT, {"pepper": "abc"}, no_checkpoints)


def put_back(url: str, file: Path, key: bytes = KEY, *, replace: bool = True) -> Contents:
    return restore(url, file, key, replace=replace, at=AT, checkpoint=no_checkpoints)


@pytest.fixture
def second_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes empty databases: a SQLite file that is not there yet, or a PostgreSQL database without tables."""
    made: list[tuple[str, str]] = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            return sqlite_url(tmp_path / f"other-{next(_names)}.db")
        server: str = request.getfixturevalue("postgres")
        name = f"tellerline_drill_{next(_names)}"
        _administer(server, f"CREATE DATABASE {name}")
        made.append((server, name))
        return make_url(server).set(database=name).render_as_string(hide_password=False)

    yield make
    for server, name in made:
        _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


async def test_a_bank_that_was_lost_is_put_back_as_it_was(
    database_url: str, open_world: OpenWorld, tmp_path: Path
) -> None:
    file = tmp_path / "bank.tlb"
    async with open_world() as bank:
        await pay(bank, 50_000)
        before = await booked(bank)
        made = await asyncio.to_thread(save, database_url, file)  # beside whoever works on it
        await pay(bank, 70_000)  # later than the backup: lost with the bank
    assert file.stat().st_mode & 0o077 == 0
    await asyncio.to_thread(put_back, database_url, file)
    async with open_world() as bank:
        assert await booked(bank) == before
        await bank.bank.ledger.check_books()
        report = await bank.bank.admin.check_audit()
        assert (report.broken_at, report.rows) == (None, made.audit_seq)
        await pay(bank, 100)  # PINs fit, ids go on, the chain goes on
        await bank.bank.ledger.check_books()


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
async def test_a_backup_of_one_database_is_put_back_into_the_other(
    source: str, target: str, second_url: Callable[[str], str], tmp_path: Path
) -> None:
    here, there, file = second_url(source), second_url(target), tmp_path / "bank.tlb"
    async with world(database_url=here) as bank:
        await pay(bank, 12_345)
        balance = await booked(bank)
    made = await asyncio.to_thread(save, here, file)
    assert await asyncio.to_thread(put_back, there, file, replace=False) == made
    async with world(database_url=there) as bank:
        assert await booked(bank) == balance
        await pay(bank, 100)
        await bank.bank.ledger.check_books()
        assert (await bank.bank.admin.check_audit()).broken_at is None


async def test_a_bank_that_somebody_works_on_is_never_replaced(
    database_url: str, open_world: OpenWorld, tmp_path: Path
) -> None:
    file = tmp_path / "bank.tlb"
    async with open_world() as bank:
        await asyncio.to_thread(save, database_url, file)
        await pay(bank, 100)
        before = await booked(bank)
        with pytest.raises(BackupError, match="somebody works on"):
            await asyncio.to_thread(put_back, database_url, file)
        assert await booked(bank) == before


async def test_a_bank_with_customers_is_replaced_only_when_that_is_asked_for(
    database_url: str, open_world: OpenWorld, tmp_path: Path
) -> None:
    file = tmp_path / "bank.tlb"
    async with open_world():
        await asyncio.to_thread(save, database_url, file)
    with pytest.raises(BackupError, match="--replace"):
        await asyncio.to_thread(put_back, database_url, file, replace=False)


@pytest.mark.parametrize("damage", ["a changed byte", "a cut", "an octet more", "another key"])
async def test_a_backup_that_cannot_be_used_changes_nothing(
    damage: str, database_url: str, open_world: OpenWorld, tmp_path: Path
) -> None:
    file, key = tmp_path / "bank.tlb", KEY
    async with open_world() as bank:
        await asyncio.to_thread(save, database_url, file)
        before = await booked(bank)
    whole = file.read_bytes()
    middle = len(whole) // 2
    if damage == "a changed byte":
        file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    elif damage == "a cut":
        file.write_bytes(whole[:-1])
    elif damage == "an octet more":
        file.write_bytes(whole + b"x")
    else:
        key = OTHER_KEY
    with pytest.raises(BackupError):
        await asyncio.to_thread(put_back, database_url, file, key)
    with pytest.raises(BackupError):
        await asyncio.to_thread(check_backup, file, key, tmp_path)
    left = await asyncio.to_thread(lambda: sorted(path.name for path in tmp_path.iterdir()))
    assert left == ["bank.tlb"]
    async with open_world() as bank:
        assert await booked(bank) == before


async def test_books_that_do_not_add_up_are_not_put_back(
    database_url: str, open_world: OpenWorld, tmp_path: Path
) -> None:
    file = tmp_path / "bank.tlb"
    async with open_world() as bank:

        def forge(tx: object) -> None:
            cursor = tx.connection.connection.cursor()  # type: ignore[attr-defined]  # the driver's own
            cursor.execute("UPDATE entries SET amount_minor = amount_minor + 1 WHERE id = 1")

        await bank.bank.database.write(forge)
        await asyncio.to_thread(save, database_url, file)
    with pytest.raises(BackupError, match="do not add up"):
        await asyncio.to_thread(check_backup, file, KEY, tmp_path)


async def test_a_backup_is_never_overwritten(database_url: str, open_world: OpenWorld, tmp_path: Path) -> None:
    file = tmp_path / "bank.tlb"
    async with open_world():
        await asyncio.to_thread(save, database_url, file)
        before = file.read_bytes()
        with pytest.raises(BackupError, match="never overwritten"):
            await asyncio.to_thread(save, database_url, file)
    assert file.read_bytes() == before


async def test_nothing_of_a_customer_can_be_read_in_a_backup(
    database_url: str, open_world: OpenWorld, tmp_path: Path
) -> None:
    file = tmp_path / "bank.tlb"
    async with open_world():
        await asyncio.to_thread(save, database_url, file)
    octets = file.read_bytes()
    for secret in (b"Wang", "李雷".encode(), b"13900000001", b"440100001101", b"argon2"):
        assert secret not in octets


def test_a_chunk_that_is_moved_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_file, "_CHUNK", 64)
    out = io.BytesIO()
    writer = BackupWriter(out, KEY)
    for number in range(200):
        writer.line([number, str(number * 7919)])
    writer.close()
    whole = out.getvalue()
    assert next(line for line, _ in read_lines(io.BytesIO(whole), KEY)) == [0, "0"]
    begin, size = len(backup_file.MAGIC) + 16, 4 + 64 + 16
    first, second = whole[begin : begin + size], whole[begin + size : begin + 2 * size]
    swapped = whole[:begin] + second + first + whole[begin + 2 * size :]
    dropped = whole[: begin + size] + whole[begin + 2 * size :]
    ended = whole[: begin + size]
    for changed in (swapped, dropped, ended):
        with pytest.raises(BackupError):
            list(read_lines(io.BytesIO(changed), KEY))
