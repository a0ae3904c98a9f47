"""Holds, journals and the books' own arithmetic, inside a transaction that somebody else opened."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, select, update

from core_client.adapters.sql import schema
from core_client.adapters.sql.schema import to_us
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.accounts import Line, assert_balanced
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined, InvariantBroken
from core_client.ports.core_bank import HoldState, Posting

REFERENCE_DIGITS = 10  # short enough to be said, long enough that two are not the same
SETTLEMENT = "SETTLEMENT-{currency}"  # the bank's own account that pays accounts elsewhere
FEES = "FEES-{currency}"  # the bank's own account that fees go to
FEE_TEXT = "Fee 手续费"  # of a fee's two entries

_a, _j, _e = schema.accounts.c, schema.journals.c, schema.entries.c
_columns = (_a.id, _a.currency, _a.frozen, _a.floor_minor, _a.booked_minor, _a.held_minor, _a.customer_id)
_by_id = Statement(select(*_columns).where(_a.id == bindparam("id_")).with_for_update())
_by_number = Statement(select(*_columns).where(_a.number == bindparam("number_")))
_hold = Statement(
    update(schema.accounts).where(_a.id == bindparam("id_")).values(held_minor=_a.held_minor + bindparam("by"))
)
_book = Statement(
    update(schema.accounts).where(_a.id == bindparam("id_")).values(booked_minor=_a.booked_minor + bindparam("by"))
)
_journal = Statement(
    insert(schema.journals)
    .values(
        reference=bindparam("reference_"),
        kind=bindparam("kind_"),
        intent_id=bindparam("intent"),
        booked_us=bindparam("at"),
    )
    .returning(_j.id)
)
_entry = Statement(
    insert(schema.entries).values(
        journal_id=bindparam("journal"), account_id=bindparam("account"), amount_minor=bindparam("amount"),
        currency=bindparam("currency_"), text=bindparam("text_"), booked_us=bindparam("at"),
    )
)  # fmt: skip
_reference = Statement(select(_j.reference).where(_j.intent_id == bindparam("intent"), _j.kind == bindparam("kind_")))
_booked = Statement(
    select(_e.account_id, _e.amount_minor, _e.currency, _e.text)
    .join(schema.journals, _j.id == _e.journal_id)
    .where(_j.intent_id == bindparam("intent"), _j.kind == "transfer")
    .order_by(_e.id)
)
_unbalanced = Statement(
    select(_e.journal_id).group_by(_e.journal_id, _e.currency).having(func.sum(_e.amount_minor) != 0).limit(1)
)
_totals = Statement(select(_a.currency, func.sum(_a.booked_minor)).group_by(_a.currency))
_drifted = Statement(
    select(_a.id)
    .outerjoin(schema.entries, _e.account_id == _a.id)
    .group_by(_a.id, _a.booked_minor)
    .having(func.coalesce(func.sum(_e.amount_minor), 0) != _a.booked_minor)
    .limit(1)
)
_held_sum = (
    select(func.coalesce(func.sum(schema.holds.c.amount_minor + schema.holds.c.fee_minor), 0))
    .where(schema.holds.c.debtor_id == _a.id, schema.holds.c.state == "held")
    .scalar_subquery()
)
_loose_hold = Statement(select(_a.id).where(_a.held_minor != _held_sum).limit(1))


@dataclass(frozen=True, slots=True)
class Held:
    """A hold as stored."""

    intent_id: str
    state: HoldState
    debtor_id: int
    creditor_number: str
    amount: Money
    text: str
    fee_minor: int = 0

    @property
    def total(self) -> Money:
        """What is held: the amount and the fee."""
        return self.amount + self.fee

    @property
    def fee(self) -> Money:
        """What the bank takes."""
        return Money(self.fee_minor, self.amount.currency)


@dataclass(frozen=True, slots=True)
class _Balance:
    id: int
    currency: str
    frozen: bool
    floor_minor: int | None
    booked_minor: int
    held_minor: int

    @property
    def available_minor(self) -> int:
        return self.booked_minor - self.held_minor - (self.floor_minor or 0)


def _as_balance(row: Row) -> _Balance:
    return _Balance(row[0], row[1], bool(row[2]), row[3], row[4], row[5])


def _locked(tx: Tx, account_id: int) -> _Balance:
    row = tx.one(_by_id, id_=account_id)
    if row is None:
        raise InvariantBroken(f"account {account_id} is gone")
    return _as_balance(row)


def _lock_in_order(tx: Tx, *account_ids: int) -> None:
    """Lock accounts in the order of their ids: of two opposite transfers neither waits for the other's lock."""
    for account_id in sorted(account_ids):
        _locked(tx, account_id)


def _assert_floor(tx: Tx, account_id: int) -> _Balance:
    """Read the account again after a change, and assert that nothing fell below its floor."""
    after = _locked(tx, account_id)
    if after.floor_minor is not None and after.available_minor < 0:
        raise InvariantBroken(f"account {account_id} would fall below its floor")
    if after.held_minor < 0:
        raise InvariantBroken(f"account {account_id} would hold less than nothing")
    return after


def take_hold(tx: Tx, order: TransferOrder) -> int:
    """Hold an order's amount and fee on its debtor; answer the debtor's id.

    Raises:
        Declined: no such account, frozen, another currency, or not enough.
    """
    if not order.debtor_account.isdigit():
        raise Declined("account_unknown")
    row = tx.one(_by_id, id_=int(order.debtor_account))
    if row is None:
        raise Declined("account_unknown")
    debtor = _as_balance(row)
    if debtor.frozen:
        raise Declined("account_frozen")
    if order.amount.amount_minor <= 0 or order.fee_minor < 0 or order.amount.currency != debtor.currency:
        raise Declined("amount_invalid")
    if debtor.available_minor < order.total.amount_minor:
        raise Declined("insufficient_funds")
    _creditor(tx, order.creditor_number, debtor.currency, debtor.id)
    if order.fee_minor:
        _fees(tx, debtor.currency)
    tx.run(_hold, id_=debtor.id, by=order.total.amount_minor)
    _assert_floor(tx, debtor.id)
    return debtor.id


