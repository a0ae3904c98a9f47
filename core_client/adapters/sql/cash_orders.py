"""Amounts that wait for a cash machine, in SQL: one row a held intent, one machine that gets it."""

from __future__ import annotations

import datetime
import hmac
from collections.abc import Sequence

from sqlalchemy import and_, bindparam, func, insert, or_, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.schema_payees import cash_orders
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.cash import CashOrder, CashState
from core_client.domain.money import Money
from core_client.ports.cash_orders import Collection

_o = cash_orders.c
_live = or_(_o.state == CashState.WAITING.value, _o.state == CashState.COLLECTING.value)
_whole = select(
    _o.intent_id, _o.customer_id, _o.party, _o.amount_minor, _o.currency, _o.code_mac, _o.expires_us, _o.tries,
    _o.state, _o.collected_by, _o.terminal,
)  # fmt: skip
_by_id = Statement(_whole.where(_o.intent_id == bindparam("id_")))
_locked = Statement(_whole.where(_o.intent_id == bindparam("id_")).with_for_update())
_of_customer = Statement(_whole.where(_o.customer_id == bindparam("customer"), _live).limit(1))
_of_party = Statement(_whole.where(_o.party == bindparam("party_"), _live).limit(1))
_of_machine = Statement(
    _whole.where(
        _o.party == bindparam("party_"), _o.collected_by == bindparam("request"), _o.terminal == bindparam("at")
    ).limit(1)
)
_last_of_customer = Statement(
    _whole.select_from(cash_orders.join(schema.intents, schema.intents.c.id == _o.intent_id))
    .where(schema.intents.c.customer_id == bindparam("customer"))
    .order_by(schema.intents.c.prepared_us.desc())
    .limit(1)
)
_create = Statement(insert(cash_orders))
_new_code = Statement(
    update(cash_orders)
    .where(_o.intent_id == bindparam("id_"), _o.state == CashState.WAITING.value)
    .values(code_mac=bindparam("mac"))
)
_customer_lock = Statement(
    select(schema.customers.c.id).where(schema.customers.c.id == bindparam("id_")).with_for_update()
)
_tried = Statement(
    update(cash_orders)
    .where(_o.intent_id == bindparam("id_"))
    .values(tries=bindparam("tries_"), state=bindparam("state_"))
)
_take = Statement(
    update(cash_orders)
    .where(_o.intent_id == bindparam("id_"))
    .values(
        state=CashState.COLLECTING.value, collected_by=bindparam("by"), terminal=bindparam("at"),
        expires_us=bindparam("until"),
    )
)  # fmt: skip
_move = Statement(
    update(cash_orders)
    .where(_o.intent_id == bindparam("id_"), _o.state == bindparam("before"))
    .values(state=bindparam("after"), collected_by=func.coalesce(bindparam("by"), _o.collected_by))
)
_over = Statement(
    _whole.where(or_(and_(_live, _o.expires_us <= bindparam("now_")), _o.state == CashState.ENDED.value))
    .order_by(_o.expires_us)
    .limit(bindparam("most"))
)
MAX_OVER = 500  # that are looked at together
COLLECTING_LIFE = datetime.timedelta(seconds=60)  # a machine that asked has its answer by then, or asks again


