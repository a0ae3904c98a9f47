"""Personal data at rest: nothing of it is in the database's files, old rows are sealed, keys change while it runs."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path

import pytest
from sqlalchemy import NullPool, bindparam, create_engine, make_url, select, text, update

from core_client.adapters.sealing import SealError
from core_client.adapters.sql import resealing, schema
from core_client.adapters.sql.database import open_database, sqlite_url
from core_client.adapters.sql.personal import PersonalData, key_of_pepper
from core_client.adapters.sql.statements import Statement, Tx
from core_client.adapters.sql.upgrading import upgrade
from core_client.domain.customers import Customer
from core_client.domain.records import DocumentKind, NewCustomer
from core_client.testing.world import PEPPER, World, world
from tests.contract.conftest import OpenWorld

NAME, OTHER_NAME, LINE, CALLBACK, BORN = "Planted Namewitz", "种名氏", "+8613788801234", "+8613799905678", "1971-03-09"
OLD_LINES = 500
DOCUMENT = "PLANT8827364X"
PLANTED = (NAME, OTHER_NAME, LINE, CALLBACK, BORN, DOCUMENT)


async def plant(bank: World) -> Customer:
    desk = bank.bank.records
    await desk.add(NewCustomer("66660001", NAME, datetime.date.fromisoformat(BORN)), "anna")
    found = await bank.bank.ports.registry.customer_by_number("66660001")
    assert found is not None
    await desk.change(found, "anna", name=OTHER_NAME)
    await desk.change(found, "anna", name=NAME)
    await desk.set_line(found, LINE, True, "anna")
    await desk.add_document(found, DocumentKind.ID_CARD, DOCUMENT, None, "anna")
    arrival = await bank.core.arrive("voice", LINE)
    asked = await bank.perform(arrival.auth_session_id, "service.request_callback", number=CALLBACK)
    assert asked.outcome == "ok"
    return found


def found_in(folder: Path) -> list[tuple[str, str]]:
    """Answer which planted words stand in which file, in the encodings that a database may use."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return [
        (word, file.name)
        for file in files
        for word in PLANTED
        if any(word.encode(encoding) in file.read_bytes() for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
        or word.lstrip("+").encode() in file.read_bytes()
    ]


async def test_no_planted_name_number_or_document_is_in_the_database_or_its_log(tmp_path: Path) -> None:
    async with world(folder=tmp_path) as bank:
        await plant(bank)
        assert (tmp_path / "bank.db-wal").stat().st_size > 0
        assert found_in(tmp_path) == []
    assert found_in(tmp_path) == []


async def test_what_an_older_version_wrote_in_clear_is_sealed_at_the_first_start_and_wiped(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "bank.db")
    _older_version(url)
    assert {word for word, _ in found_in(tmp_path)} >= {NAME, LINE, CALLBACK, BORN}
    async with world(database_url=url) as bank:
        found = await bank.bank.ports.registry.customer_by_line(LINE)
        assert found is not None
        born = await bank.bank.ports.registry.birth_date(found.id)
        assert (found.name, str(born)) == (NAME, BORN)
        lines = await bank.bank.ports.registry.lines_of(found.id)
        assert LINE in lines
        assert len(lines) == OLD_LINES + 1  # more than a page
        callback = await bank.bank.ports.callbacks.get("12345678")
        assert callback is not None
        assert callback.number == CALLBACK
        assert found_in(tmp_path) == []


async def test_sealing_that_was_broken_off_goes_on_at_the_next_start(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "bank.db")
    _older_version(url)
    personal = PersonalData(key_of_pepper(PEPPER))
    async with open_database(url) as database:  # as a node that died after the first step
        await database.write(lambda tx: personal.prepare(tx, 0))
        await database.write(lambda tx: resealing._lines(tx, personal))
    async with world(database_url=url) as bank:
        found = await bank.bank.ports.registry.customer_by_line(LINE)
        assert found is not None
        assert found.name == NAME
        assert found_in(tmp_path) == []


