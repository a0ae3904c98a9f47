"""The embedded bank: a double-entry ledger in SQL that answers as a core banking system would.

Each method is one transaction. Assertions stay on in production: journals sum to zero per currency, and what is
available never falls below its floor; the table's own checks say the same a second time.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, bindparam, insert, select, tuple_, update

from core_client.adapters.sql import booking, schema
from core_client.adapters.sql.booking import Held
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.gathering import Gathered
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx, many
from core_client.domain.accounts import Account, Entry
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined, IntentConflict
from core_client.ports.clock import Clock
from core_client.ports.core_bank import HoldState, Posting
from core_client.ports.randomness import Randomness

_a, _e, _h = schema.accounts.c, schema.entries.c, schema.holds.c
_account = (
    _a.id, _a.number, _a.product, _a.currency, _a.booked_minor, _a.held_minor, _a.floor_minor, _a.is_default, _a.frozen
)  # fmt: skip
_accounts = Statement(
    select(*_account).where(_a.customer_id == bindparam("customer")).order_by(_a.is_default.desc(), _a.id)
)
_accounts_of = many((_a.customer_id, *_account), _a.customer_id, schema.accounts)
_LAST_ID = 2**63 - 1
_recent = Statement(
    select(_e.booked_us, _e.amount_minor, _e.currency, _e.text)
    # As a range of the index's own order: PostgreSQL, told one account, may walk all entries of the bank from the end
    # for one that was busy once (measured: 16 times as long among 50,000 entries, and growing with them).
    .where(
        tuple_(_e.account_id, _e.id) >= tuple_(bindparam("account", type_=BigInteger), 0),
        tuple_(_e.account_id, _e.id) <= tuple_(bindparam("account", type_=BigInteger), _LAST_ID),
    )
    .order_by(_e.account_id.desc(), _e.id.desc())
    .limit(bindparam("limit_"))
)
_hold = Statement(
    select(
        _h.intent_id,
        _h.state,
        _h.order_digest,
        _h.debtor_id,
        _h.creditor_number,
        _h.amount_minor,
        _h.currency,
        _h.text,
        _h.fee_minor,
    )
    .where(_h.intent_id == bindparam("intent"))
    .with_for_update()
)
_new_hold = Statement(insert(schema.holds))
_hold_state = Statement(
    update(schema.holds).where(_h.intent_id == bindparam("intent")).values(state=bindparam("state_"))
)


def _accounts_of_all(tx: Tx, customers: Sequence[int]) -> dict[int, list[Account]]:
    """Answer the accounts of many customers, each one's default account first."""
    found: dict[int, list[Account]] = {}
    for row in sorted(tx.many(_accounts_of, customers), key=lambda row: (not row[8], row[1])):
        found.setdefault(row[0], []).append(_as_account(row[1:]))
    return found


def _as_account(row: Sequence[Any]) -> Account:
    identity, number, product, currency, booked, held, floor, default, frozen = row
    available = booked - held - (floor or 0)
    return Account(
        str(identity), number, product, Money(booked, currency), Money(available, currency), bool(default), bool(frozen)
    )


def _digest(order: TransferOrder) -> str:
    parts = [order.debtor_account, order.creditor_number, str(order.amount)]
    if order.fee_minor:
        parts.append(str(order.fee))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


