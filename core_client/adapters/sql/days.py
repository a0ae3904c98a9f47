"""One day of accounts, read from the ledger: opening balance, entries, closing balance.

Nothing is closed or stored: a day that is over has all its entries, and its balances follow from them. Balances are
counted backwards from what is booked now, so a day costs what was booked since it began, not what was ever booked.
"""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import bindparam, func, select

from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.money import Money
from core_client.errors import InvariantBroken

PAGE = 500  # accounts of one read: no snapshot is held longer
_a, _e, _j = schema.accounts.c, schema.entries.c, schema.journals.c
_accounts = Statement(
    select(_a.id, _a.number, _a.product, _a.currency, _a.customer_id)
    .where(_a.id > bindparam("after"), _a.customer_id.is_not(None))
    .order_by(_a.id)
    .limit(PAGE)
)
_moved = Statement(
    select(_e.account_id)
    .where(_e.booked_us >= bindparam("begin"), _e.booked_us < bindparam("end"))
    .group_by(_e.account_id)
)
_booked = Statement(select(_a.booked_minor).where(_a.id == bindparam("account")))
_since = Statement(
    select(func.coalesce(func.sum(_e.amount_minor), 0)).where(
        _e.account_id == bindparam("account"), _e.booked_us >= bindparam("end")
    )
)
_entries = Statement(
    select(_e.id, _e.booked_us, _e.amount_minor, _e.currency, _e.text, _j.reference, _j.kind, _j.intent_id)
    .select_from(schema.entries.join(schema.journals, _j.id == _e.journal_id))
    .where(_e.account_id == bindparam("account"), _e.booked_us >= bindparam("begin"), _e.booked_us < bindparam("end"))
    .order_by(_e.booked_us, _e.id)
)


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry of a statement. ``kind`` is the journal's: transfer, reversal, opening."""

    id: int
    at: datetime.datetime
    amount: Money
    text: str
    reference: str
    kind: str
    intent_id: str | None


@dataclass(frozen=True, slots=True)
class DayStatement:
    """One account's day: ``opening`` and the entries make ``closing``."""

    account_number: str
    product: str
    opening: Money
    closing: Money
    entries: Sequence[Booked]


async def day_statements(
    database: Database, begin: datetime.datetime, end: datetime.datetime, *, all_accounts: bool = False
) -> AsyncIterator[DayStatement]:
    """Answer the customers' accounts' statements of the time from ``begin`` up to ``end``, in the order of accounts.

    Args:
        database: of the bank.
        begin: the day's first moment.
        end: the next day's first moment, which is past.
        all_accounts: also those on which nothing was booked.

    Raises:
        InvariantBroken: an account's balances and entries do not fit.
    """
    rows = await database.read(lambda tx: tx.all(_moved, begin=to_us(begin), end=to_us(end)))
    moved = {row[0] for row in rows}
    after = 0
    while page := await database.read(partial(Tx.all, statement=_accounts, after=after)):
        after = page[-1][0]
        wanted = [row for row in page if all_accounts or row[0] in moved]
        for statement in await database.read(partial(_page_of, wanted=wanted, begin=begin, end=end)):
            yield statement


def _page_of(tx: Tx, wanted: Sequence[Row], begin: datetime.datetime, end: datetime.datetime) -> list[DayStatement]:
    return [_statement(tx, row, begin, end) for row in wanted]


def _statement(tx: Tx, account: Row, begin: datetime.datetime, end: datetime.datetime) -> DayStatement:
    identity, number, product, currency, _ = account
    booked = int((tx.one(_booked, account=identity) or (0,))[0])
    after = int((tx.one(_since, account=identity, end=to_us(end)) or (0,))[0])
    rows = tx.all(_entries, account=identity, begin=to_us(begin), end=to_us(end))
    entries = [Booked(row[0], from_us(row[1]), Money(row[2], row[3]), *row[4:]) for row in rows]
    closing = booked - after
    opening = closing - sum(entry.amount.amount_minor for entry in entries)
    if any(entry.amount.currency != currency for entry in entries):
        raise InvariantBroken(f"account {identity} has an entry of another currency")
    return DayStatement(number, product, Money(opening, currency), Money(closing, currency), entries)
