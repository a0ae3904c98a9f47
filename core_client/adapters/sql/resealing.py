"""Sealing what older versions wrote in clear, and sealing all of it anew under another key: one walk does both.

The walk goes table by table in the order of its key, a page a transaction, and takes up only what is not sealed under
the active key: begun again after a crash it goes on where it was, with nothing to remember. Readers and writers go on
beside it; every value says which key opens it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Column, String, Table, and_, bindparam, func, null, or_, select, update

from core_client.adapters.sql import billers, schema
from core_client.adapters.sql.callbacks import number_place
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.payees import request_places
from core_client.adapters.sql.personal import PREFIX, PersonalData, key_of
from core_client.adapters.sql.registry import birth_place, line_place, name_place, payee_places
from core_client.adapters.sql.schema import to_us
from core_client.adapters.sql.schema_payees import bill_payments, payee_requests
from core_client.adapters.sql.schema_registry import data_keys, documents, registry_head
from core_client.adapters.sql.statements import Row, Statement, Tx

PAGE = 200  # rows of one transaction: a few milliseconds that others wait for
_c, _l, _b, _p = schema.customers.c, schema.lines.c, schema.callbacks.c, schema.payees.c
_q = payee_requests.c


def document_place(kind: str, number_index: str) -> str:
    """Answer the place that a document is sealed to."""
    return f"documents.sealed:{kind}:{number_index}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The sealed columns of one table. ``places`` answers what each is sealed to, from the row's ``known`` columns."""

    table: Table
    key: Column[Any]
    known: tuple[Column[Any], ...]
    sealed: tuple[Column[Any], ...]
    places: Callable[[Row], tuple[str, ...]]


SHEETS = (
    Sheet(
        schema.customers,
        _c.id,
        (_c.number,),
        (_c.name, _c.birth_sealed),
        lambda k: (name_place(k[0]), birth_place(k[0])),
    ),
    Sheet(schema.lines, _l.number_index, (_l.number_index,), (_l.sealed,), lambda k: (line_place(k[0]),)),
    Sheet(schema.callbacks, _b.id, (_b.reference,), (_b.sealed,), lambda k: (number_place(k[0]),)),
    Sheet(
        schema.payees,
        _p.id,
        (_p.customer_id, _p.short_number),
        (_p.alias, _p.name),
        lambda k: payee_places(k[0], k[1]),
    ),
    Sheet(
        payee_requests,
        _q.id,
        (_q.id,),
        (_q.alias, _q.name),
        lambda k: request_places(k[0]),
    ),
    Sheet(
        bill_payments,
        bill_payments.c.intent_id,
        (bill_payments.c.intent_id,),
        (bill_payments.c.sealed_number,),
        lambda k: (billers.number_place(k[0]),),
    ),
    Sheet(
        documents,
        documents.c.id,
        (documents.c.kind, documents.c.number_index),
        (documents.c.sealed,),
        lambda k: (document_place(k[0], k[1]),),
    ),
)
_walks: dict[str, tuple[Statement, Statement, Statement]] = {}


def _statements(sheet: Sheet) -> tuple[Statement, Statement, Statement]:
    """Answer how a sheet's page is read, how a row of it is written, and how the rest is counted."""
    if sheet.table.name not in _walks:
        like: BindParameter[str] = bindparam("under")
        stale = or_(*(and_(column.is_not(None), column.not_like(like)) for column in sheet.sealed))
        page = select(sheet.key, *sheet.known, *sheet.sealed).where(sheet.key > bindparam("after"), stale)
        values: dict[str, BindParameter[Any]] = {column.name: bindparam(f"{column.name}_") for column in sheet.sealed}
        _walks[sheet.table.name] = (
            Statement(page.order_by(sheet.key).limit(bindparam("most")).with_for_update()),
            Statement(update(sheet.table).where(sheet.key == bindparam("of")).values(values)),
            Statement(select(func.count()).select_from(sheet.table).where(stale)),
        )
    return _walks[sheet.table.name]