class SqlBank:
    """:class:`~core_client.ports.core_bank.CoreBank` on our own ledger."""

    def __init__(self, database: Database, clock: Clock, randomness: Randomness) -> None:
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._accounts = Gathered(database, _accounts_of_all)

    async def accounts(self, customer_id: int) -> Sequence[Account]:
        """Answer the customer's accounts, the default one first."""
        return await self._accounts.ask(customer_id) or []

    async def account(self, customer_id: int, account: str | None) -> Account:
        """Answer one account by id or last four digits; without, the default one."""
        return await self._database.read(lambda tx: _find(tx, customer_id, account))

    async def recent(self, customer_id: int, account: str | None, limit: int) -> tuple[Account, Sequence[Entry]]:
        """Answer an account and its ``limit`` latest entries, newest first."""

        def work(tx: Tx) -> tuple[Account, Sequence[Entry]]:
            found = _find(tx, customer_id, account)
            rows = tx.all(_recent, account=int(found.id), limit_=limit)
            return found, [Entry(from_us(row[0]), Money(row[1], row[2]), row[3]) for row in rows]

        return await self._database.read(work)

    async def hold(self, order: TransferOrder) -> None:
        """Hold the amount, once per intent id."""
        digest, now = _digest(order), self._clock.now()

        def work(tx: Tx) -> None:
            known = tx.one(_hold, intent=order.intent_id)
            if known is not None:
                _check_known(known, digest)
                return
            debtor = booking.take_hold(tx, order)
            _insert_hold(tx, order, digest, HoldState.HELD, debtor, now)

        await self._database.write(work)

    async def post(self, intent_id: str) -> Posting:
        """Book what is held, once."""
        reference, now = self._randomness.digits(booking.REFERENCE_DIGITS), self._clock.now()

        def work(tx: Tx) -> Posting:
            held = _held(tx, intent_id)
            if held.state is HoldState.POSTED:
                return booking.posting_of(tx, held, "transfer")
            if held.state is not HoldState.HELD:
                raise Declined("intent_spent", f"intent {intent_id} is {held.state}")
            posting = booking.book(tx, held, reference, now)
            tx.run(_hold_state, intent=intent_id, state_=HoldState.POSTED.value)
            return posting

        return await self._database.write(work)

    async def void(self, intent_id: str) -> None:
        """Let the hold go; of an unknown id: see to it that it is never held."""
        now = self._clock.now()

        def work(tx: Tx) -> None:
            row = tx.one(_hold, intent=intent_id)
            if row is None:
                nothing = TransferOrder(intent_id, "", "", Money(0, "XXX"), "")
                _insert_hold(tx, nothing, "", HoldState.VOIDED, None, now)
                return
            held = _as_held(row)
            if held.state is HoldState.VOIDED:
                return
            if held.state is not HoldState.HELD:
                raise Declined("intent_spent", f"intent {intent_id} is {held.state}")
            booking.release_hold(tx, held)
            tx.run(_hold_state, intent=intent_id, state_=HoldState.VOIDED.value)

        await self._database.write(work)

    async def reverse(self, intent_id: str) -> Posting:
        """Book a posting back by a second journal, once."""
        reference, now = self._randomness.digits(booking.REFERENCE_DIGITS), self._clock.now()

        def work(tx: Tx) -> Posting:
            held = _held(tx, intent_id)
            if held.state is HoldState.REVERSED:
                return booking.posting_of(tx, held, "reversal")
            if held.state is not HoldState.POSTED:
                raise Declined("intent_spent", f"intent {intent_id} is {held.state}")
            posting = booking.book_back(tx, held, reference, now)
            tx.run(_hold_state, intent=intent_id, state_=HoldState.REVERSED.value)
            return posting

        return await self._database.write(work)

    async def query(self, intent_id: str) -> tuple[HoldState, Posting | None]:
        """Answer what became of an intent. A write, so that it comes after whatever is being written."""

        def work(tx: Tx) -> tuple[HoldState, Posting | None]:
            row = tx.one(_hold, intent=intent_id)
            if row is None:
                return HoldState.NONE, None
            held = _as_held(row)
            booked = held.state in (HoldState.POSTED, HoldState.REVERSED)
            return held.state, booking.posting_of(tx, held, "transfer") if booked else None

        return await self._database.write(work)

    async def check_books(self) -> None:
        """Add the whole ledger up.

        Raises:
            InvariantBroken: some journal, account or currency does not.
        """
        await self._database.read(booking.check_books)


def _find(tx: Tx, customer_id: int, wanted: str | None) -> Account:
    accounts = [_as_account(row) for row in tx.all(_accounts, customer=customer_id)]
    if wanted is None:
        found = accounts[:1]
    else:
        found = [account for account in accounts if account.id == wanted]
        found = found or [account for account in accounts if account.last4 == wanted]
    if len(found) != 1:
        raise Declined("account_unknown")
    return found[0]


def _as_held(row: Row) -> Held:
    return Held(row[0], HoldState(row[1]), row[3], row[4], Money(row[5], row[6]), row[7], row[8])


def _held(tx: Tx, intent_id: str) -> Held:
    row = tx.one(_hold, intent=intent_id)
    if row is None:
        raise Declined("intent_spent", f"nothing is held for intent {intent_id}")
    return _as_held(row)


def _check_known(row: Row, digest: str) -> None:
    if row[1] == HoldState.VOIDED.value:
        raise Declined("intent_spent", "this intent was voided before")
    if row[2] != digest:
        raise IntentConflict(f"intent {row[0]} was held with another order; nothing moved")


def _insert_hold(
    tx: Tx, order: TransferOrder, digest: str, state: HoldState, debtor: int | None, now: datetime.datetime
) -> None:
    tx.run(
        _new_hold,
        intent_id=order.intent_id,
        state=state.value,
        order_digest=digest,
        debtor_id=debtor,
        creditor_number=order.creditor_number,
        amount_minor=order.amount.amount_minor,
        currency=order.amount.currency,
        text=order.text,
        held_us=to_us(now),
        fee_minor=order.fee_minor,
    )
