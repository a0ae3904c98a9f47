"""Puts the demo bank's customers into an empty database; into one that has them, nothing."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlalchemy import bindparam, insert, select, update

from core_client.adapters import demo_billers, demo_world
from core_client.adapters.demo_services import seed_services
from core_client.adapters.demo_world import DemoAccount, DemoCustomer
from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import booking, changelog, schema
from core_client.adapters.sql.personal import PersonalData
from core_client.adapters.sql.registry import birth_place, line_place, name_place, payee_places
from core_client.adapters.sql.schema import to_us
from core_client.adapters.sql.statements import Statement, Tx
from core_client.domain.accounts import Line
from core_client.domain.audit import AuditRecord
from core_client.domain.cash import CASH_ACCOUNT
from core_client.domain.registry_changes import ChangeKind
from core_client.domain.secret import Secret

TOGETHER = 100  # customers under one commit: a crowd of ten thousand is there in seconds
OPENING = "OPENING-{currency}"  # the bank's own account that opening balances come from
_known = Statement(select(schema.customers.c.id).where(schema.customers.c.number == bindparam("number_")))
_account = Statement(select(schema.accounts.c.id).where(schema.accounts.c.number == bindparam("number_")))
_customer = Statement(
    insert(schema.customers)
    .values(number=bindparam("number_"), name=bindparam("name_"), language=bindparam("language_"),
            birth_sealed=bindparam("born"))
    .returning(schema.customers.c.id)
)  # fmt: skip
_line = Statement(insert(schema.lines))
_pin = Statement(insert(schema.pins))
_new_account = Statement(
    insert(schema.accounts)
    .values(number=bindparam("number_"), customer_id=bindparam("customer"), product=bindparam("product_"),
            currency=bindparam("currency_"), is_default=bindparam("default_"), frozen=bindparam("frozen_"),
            floor_minor=bindparam("floor"), booked_minor=0, held_minor=0)
    .returning(schema.accounts.c.id)
)  # fmt: skip
_payee = Statement(
    insert(schema.payees).values(
        customer_id=bindparam("customer"), short_number=bindparam("short"), alias=bindparam("alias_"),
        name=bindparam("name_"), account_number=bindparam("account"), added_us=bindparam("added"),
    )
)  # fmt: skip
_card = Statement(
    insert(schema.cards).values(customer_id=bindparam("customer"), last4=bindparam("last4_"), state="active")
)
_freeze = Statement(
    update(schema.accounts).where(schema.accounts.c.id == bindparam("id_")).values(frozen=bindparam("yes"))
)
_Digits: TypeAlias = Callable[[int], str]


async def seed(bank: EmbeddedBank, customers: Sequence[DemoCustomer] = demo_world.CUSTOMERS) -> int:
    """Add the customers that are not there yet, with their accounts, PINs, payees and cards; answer how many."""
    numbers = [who.number for who in customers]
    known = await bank.database.read(lambda tx: {n for n in numbers if tx.one(_known, number_=n) is not None})
    missing = [who for who in customers if who.number not in known]
    added = 0
    for first in range(0, len(missing), TOGETHER):
        batch = missing[first : first + TOGETHER]
        hashes = [await bank.ports.pins.hashed(bank.ports.keyed.subject(who.number), Secret(who.pin)) for who in batch]
        now = bank.ports.clock.now()

        def work(
            tx: Tx,
            batch: list[DemoCustomer] = batch,
            hashes: list[str] = hashes,
            now: datetime.datetime = now,
        ) -> int:
            digits = bank.ports.randomness.digits
            pairs = zip(batch, hashes, strict=True)
            return sum(_add(tx, bank.personal, who, pin_hash, now, digits) for who, pin_hash in pairs)

        added += await bank.database.write(work)
    await seed_services(bank)
    await seed_billers(bank)
    return added


async def seed_billers(bank: EmbeddedBank) -> None:
    """Add the demo billers, what is due to them, and the account of the cash machines; once."""
    ports = bank.ports
    if await ports.billers.all():
        return
    now = ports.clock.now()
    today = ports.profile.limits.local_date(now)
    record = AuditRecord(now, "system", "biller.seeded", "billers:demo")
    for biller in demo_billers.BILLERS:
        await ports.billers.put(biller, record)
        if bills := demo_billers.bills_of(biller.code, today):
            await ports.billers.put_bills(biller.code, bills, now, record)
    currency = ports.profile.currency
    await bank.database.write(lambda tx: _own(tx, CASH_ACCOUNT.format(currency=currency), currency))


def _add(
    tx: Tx, personal: PersonalData, who: DemoCustomer, pin_hash: str, now: datetime.datetime, digits: _Digits
) -> int:
    if tx.one(_known, number_=who.number) is not None:  # another node was quicker
        return 0
    name = personal.seal(tx, who.name, name_place(who.number))
    born = personal.seal(tx, who.born.isoformat(), birth_place(who.number))
    row = tx.one(_customer, number_=who.number, name_=name, language_=who.language, born=born)
    customer = int(row[0]) if row else 0
    if who.line is not None:
        index = personal.index("line", who.line)
        sealed = personal.seal(tx, who.line, line_place(index))
        tx.run(_line, number_index=index, customer_id=customer, registered_us=to_us(now), sealed=sealed)
    tx.run(_pin, customer_id=customer, pin_hash=pin_hash, set_us=to_us(now))
    for position, account in enumerate(who.accounts):
        _open_account(tx, customer, account, default=position == 0, now=now, digits=digits)
    for payee in who.payees:
        added = now - datetime.timedelta(hours=payee.hours_ago)
        of_alias, of_name = payee_places(customer, payee.short_number)
        tx.run(
            _payee,
            customer=customer,
            short=payee.short_number,
            alias_=personal.seal(tx, payee.alias, of_alias),
            name_=personal.seal(tx, payee.name, of_name),
            account=payee.account_number,
            added=to_us(added),
        )
    for last4 in who.cards:
        tx.run(_card, customer=customer, last4_=last4)
    changelog.record(tx, ChangeKind.CUSTOMER_ADDED, customer, now)
    chain.append(tx, AuditRecord(now, "system", "customer.seeded", f"customer:{customer}"))
    return 1


def _open_account(
    tx: Tx, customer: int, account: DemoAccount, *, default: bool, now: datetime.datetime, digits: _Digits
) -> None:
    account_id = _new(tx, account.number, customer, account.product, account.currency, default=default, floor=0)
    opening = _own(tx, OPENING.format(currency=account.currency), account.currency)
    for own in (booking.SETTLEMENT, booking.FEES):
        _own(tx, own.format(currency=account.currency), account.currency)
    for days_ago, figure, text in account.entries:
        amount = account.money(figure)
        lines = (Line(account_id, amount, text), Line(opening, -amount, text))
        at = now - datetime.timedelta(days=days_ago)
        booking.write_journal(tx, lines, digits(booking.REFERENCE_DIGITS), "opening", None, at)
    if account.frozen:
        tx.run(_freeze, id_=account_id, yes=True)


def _own(tx: Tx, number: str, currency: str) -> int:
    row = tx.one(_account, number_=number)
    return int(row[0]) if row else _new(tx, number, None, "bank", currency, default=False, floor=None)


def _new(
    tx: Tx, number: str, customer: int | None, product: str, currency: str, *, default: bool, floor: int | None
) -> int:
    row = tx.one(
        _new_account,
        number_=number,
        customer=customer,
        product_=product,
        currency_=currency,
        default_=default,
        frozen_=False,
        floor=floor,
    )
    return int(row[0]) if row else 0
