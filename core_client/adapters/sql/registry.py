"""Customers, lines, payees, cards and STOP in SQL; names and numbers sealed, numbers found by blind index."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from core_client.adapters.customer_cache import CustomerCache
from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import changelog, schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.gathering import Gathered
from core_client.adapters.sql.personal import PersonalData
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx, many
from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Card, CardState, Customer, Payee
from core_client.domain.registry_changes import Bar, ChangeKind, Standing, bars_from

_c, _l, _p, _k, _s = schema.customers.c, schema.lines.c, schema.payees.c, schema.cards.c, schema.message_stops.c
_columns = (_c.id, _c.number, _c.name, _c.language, _c.customer_class, _c.bars)
_customer = select(*_columns)
_by_lines = many((_l.number_index, *_columns), _l.number_index, schema.lines.join(schema.customers))
_by_number = Statement(_customer.where(_c.number == bindparam("number_")))
_by_id = Statement(_customer.where(_c.id == bindparam("id_")))
_bars = Statement(select(_c.bars).where(_c.id == bindparam("id_")))
_born = Statement(select(_c.number, _c.birth_sealed).where(_c.id == bindparam("id_")))
_owner = Statement(select(_l.customer_id).where(_l.number_index == bindparam("index")))
_lines = Statement(
    select(_l.number_index, _l.sealed)
    .where(_l.customer_id == bindparam("id_"))
    .order_by(_l.registered_us, _l.number_index)
)
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
_NO_BARS: frozenset[Bar] = frozenset()
_start = Statement(delete(schema.message_stops).where(_s.party == bindparam("party_")))


def line_place(number_index: str) -> str:
    """Answer the place that a line's number is sealed to."""
    return f"lines.sealed:{number_index}"


def name_place(customer_number: str) -> str:
    """Answer the place that a customer's name is sealed to."""
    return f"customers.name:{customer_number}"


def birth_place(customer_number: str) -> str:
    """Answer the place that a customer's birth date is sealed to."""
    return f"customers.birth_sealed:{customer_number}"


def customer_from(tx: Tx, personal: PersonalData, row: Sequence[Any]) -> Customer:
    """Answer the customer of a row of the columns that this module selects."""
    identity, number, name, language, customer_class, bars = row
    return Customer(
        identity,
        number,
        personal.open(tx, name, name_place(number)),
        language,
        customer_class,
        bars_from(bars) if bars else _NO_BARS,
    )


def payee_places(customer_id: int, short_number: str) -> tuple[str, str]:
    """Answer the places that a payee's alias and name are sealed to."""
    return f"payees.alias:{customer_id}:{short_number}", f"payees.name:{customer_id}:{short_number}"


def payee_from(tx: Tx, personal: PersonalData, row: Row) -> Payee:
    """Answer the payee of a row of the columns that this module selects."""
    identity, customer, short_number, alias, name, account_number, added_us = row
    of_alias, of_name = payee_places(customer, short_number)
    opened = personal.open(tx, alias, of_alias), personal.open(tx, name, of_name)
    return Payee(identity, customer, short_number, *opened, account_number, from_us(added_us))


def _as_card(row: Row) -> Card:
    return Card(row[0], row[1], CardState(row[2]), row[3])


class SqlRegistry:
    """:class:`~core_client.ports.registry.Registry` in SQL."""

    def __init__(self, database: Database, personal: PersonalData, cache: CustomerCache | None = None) -> None:
        self._database = database
        self._cache = cache
        self._personal = personal
        self._by_line = Gathered(database, self._customers_of)

    async def customer_by_line(self, e164: str) -> Customer | None:
        """Answer whose registered number this is."""
        return await self._by_line.ask(self._personal.index("line", e164))

    def _customers_of(self, tx: Tx, indexes: Sequence[str]) -> dict[str, Customer]:
        return {row[0]: customer_from(tx, self._personal, row[1:]) for row in tx.many(_by_lines, indexes)}

    async def customer_by_number(self, customer_number: str) -> Customer | None:
        """Answer whose customer number this is."""
        return await self._one(_by_number, number_=customer_number)

    async def customer(self, customer_id: int) -> Customer | None:
        """Answer a customer by id, as this node may remember them: name, language and class can be late a moment."""
        cache = self._cache
        known = cache.get(customer_id) if cache is not None else None
        if known is not None:
            return known

        def work(tx: Tx) -> tuple[Customer | None, int]:
            row = tx.one(_by_id, id_=customer_id)
            head = changelog.head(tx) if cache is not None else 0  # of the same snapshot
            return (None if row is None else customer_from(tx, self._personal, row)), head

        customer, head = await self._database.read(work)
        if cache is not None and customer is not None:
            cache.put(customer, head)
        return customer

    async def _one(self, statement: Statement, **values: Any) -> Customer | None:
        def work(tx: Tx) -> Customer | None:
            row = tx.one(statement, **values)
            return None if row is None else customer_from(tx, self._personal, row)

        return await self._database.read(work)

    async def standing(self, customer_id: int, line: str | None) -> Standing:
        """Answer what a customer may not use, and whether ``line`` is theirs, of a snapshot taken now."""
        index = None if line is None else self._personal.index("line", line)

        def work(tx: Tx) -> Standing:
            row = tx.one(_bars, id_=customer_id)
            owner = None if index is None else tx.one(_owner, index=index)
            theirs = index is None or (owner is not None and owner[0] == customer_id)
            return Standing(bars_from(row[0]) if row is not None and row[0] else _NO_BARS, theirs)

        return await self._database.read(work)

    async def birth_date(self, customer_id: int) -> datetime.date | None:
        """Answer a birth date: opened for whoever asks for it, not at each look-up."""

        def work(tx: Tx) -> datetime.date | None:
            number, sealed = tx.one(_born, id_=customer_id) or (None, None)
            if sealed is None:
                return None
            return datetime.date.fromisoformat(self._personal.open(tx, sealed, birth_place(number)))

        return await self._database.read(work)

    async def lines_of(self, customer_id: int) -> Sequence[str]:
        """Answer a customer's registered numbers, in E.164, the oldest first."""

        def work(tx: Tx) -> list[str]:
            rows = tx.all(_lines, id_=customer_id)
            return [self._personal.open(tx, sealed, line_place(index)) for index, sealed in rows]

        return await self._database.read(work)

    async def payees(self, customer_id: int) -> Sequence[Payee]:
        """Answer a customer's payees."""
        return await self._database.read(
            lambda tx: [payee_from(tx, self._personal, row) for row in tx.all(_payees, id_=customer_id)]
        )

    async def cards(self, customer_id: int) -> Sequence[Card]:
        """Answer a customer's cards."""
        return [_as_card(row) for row in await self._database.read(lambda tx: tx.all(_cards, id_=customer_id))]

    async def set_language(self, customer_id: int, language: str, audit: AuditRecord) -> None:
        """Remember a customer's language."""

        def work(tx: Tx) -> None:
            tx.run(_language, id_=customer_id, language_=language)
            changelog.record(tx, ChangeKind.CUSTOMER_CHANGED, customer_id, audit.at)
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
            changelog.record(tx, ChangeKind.CARD_BLOCKED, customer_id, at)
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
            changelog.record(tx, ChangeKind.MESSAGES_CHANGED, None, at)
            chain.append(tx, audit)

        await self._database.write(work)

    async def messages_stopped(self, party: str) -> bool:
        """Answer whether a line said STOP."""
        return await self._database.read(lambda tx: tx.one(_stopped, party_=party)) is not None