async def test_a_rotation_beside_writers_leaves_nothing_under_the_older_key_and_destroys_it(
    open_world: OpenWorld,
) -> None:
    async with open_world() as one, open_world() as other:
        found = await plant(one)

        async def write_on() -> None:
            for n in range(30):
                node = (one, other)[n % 2]
                await node.bank.records.change(found, "anna", name=f"Planted {n}")
                await node.bank.records.add(NewCustomer(f"5500{n:04}", f"New {n}"), "anna")

        writing = asyncio.create_task(write_on())
        now, told = one.clock.now(), []
        rows = await resealing.rotate(
            one.bank.database, one.bank.personal, now, lambda table, count: told.append((table, count))
        )
        await writing
        assert rows > 0
        assert told
        stands = await resealing.standing(other.bank.database, other.bank.personal)
        assert (stands.left, stands.rotating) == (0, False)
        assert [key.retired for key in stands.keys] == [True, False]
        renamed = await other.bank.ports.registry.customer_by_line(LINE)
        assert renamed is not None
        assert renamed.name == "Planted 29"
        assert (await other.bank.records.documents(found))[0].number == DOCUMENT


async def test_a_rotation_that_was_broken_off_goes_on_under_the_same_key(bank: World) -> None:
    await plant(bank)
    database, personal = bank.bank.database, bank.bank.personal

    def dies(table: str, rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await resealing.rotate(database, personal, bank.clock.now(), dies)
    assert (await resealing.standing(database, personal)).rotating
    await resealing.rotate(database, personal, bank.clock.now(), lambda _table, _rows: None)
    stands = await resealing.standing(database, personal)
    assert (len(stands.keys), stands.left, stands.rotating) == (2, 0, False)


async def test_a_sealed_name_that_is_moved_to_another_row_is_not_opened(bank: World) -> None:
    found = await plant(bank)
    numbers = schema.customers.c
    stolen = Statement(select(numbers.name).where(numbers.number == "10000001"))
    put = Statement(update(schema.customers).where(numbers.id == bindparam("of")).values(name=bindparam("to")))

    def move(tx: Tx) -> None:
        row = tx.one(stolen)
        assert row is not None
        tx.run(put, of=found.id, to=row[0])

    await bank.bank.database.write(move)
    with pytest.raises(SealError):
        await bank.bank.ports.registry.customer_by_number("66660001")


async def test_another_wrapping_key_opens_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    async with world(folder=tmp_path):
        pass
    async with open_database(sqlite_url(tmp_path / "bank.db")) as database:
        stranger = PersonalData(b"k" * 32)
        with pytest.raises(SealError, match="keys/personal"):
            await database.write(lambda tx: stranger.prepare(tx, 0))


def test_neither_keys_nor_documents_are_printed() -> None:
    assert repr(PersonalData(b"k" * 32)) == "PersonalData(***)"
    assert NAME not in repr(NewCustomer("66660001", NAME))


def _older_version(url: str) -> None:
    """Make a database as of before personal data was sealed, with some in clear, some of it in freed pages."""
    engine = create_engine(url, poolclass=NullPool)
    filler, columns = "x" * 3000, "reference, e164, queue, channel, asked_us, due, notes, state"
    values = f"'12345678', '{CALLBACK}', 'q', 'voice', 1, '2026-01-01', '[]', 'open'"
    rows = (
        f"INSERT INTO customers (id, number, name, birth_date) VALUES (901, '66660001', '{NAME}', '{BORN}')",
        f"INSERT INTO lines (e164, customer_id, registered_us) VALUES ('{LINE}', 901, 1)",
        f"INSERT INTO callbacks ({columns}) VALUES ({values})",
        *(
            f"INSERT INTO lines (e164, customer_id, registered_us) VALUES ('+86137{n:08}', 901, 1)"
            for n in range(OLD_LINES)
        ),
        f"INSERT INTO customers (id, number, name) VALUES (902, '66660002', '{OTHER_NAME}{filler}')",
        "DELETE FROM customers WHERE id = 902",
    )
    with engine.connect() as connection:
        with connection.begin():
            upgrade(connection, "0006")
        with connection.begin():
            for row in rows:
                connection.execute(text(row))
    engine.dispose()
    assert make_url(url).database
