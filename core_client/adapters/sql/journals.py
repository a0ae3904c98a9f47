"""Accounts and journals as another system asks for them: by any identifier, with both parties of an entry."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.money import Money

_a, _e, _j = schema.accounts.c, schema.entries.c, schema.journals.c
_BEGIN, _END = 0, 2**62
_owner = (_a.id, _a.number, _a.customer_id)
_by_id = Statement(select(*_owner).where(_a.id == bindparam("id_")))
_by_number = Statement(select(*_owner).where(_a.number == bindparam("number_")))
_entries = Statement(
    select(_e.id, _e.journal_id, _e.amount_minor, _e.currency, _e.text, _e.booked_us, _j.reference, _j.kind)
    .join(schema.journals, _e.journal_id == _j.id)
    .where(
        _e.account_id == bindparam("account"),
        _e.booked_us >= bindparam("since"),
        _e.booked_us <= bindparam("until"),
    )
    .order_by(_e.id.desc())
    .limit(bindparam("limit_"))
    .offset(bindparam("offset_"))
)
_lines = Statement(
    select(_e.account_id, _a.number, _e.amount_minor, _e.currency, _e.text)
    .join(schema.accounts, _e.account_id == _a.id)
    .where(_e.journal_id == bindparam("journal"))
    .order_by(_e.id)
)
_journal_columns = (_j.id, _j.reference, _j.kind, _j.intent_id, _j.booked_us)
_journal = Statement(select(*_journal_columns).where(_j.reference == bindparam("reference_")))
_journal_of = Statement(
    select(*_journal_columns).where(_j.intent_id == bindparam("intent"), _j.kind == bindparam("kind_"))
)
_count_of = Statement(select(func.count()).where(_j.intent_id == bindparam("intent"), _j.kind == "reversal"))


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose account this is; a bank's own has no customer."""

    id: str
    number: str
    customer_id: int | None


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a journal."""

    account_id: str
    number: str


@dataclass(frozen=True, slots=True)
class Journal:
    """A booked transaction with its two parties. ``reversed`` says that another one booked it back."""

    reference: str
    kind: str
    key: str | None
    at: datetime.datetime
    amount: Money
    text: str
    debit: Party
    credit: Party
    reversed: bool


class SqlJournals:
    """Reads the books."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_id(self, account_id: int) -> Owned | None:
        """Answer the account with this id."""
        return _owned(await self._database.read(lambda tx: tx.one(_by_id, id_=account_id)))

    async def by_number(self, number: str) -> Owned | None:
        """Answer the account with this number."""
        return _owned(await self._database.read(lambda tx: tx.one(_by_number, number_=number)))

    async def entries(
        self,
        account_id: str,
        *,
        limit: int,
        offset: int = 0,
        since: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
    ) -> Sequence[Journal]:
        """Answer the journals with an entry of this account, newest first.

        Raises:
            Unavailable: the database did not answer.
        """
        begin, end = to_us(since) if since else _BEGIN, to_us(until) if until else _END

        def work(tx: Tx) -> list[Journal]:
            rows = tx.all(_entries, account=int(account_id), since=begin, until=end, limit_=limit, offset_=offset)
            return [_of_entry(tx, account_id, row) for row in rows]

        return await self._database.read(work)

    async def journal(self, reference: str) -> Journal | None:
        """Answer the journal with this reference."""

        def work(tx: Tx) -> Journal | None:
            row = tx.one(_journal, reference_=reference)
            return None if row is None else _whole(tx, row)

        return await self._database.read(work)

    async def journal_of(self, key: str, kind: str) -> Journal | None:
        """Answer the journal that was booked under an intent's id."""

        def work(tx: Tx) -> Journal | None:
            row = tx.one(_journal_of, intent=key, kind_=kind)
            return None if row is None else _whole(tx, row)

        return await self._database.read(work)


def _owned(row: Row | None) -> Owned | None:
    return None if row is None else Owned(str(row[0]), row[1], row[2])


def _of_entry(tx: Tx, account_id: str, row: Row) -> Journal:
    _, journal, amount, currency, text, booked, reference, kind = row
    lines = tx.all(_lines, journal=journal)
    mine = next(Party(str(line[0]), line[1]) for line in lines if str(line[0]) == account_id)
    other = next((Party(str(line[0]), line[1]) for line in lines if (line[2] < 0) != (amount < 0)), mine)
    debit, credit = (mine, other) if amount < 0 else (other, mine)
    return Journal(
        reference, kind, None, from_us(booked), Money(abs(amount), currency), text, debit, credit, reversed=False
    )


def _whole(tx: Tx, row: Row) -> Journal:
    journal, reference, kind, key, booked = row
    lines = tx.all(_lines, journal=journal)
    out = min(lines, key=lambda line: int(line[2]))
    into = max(lines, key=lambda line: int(line[2]))
    again = tx.one(_count_of, intent=key) if key is not None and kind != "reversal" else None
    return Journal(
        reference,
        kind,
        key,
        from_us(booked),
        Money(into[2], into[3]),
        out[4],
        Party(str(out[0]), out[1]),
        Party(str(into[0]), into[1]),
        reversed=again is not None and again[0] > 0,
    )