def reseal_page(tx: Tx, personal: PersonalData, sheet: Sheet, after: object) -> tuple[object, int]:
    """Seal one page of a table under the active key; answer its last key and how many rows it had."""
    page, write, _ = _statements(sheet)
    rows = tx.all(page, after=after, under=under(personal.active_key(tx)), most=PAGE)
    for row in rows:
        known, sealed = row[1 : 1 + len(sheet.known)], row[1 + len(sheet.known) :]
        fresh = {
            f"{column.name}_": None if value is None else _resealed(tx, personal, value, place)
            for column, value, place in zip(sheet.sealed, sealed, sheet.places(known), strict=True)
        }
        tx.run(write, of=row[0], **fresh)
    return (rows[-1][0] if rows else after), len(rows)


def _resealed(tx: Tx, personal: PersonalData, value: str, place: str) -> str:
    plain = value if key_of(value) is None else personal.open(tx, value, place)
    return personal.seal(tx, plain, place)


def left_under_others(tx: Tx, active: int) -> int:
    """Answer how many rows are not sealed under the active key."""
    rows = (tx.one(_statements(sheet)[2], under=under(active)) for sheet in SHEETS)
    return sum(int(row[0]) for row in rows if row is not None)


def under(key_id: int) -> str:
    """Answer what values under that key are like."""
    return f"{PREFIX}{key_id}.%"


async def reseal(database: Database, personal: PersonalData, progress: Callable[[str, int], None]) -> int:
    """Seal every value that is not under the active key; answer how many rows were.

    Args:
        database: the bank's.
        personal: its keys.
        progress: told of each page: the table, and how many rows of it are done.
    """
    total = 0
    for sheet in SHEETS:
        after: object = "" if isinstance(sheet.key.type, String) else -1
        done, count = 0, PAGE
        while count == PAGE:

            def work(tx: Tx, sheet: Sheet = sheet, after: object = after) -> tuple[object, int]:
                return reseal_page(tx, personal, sheet, after)

            after, count = await database.write(work)
            done += count
            if count:
                progress(sheet.table.name, done)
        total += done
    return total


# --- what older versions wrote in clear ---------------------------------------------------------------------------

_sealed_since = Statement(select(registry_head.c.sealed_us).where(registry_head.c.id == 1))
_all_sealed = Statement(update(registry_head).where(registry_head.c.id == 1).values(sealed_us=bindparam("at")))
_clear_lines = Statement(select(_l.number_index).where(_l.sealed.is_(None)).limit(PAGE))
_seal_line = Statement(
    update(schema.lines)
    .where(_l.number_index == bindparam("clear"))
    .values(number_index=bindparam("index"), sealed=bindparam("sealed_"))
)
_clear_callbacks = Statement(select(_b.id, _b.reference, _b.number_index).where(_b.sealed.is_(None)).limit(PAGE))
_seal_callback = Statement(
    update(schema.callbacks)
    .where(_b.id == bindparam("of"))
    .values(number_index=bindparam("index"), sealed=bindparam("sealed_"))
)
_clear_births = Statement(select(_c.id, _c.number, _c.birth_date).where(_c.birth_date.is_not(None)).limit(PAGE))
_seal_birth = Statement(
    update(schema.customers)
    .where(_c.id == bindparam("of"))
    .values(birth_date=null(), birth_sealed=bindparam("sealed_"))
)