def release_hold(tx: Tx, held: Held) -> None:
    """Let a hold go."""
    tx.run(_hold, id_=held.debtor_id, by=-held.total.amount_minor)
    _assert_floor(tx, held.debtor_id)


def book(tx: Tx, held: Held, reference: str, now: datetime.datetime) -> Posting:
    """Turn a hold into a journal: two lines, and two more for a fee."""
    creditor = _creditor(tx, held.creditor_number, held.amount.currency, held.debtor_id)
    lines = _lines(tx, held, creditor)
    _lock_in_order(tx, *{line.account_id for line in lines})
    if _locked(tx, held.debtor_id).frozen:  # since it was held: what waits does not leave a frozen account either
        raise Declined("account_frozen")
    release_hold(tx, held)
    write_journal(tx, lines, reference, "transfer", held.intent_id, now)
    return Posting(reference, _available(tx, held.debtor_id))


def book_back(tx: Tx, held: Held, reference: str, now: datetime.datetime) -> Posting:
    """Book a posting back, the fee with it: from the accounts that got it, whatever their numbers lead to by now.

    Raises:
        Declined: who got it has spent it; the floor of an account stands here too.
    """
    lines = tuple(
        Line(int(row[0]), Money(int(row[1]), row[2]), row[3]) for row in tx.all(_booked, intent=held.intent_id)
    )
    if not lines:
        raise InvariantBroken(f"intent {held.intent_id} is posted without entries")
    _lock_in_order(tx, *{line.account_id for line in lines})
    for line in lines:
        left = _locked(tx, line.account_id)
        if left.floor_minor is not None and left.available_minor < line.amount.amount_minor:
            raise Declined("insufficient_funds", "the creditor has spent it")
    back = tuple(Line(line.account_id, -line.amount, line.text) for line in reversed(lines))
    write_journal(tx, back, reference, "reversal", held.intent_id, now)
    return Posting(reference, _available(tx, held.debtor_id))


def _lines(tx: Tx, held: Held, creditor: int) -> tuple[Line, ...]:
    """Answer the lines that carry a hold out."""
    lines = (Line(held.debtor_id, -held.amount, held.text), Line(creditor, held.amount, held.text))
    if not held.fee_minor:
        return lines
    fees = _fees(tx, held.amount.currency)
    return (*lines, Line(held.debtor_id, -held.fee, FEE_TEXT), Line(fees, held.fee, FEE_TEXT))


def write_journal(
    tx: Tx, lines: tuple[Line, ...], reference: str, kind: str, intent_id: str | None, now: datetime.datetime
) -> None:
    """Book a journal; :func:`_lock_in_order` comes before it."""
    assert_balanced(lines)
    at = to_us(now)
    row = tx.one(_journal, reference_=reference, kind_=kind, intent=intent_id, at=at)
    if row is None:
        raise InvariantBroken("a journal without an id")
    for line in sorted(lines, key=lambda line: line.account_id):
        tx.run(_book, id_=line.account_id, by=line.amount.amount_minor)
        tx.run(
            _entry,
            journal=row[0],
            account=line.account_id,
            amount=line.amount.amount_minor,
            currency_=line.amount.currency,
            text_=line.text,
            at=at,
        )
        if _assert_floor(tx, line.account_id).currency != line.amount.currency:
            raise InvariantBroken(f"{line.amount.currency} booked on account {line.account_id} of another currency")


def posting_of(tx: Tx, held: Held, kind: str) -> Posting:
    """Answer the posting that was booked for a hold."""
    row = tx.one(_reference, intent=held.intent_id, kind_=kind)
    if row is None:
        raise InvariantBroken(f"intent {held.intent_id} is posted without a journal")
    return Posting(row[0], _available(tx, held.debtor_id))


def _available(tx: Tx, account_id: int) -> Money:
    balance = _locked(tx, account_id)
    return Money(balance.available_minor, balance.currency)


def _creditor(tx: Tx, number: str, currency: str, debtor_id: int) -> int:
    """Answer the account that gets the money: one of ours, else the bank's own that settles with other banks."""
    row = tx.one(_by_number, number_=number)
    if row is None:
        row = tx.one(_by_number, number_=SETTLEMENT.format(currency=currency))
    if row is None or row[1] != currency or row[0] == debtor_id:
        raise Declined("not_permitted")
    return int(row[0])


def _fees(tx: Tx, currency: str) -> int:
    """Answer the bank's own account that fees of a currency go to."""
    row = tx.one(_by_number, number_=FEES.format(currency=currency))
    if row is None:
        raise Declined("not_permitted", f"no account takes fees in {currency}")
    return int(row[0])


def check_books(tx: Tx) -> None:
    """Add everything up.

    Raises:
        InvariantBroken: the first thing that does not add up.
    """
    if (row := tx.one(_unbalanced)) is not None:
        raise InvariantBroken(f"journal {row[0]} does not sum to zero")
    for currency, total in tx.all(_totals):
        if total:
            raise InvariantBroken(f"all accounts in {currency} together are {total}, not zero")
    if (row := tx.one(_drifted)) is not None:
        raise InvariantBroken(f"account {row[0]} is not the sum of its entries")
    if (row := tx.one(_loose_hold)) is not None:
        raise InvariantBroken(f"account {row[0]} does not hold the sum of its holds")