class SqlCashOrders:
    """:class:`~core_client.ports.cash_orders.CashOrders` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, order: CashOrder, audit: AuditRecord) -> bool:
        """Store an order, or its new code; False when the customer has another one that waits."""

        def work(tx: Tx) -> bool:
            tx.one(_customer_lock, id_=order.customer_id)
            row = tx.one(_locked, id_=order.intent_id)
            if row is not None:  # the same ordering again: whoever has not heard the first answer gets another code
                return tx.run(_new_code, id_=order.intent_id, mac=order.code_mac) == 1
            if tx.one(_of_customer, customer=order.customer_id) is not None:
                return False
            tx.run(
                _create,
                intent_id=order.intent_id,
                customer_id=order.customer_id,
                party=order.party,
                amount_minor=order.amount.amount_minor,
                currency=order.amount.currency,
                code_mac=order.code_mac,
                expires_us=to_us(order.expires_at),
                tries=order.tries,
                state=order.state.value,
                collected_by=None,
                terminal=None,
            )
            chain.append(tx, audit)
            return True

        return await self._database.write(work)

    async def of_intent(self, intent_id: str) -> CashOrder | None:
        """Answer the order of an intent."""
        row = await self._database.read(lambda tx: tx.one(_by_id, id_=intent_id))
        return None if row is None else _as_order(row)

    async def waiting_of(self, customer_id: int) -> CashOrder | None:
        """Answer the customer's order that waits, or is being collected."""
        row = await self._database.read(lambda tx: tx.one(_of_customer, customer=customer_id))
        return None if row is None else _as_order(row)

    async def last_of(self, customer_id: int) -> CashOrder | None:
        """Answer the customer's latest order, wherever it stands."""
        row = await self._database.read(lambda tx: tx.one(_last_of_customer, customer=customer_id))
        return None if row is None else _as_order(row)

    async def waiting_at(self, party: str, terminal: str, request_id: str) -> CashOrder | None:
        """Answer the order that this machine's request has got before, else the one that waits for this line."""

        def work(tx: Tx) -> CashOrder | None:
            mine = tx.one(_of_machine, party_=party, request=request_id, at=terminal)
            row = mine or tx.one(_of_party, party_=party)
            return None if row is None else _as_order(row)

        return await self._database.read(work)

    async def collect(
        self, intent_id: str, code_mac: bytes, request_id: str, terminal: str, now: datetime.datetime,
        most_tries: int, audit: AuditRecord,
    ) -> Collection:  # fmt: skip
        """Take an order for one machine if the code is right; the same request again is the same collection."""

        def work(tx: Tx) -> Collection:
            row = tx.one(_locked, id_=intent_id)
            order = None if row is None else _as_order(row)
            if order is None:
                return Collection.GONE
            right = hmac.compare_digest(order.code_mac, code_mac)
            mine = order.collected_by == request_id and order.terminal == terminal  # machines number alike
            if mine and order.state in (CashState.COLLECTING, CashState.COLLECTED):
                return Collection.TAKEN if right else Collection.WRONG
            if order.state is not CashState.WAITING or now >= order.expires_at:
                return Collection.GONE
            if right:
                tx.run(_take, id_=intent_id, by=request_id, at=terminal, until=to_us(now + COLLECTING_LIFE))
                chain.append(tx, audit)
                return Collection.TAKEN
            tries = order.tries + 1
            over = tries >= most_tries
            tx.run(_tried, id_=intent_id, tries_=tries, state_=(CashState.ENDED if over else CashState.WAITING).value)
            wrong = AuditRecord(audit.at, audit.actor, "cash.code_wrong", audit.subject, {"tries": tries})
            chain.append(tx, wrong)
            return Collection.ENDED if over else Collection.WRONG

        return await self._database.write(work)

    async def advance(
        self, intent_id: str, before: CashState, after: CashState, audit: AuditRecord, by: str | None = None
    ) -> bool:
        """Move an order on from where it is thought to be; answer whether it was there."""

        def work(tx: Tx) -> bool:
            if tx.run(_move, id_=intent_id, before=before.value, after=after.value, by=by) == 0:
                return False
            chain.append(tx, audit)
            return True

        return await self._database.write(work)

    async def over(self, now: datetime.datetime) -> Sequence[CashOrder]:
        """Answer the orders that wait and are too old, whose machine says nothing more, or that are to be undone."""
        rows = await self._database.read(lambda tx: tx.all(_over, now_=to_us(now), most=MAX_OVER))
        return [_as_order(row) for row in rows]


def _as_order(row: Row) -> CashOrder:
    return CashOrder(
        intent_id=row[0],
        customer_id=row[1],
        party=row[2],
        amount=Money(row[3], row[4]),
        code_mac=bytes(row[5]),
        expires_at=from_us(row[6]),
        tries=row[7],
        state=CashState(row[8]),
        collected_by=row[9],
        terminal=row[10],
    )