async def seal_everything(database: Database, personal: PersonalData, now: datetime.datetime) -> int:
    """Make the keys where there are none, and seal what older versions wrote in clear; answer how many rows that were.

    Run it before anybody is served. Afterwards it costs one look. What stood in clear is also wiped from the pages
    that the database has freed, and from its log.

    Raises:
        SealError: the wrapping key does not belong to this database.
        Unavailable: another process uses the database; nothing is lost, start again.
    """
    await database.write(lambda tx: personal.prepare(tx, to_us(now)))
    row = await database.read(lambda tx: tx.one(_sealed_since))
    if row is not None and row[0] is not None:
        return 0
    total = 0
    for step in (_lines, _callbacks, _births):
        count = PAGE
        while count == PAGE:

            def work(tx: Tx, step: Callable[[Tx, PersonalData], int] = step) -> int:
                return step(tx, personal)

            count = await database.write(work)
            total += count
    total += await reseal(database, personal, lambda _table, _rows: None)
    if total:
        await database.scrub([sheet.table.name for sheet in SHEETS])
    await database.write(lambda tx: tx.run(_all_sealed, at=to_us(now)))
    return total


def _lines(tx: Tx, personal: PersonalData) -> int:
    rows = tx.all(_clear_lines)
    for (e164,) in rows:
        index = personal.index("line", e164)
        tx.run(_seal_line, clear=e164, index=index, sealed_=personal.seal(tx, e164, line_place(index)))
    return len(rows)


def _callbacks(tx: Tx, personal: PersonalData) -> int:
    rows = tx.all(_clear_callbacks)
    for of, reference, e164 in rows:
        sealed = personal.seal(tx, e164, number_place(reference))
        tx.run(_seal_callback, of=of, index=personal.index("line", e164), sealed_=sealed)
    return len(rows)


def _births(tx: Tx, personal: PersonalData) -> int:
    rows = tx.all(_clear_births)
    for of, number, born in rows:
        tx.run(_seal_birth, of=of, sealed_=personal.seal(tx, born, birth_place(number)))
    return len(rows)


# --- keys ---------------------------------------------------------------------------------------------------------

_d = data_keys.c
_keys = Statement(
    select(_d.id, _d.made_us, _d.superseded_us, _d.wrapped.is_(None)).where(_d.purpose == "data").order_by(_d.id)
)
_supersede = Statement(update(data_keys).where(_d.id == bindparam("of")).values(superseded_us=bindparam("at")))
_retire = Statement(
    update(data_keys)
    .where(_d.purpose == "data", _d.superseded_us.is_not(None), _d.wrapped.is_not(None))
    .values(wrapped=null())
)


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """How one data key stands."""

    id: int
    made: datetime.datetime
    superseded: datetime.datetime | None
    retired: bool


@dataclass(frozen=True, slots=True)
class KeysStanding:
    """How the keys stand: those that ever were, and how many rows wait to be sealed under the newest."""

    keys: Sequence[KeyStanding]
    left: int

    @property
    def rotating(self) -> bool:
        """Whether a rotation was begun and not finished."""
        return any(key.superseded is not None and not key.retired for key in self.keys)


async def standing(database: Database, personal: PersonalData) -> KeysStanding:
    """Answer how the keys stand."""

    def work(tx: Tx) -> KeysStanding:
        keys = [
            KeyStanding(
                row[0], schema.from_us(row[1]), None if row[2] is None else schema.from_us(row[2]), bool(row[3])
            )
            for row in tx.all(_keys)
        ]
        return KeysStanding(keys, left_under_others(tx, max(key.id for key in keys)))

    return await database.read(work)


async def rotate(
    database: Database, personal: PersonalData, now: datetime.datetime, progress: Callable[[str, int], None]
) -> int:
    """Seal everything under a new data key while the bank runs; answer how many rows. One that was broken off goes on.

    The older key is destroyed at the end, once nothing is under it: only then can nobody open an older copy of a row
    with what is in the database.
    """
    if not (await standing(database, personal)).rotating:

        def change(tx: Tx) -> None:
            active = personal.active_key(tx)
            tx.run(_supersede, of=active, at=to_us(now))  # waits for whoever is sealing under it just now
            personal.add_key(tx, active + 1, to_us(now))

        await database.write(change)
    total = await reseal(database, personal, progress)

    def retire(tx: Tx) -> None:
        if left_under_others(tx, personal.active_key(tx)) == 0:
            tx.run(_retire)

    await database.write(retire)
    return total
