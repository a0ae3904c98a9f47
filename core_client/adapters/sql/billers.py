"""Billers, what is due and what was paid, in SQL. What is owed is asked of the intents: nothing else counts it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.personal import PersonalData
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.schema_payees import bill_payments, billers, bills
from core_client.adapters.sql.statements import Row, Statement, Tx, insert_ignoring
from core_client.domain.audit import AuditRecord
from core_client.domain.billers import Bill, Biller, BillerKind, Paid, Payment
from core_client.domain.money import Money
from core_client.domain.transfers import SPENDING, Intent, TransferState
from core_client.errors import Declined

_b, _l, _p, _i = billers.c, bills.c, bill_payments.c, schema.intents.c
_COLUMNS = [column.name for column in billers.columns]
_all = Statement(select(*[_b[name] for name in _COLUMNS]).order_by(_b.code))
_new: dict[str, Any] = {name: bindparam(f"{name}_") for name in _COLUMNS}
_changed: dict[str, Any] = {name: bindparam(f"{name}_") for name in _COLUMNS if name != "code"}
_put = Statement(
    sqlite.insert(billers).values(_new).on_conflict_do_update(index_elements=["code"], set_=_changed),
    postgresql.insert(billers).values(_new).on_conflict_do_update(index_elements=["code"], set_=_changed),
)
_due: dict[str, Any] = {
    name: bindparam(f"{name}_") for name in ("biller", "reference", "amount_minor", "due", "issued_us")
}
_due_again = {name: _due[name] for name in ("amount_minor", "due", "issued_us")}
_put_bill = Statement(
    sqlite.insert(bills).values(_due).on_conflict_do_update(index_elements=["biller", "reference"], set_=_due_again),
    postgresql.insert(bills)
    .values(_due)
    .on_conflict_do_update(index_elements=["biller", "reference"], set_=_due_again),
)
_bill = Statement(
    select(_l.amount_minor, _l.due, _l.issued_us).where(
        _l.biller == bindparam("biller_"), _l.reference == bindparam("reference_")
    )
)
_spent = Statement(
    select(func.coalesce(func.sum(_i.amount_minor), 0))
    .select_from(bill_payments.join(schema.intents, _i.id == _p.intent_id))
    .where(
        _p.biller == bindparam("biller_"),
        _p.reference == bindparam("reference_"),
        _i.authorised_us >= bindparam("since"),
        or_(*(_i.state == state.value for state in sorted(SPENDING))),
    )
)
_pays = Statement(select(_p.biller, _p.reference).where(_p.intent_id == bindparam("intent")))
_locked_bill = Statement(
    select(_l.amount_minor, _l.issued_us)
    .where(_l.biller == bindparam("biller_"), _l.reference == bindparam("reference_"))
    .with_for_update()
)
_note = insert_ignoring(bill_payments, "intent_id")
_paid = Statement(
    select(_p.intent_id, _p.reference, _p.sealed_number, _i.amount_minor, _i.currency, _i.reference, _i.authorised_us)
    .select_from(bill_payments.join(schema.intents, _i.id == _p.intent_id))
    .where(
        _p.biller == bindparam("biller_"),
        _i.state == TransferState.POSTED.value,
        _i.authorised_us >= bindparam("since"),
        _i.authorised_us < bindparam("until"),
    )
    .order_by(_i.authorised_us, _p.intent_id)
)


def check_still_owed(tx: Tx, intent: Intent) -> None:
    """Check, where an authorisation is taken, that nobody has paid the bill since the intent was prepared.

    Raises:
        Declined: ``bill_paid``: nothing is due any more; ``bill_amount``: less than this payment, and how much.
    """
    pays = tx.one(_pays, intent=intent.id)
    bill = None if pays is None else tx.one(_locked_bill, biller_=pays[0], reference_=pays[1])
    if pays is None or bill is None:
        return
    spent = tx.one(_spent, biller_=pays[0], reference_=pays[1], since=bill[1])
    left = bill[0] - (0 if spent is None else int(spent[0]))
    if left <= 0:
        raise Declined("bill_paid")
    if intent.amount.amount_minor > left:
        raise Declined("bill_amount", left=Money(left, intent.amount.currency))


class SqlBillers:
    """:class:`~core_client.ports.billers.Billers` in SQL. The numbers of top-ups rest sealed."""

    def __init__(self, database: Database, personal: PersonalData) -> None:
        self._database = database
        self._personal = personal

    async def all(self) -> Sequence[Biller]:
        """Answer every biller, open or not, by code."""
        return [_as_biller(row) for row in await self._database.read(lambda tx: tx.all(_all))]

    async def put(self, biller: Biller, audit: AuditRecord) -> None:
        """Add a biller, or change the one with that code."""

        def work(tx: Tx) -> None:
            tx.run(
                _put,
                code_=biller.code,
                name_=biller.name,
                kind_=biller.kind.value,
                account_number_=biller.account_number,
                currency_=biller.currency,
                digits_least_=biller.digits[0],
                digits_most_=biller.digits[1],
                least_minor_=biller.amounts_minor[0],
                most_minor_=biller.amounts_minor[1],
                told_due_=biller.told_due,
                prefixes_=",".join(biller.prefixes),
                is_open_=biller.is_open,
            )
            chain.append(tx, audit)

        await self._database.write(work)

    async def put_bills(
        self, biller: str, bills: Sequence[tuple[str, int, datetime.date]], at: datetime.datetime, audit: AuditRecord
    ) -> None:
        """Take what a biller says is due. A reference that is there begins anew."""

        def work(tx: Tx) -> None:
            for reference, minor, due in bills:
                tx.run(
                    _put_bill,
                    biller_=biller,
                    reference_=reference,
                    amount_minor_=minor,
                    due_=due.isoformat(),
                    issued_us_=to_us(at),
                )
            chain.append(tx, audit)

        await self._database.write(work)

    async def bill(self, biller: Biller, reference: str) -> Bill | None:
        """Answer what is due on a reference, with what was paid against it: also what is under way counts."""

        def work(tx: Tx) -> Bill | None:
            row = tx.one(_bill, biller_=biller.code, reference_=reference)
            if row is None:
                return None
            spent = tx.one(_spent, biller_=biller.code, reference_=reference, since=row[2])
            paid = Money(0 if spent is None else int(spent[0]), biller.currency)
            due = datetime.date.fromisoformat(row[1])
            return Bill(biller.code, reference, Money(row[0], biller.currency), due, from_us(row[2]), paid)

        return await self._database.read(work)

    async def note(self, payment: Payment, *, party: str | None = None) -> None:
        """Write down what an intent pays, once.

        Args:
            payment: what is paid.
            party: of a top-up, the keyed hash of its number, which then rests sealed.
        """

        def work(tx: Tx) -> None:
            sealed = None
            if party is not None:
                sealed = self._personal.seal(tx, payment.reference, number_place(payment.intent_id))
            tx.run(
                _note,
                intent_id=payment.intent_id,
                biller=payment.biller,
                reference=party or payment.reference,
                sealed_number=sealed,
            )

        await self._database.write(work)

    async def paid(self, biller: str, since: datetime.datetime, until: datetime.datetime) -> Sequence[Paid]:
        """Answer the booked payments of a biller that were authorised from ``since`` and before ``until``."""

        def work(tx: Tx) -> Sequence[Paid]:
            rows = tx.all(_paid, biller_=biller, since=to_us(since), until=to_us(until))
            return [
                Paid(
                    intent_id=row[0],
                    reference=row[1] if row[2] is None else self._personal.open(tx, row[2], number_place(row[0])),
                    amount=Money(row[3], row[4]),
                    booked_reference=row[5] or "",
                    authorised_at=from_us(row[6]),
                )
                for row in rows
            ]

        return await self._database.read(work)


def number_place(intent_id: str) -> str:
    """Answer the place that the number of a top-up is sealed to."""
    return f"bill_payments.sealed_number:{intent_id}"


def _as_biller(row: Row) -> Biller:
    found = dict(zip(_COLUMNS, row, strict=True))
    return Biller(
        code=found["code"],
        name=found["name"],
        kind=BillerKind(found["kind"]),
        account_number=found["account_number"],
        currency=found["currency"],
        digits=(found["digits_least"], found["digits_most"]),
        amounts_minor=(found["least_minor"], found["most_minor"]),
        told_due=bool(found["told_due"]),
        prefixes=tuple(prefix for prefix in found["prefixes"].split(",") if prefix),
        is_open=bool(found["is_open"]),
    )
