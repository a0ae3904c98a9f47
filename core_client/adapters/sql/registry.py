"""Customers, lines, payees, cards and STOP in SQL."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.gathering import Gathered
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx, many
from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Card, CardState, Customer, Payee

_c, _l, _p, _k, _s = schema.customers.c, schema.lines.c, schema.payees.c, schema.cards.c, schema.message_stops.c
_customer = select(_c.id, _c.number, _c.name, _c.language, _c.birth_date)
_by_lines = many(
    (_l.e164, _c.id, _c.number, _c.name, _c.language, _c.birth_date),
    _l.e164,
    schema.lines.join(schema.customers, _l.customer_id == _c.id),
)
_by_number = Statement(_customer.where(_c.number == bindparam("number_")))
_by_id = Statement(_customer.where(_c.id == bindparam("id_")))
_lines = Statement(select(_l.e164).where(_l.customer_id == bindparam("id_")).order_by(_l.e164))
_payees = Statement(
    select(_p.id, _p.customer_id, _p.short_number, _p.alias, _p.name, _p.account_number, _p.added_us)
    .where(_p.customer_id == bindparam("id_"))
    .order_by(_p.short_number)
)
_cards = Statement(
    select(_k.id, _k.last4, _k.state, _k.reference).where(_k.customer_id == bindparam("id_")).order_by(_k.id)
)
_language = Statement(update(schema.customers).where(_c.id == bindparam("id_")).values(language=bindparam("language_")))
_block = Statement(
    update(schema.cards)
    .where(
        _k.customer_id == bindparam("id_"),
        _k.state == "active",
        (_k.last4 == bindparam("last4_")) | (bindparam("every") == 1),
    )
    .values(state="blocked", reference=bindparam("reference_"), blocked_us=bindparam("at"))
)
_stopped = Statement(select(_s.party).where(_s.party == bindparam("party_")))
_stop = Statement(insert(schema.message_stops))
_start = Statement(delete(schema.message_stops).where(_s.party == bindparam("party_")))


def _customers_of(tx: Tx, lines: Sequence[str]) -> dict[str, Customer]:
    return {row[0]: _customer_of(row[1:]) for row in tx.many(_by_lines, lines)}


def _as_customer(row: Row | None) -> Customer | None:
    return None if row is None else _customer_of(row)


def _customer_of(row: Sequence[Any]) -> Customer:
    born = datetime.date.fromisoformat(row[4]) if row[4] else None
    return Customer(row[0], row[1], row[2], row[3], born)


def _as_payee(row: Row) -> Payee:
    identity, customer, short_number, alias, name, account_number, added_us = row
    return Payee(identity, customer, short_number, alias, name, account_number, from_us(added_us))


def _as_card(row: Row) -> Card:
    return Card(row[0], row[1], CardState(row[2]), row[3])


class SqlRegistry:
    """:class:`~core_client.ports.registry.Registry` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_line = Gathered(database, _customers_of)

    async def customer_by_line(self, e164: str) -> Customer | None:
        """Answer whose registered number this is."""
        return await self._by_line.ask(e164)

    async def customer_by_number(self, customer_number: str) -> Customer | None:
        """Answer whose customer number this is."""
        return _as_customer(await self._database.read(lambda tx: tx.one(_by_number, number_=customer_number)))

    async def customer(self, customer_id: int) -> Customer | None:
        """Answer a customer by id."""
        return _as_customer(await self._database.read(lambda tx: tx.one(_by_id, id_=customer_id)))

    async def lines_of(self, customer_id: int) -> Sequence[str]:
        """Answer a customer's registered numbers, in E.164."""
        return [row[0] for row in await self._database.read(lambda tx: tx.all(_lines, id_=customer_id))]

    async def payees(self, customer_id: int) -> Sequence[Payee]:
        """Answer a customer's payees."""
        return [_as_payee(row) for row in await self._database.read(lambda tx: tx.all(_payees, id_=customer_id))]

    async def cards(self, customer_id: int) -> Sequence[Card]:
        """Answer a customer's cards."""
        return [_as_card(row) for row in await self._database.read(lambda tx: tx.all(_cards, id_=customer_id))]

    async def set_language(self, customer_id: int, language: str, audit: AuditRecord) -> None:
        """Remember a customer's language."""

        def work(tx: Tx) -> None:
            tx.run(_language, id_=customer_id, language_=language)
            chain.append(tx, audit)

        await self._database.write(work)

    async def block_cards(
        self, customer_id: int, last4: str | None, reference: str, at: datetime.datetime, audit: AuditRecord
    ) -> Sequence[Card]:
        """Block the card with that end, or every card; answer the cards that are blocked now."""

        def work(tx: Tx) -> list[Card]:
            tx.run(
                _block,
                id_=customer_id,
                last4_=last4 or "",
                every=int(last4 is None),
                reference_=reference,
                at=to_us(at),
            )
            rows = tx.all(_cards, id_=customer_id)
            chain.append(tx, audit)
            cards = [_as_card(row) for row in rows]
            return [card for card in cards if card.state is CardState.BLOCKED and last4 in (None, card.last4)]

        return await self._database.write(work)

    async def set_messages_stopped(self, party: str, stopped: bool, at: datetime.datetime, audit: AuditRecord) -> None:
        """Remember whether a line wants texts that are no answers."""

        def work(tx: Tx) -> None:
            known = tx.one(_stopped, party_=party) is not None
            if stopped and not known:
                tx.run(_stop, party=party, stopped_us=to_us(at))
            elif not stopped and known:
                tx.run(_start, party_=party)
            chain.append(tx, audit)

        await self._database.write(work)

    async def messages_stopped(self, party: str) -> bool:
        """Answer whether a line said STOP."""
        return await self._database.read(lambda tx: tx.one(_stopped, party_=party)) is not None
