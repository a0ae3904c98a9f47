"""Freezes of customers in SQL: one commit, and neither the ledger nor an authorisation lets money go.

Each account that the embedded ledger keeps is marked there too, so that what is held already is not booked either.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, null, or_, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import changelog, schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.schema_payees import freezes
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.customers import CardState
from core_client.domain.registry_changes import ChangeKind
from core_client.ports.freezes import Freeze

EVERY = ""  # in the place of an account: all of them
_f, _a = freezes.c, schema.accounts.c
_customer_lock = Statement(
    select(schema.customers.c.id).where(schema.customers.c.id == bindparam("id_")).with_for_update()
)
_of_customer = Statement(
    select(_f.customer_id, _f.account, _f.frozen_us, _f.reference)
    .where(_f.customer_id == bindparam("customer"))
    .order_by(_f.frozen_us, _f.account)
)
_bars = Statement(
    select(_f.customer_id)
    .where(_f.customer_id == bindparam("customer"), or_(_f.account == EVERY, _f.account == bindparam("account_")))
    .limit(1)
)
_add = Statement(insert(freezes))
_accounts = Statement(select(_a.id, _a.frozen).where(_a.customer_id == bindparam("customer")).order_by(_a.id))
_mark = Statement(update(schema.accounts).where(_a.id == bindparam("id_")).values(frozen=bindparam("yes")))
_lift = Statement(delete(freezes).where(_f.customer_id == bindparam("customer")))

_unblock = Statement(
    update(schema.cards)
    .where(
        schema.cards.c.customer_id == bindparam("customer"),
        schema.cards.c.last4 == bindparam("last4_"),
        schema.cards.c.state == CardState.BLOCKED.value,
    )
    .values(state=CardState.ACTIVE.value, reference=null(), blocked_us=null())
)


def is_barred(tx: Tx, customer_id: int, account: str) -> bool:
    """Answer whether a customer froze the account that is to pay: asked where an authorisation is taken."""
    return tx.one(_bars, customer=customer_id, account_=account) is not None


class SqlFreezes:
    """:class:`~core_client.ports.freezes.Freezes` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def freeze(
        self, customer_id: int, account: str | None, reference: str, at: datetime.datetime, audit: AuditRecord
    ) -> Freeze:
        """Freeze one account, or all; what is frozen already keeps its reference."""

        def work(tx: Tx) -> Freeze:
            tx.one(_customer_lock, id_=customer_id)
            known = [_as_freeze(row) for row in tx.all(_of_customer, customer=customer_id)]
            stands = next((one for one in known if one.account in (None, account)), None)
            if stands is not None:
                return stands
            here = {str(row[0]): bool(row[1]) for row in tx.all(_accounts, customer=customer_id)}
            had = {one.account for one in known}
            for one in here if account is None else (account,):
                if one in had or here.get(one):  # frozen by the bank itself: not the customer's to lift
                    continue
                if one in here:  # else another core keeps it
                    tx.run(_mark, id_=int(one), yes=True)
                tx.run(_add, customer_id=customer_id, account=one, frozen_us=to_us(at), reference=reference)
            if account is None:
                tx.run(_add, customer_id=customer_id, account=EVERY, frozen_us=to_us(at), reference=reference)
            changelog.record(tx, ChangeKind.ACCOUNT_FROZEN, customer_id, at)
            chain.append(tx, audit)
            return Freeze(customer_id, account, at, reference)

        return await self._database.write(work)

    async def lift(self, customer_id: int, audit: AuditRecord) -> Sequence[Freeze]:
        """Lift what the customer froze; answer what it was."""

        def work(tx: Tx) -> Sequence[Freeze]:
            tx.one(_customer_lock, id_=customer_id)
            known = [_as_freeze(row) for row in tx.all(_of_customer, customer=customer_id)]
            here = {str(row[0]) for row in tx.all(_accounts, customer=customer_id)}
            for one in known:
                if one.account is not None and one.account in here:
                    tx.run(_mark, id_=int(one.account), yes=False)
            if known:
                tx.run(_lift, customer=customer_id)
                changelog.record(tx, ChangeKind.ACCOUNT_THAWED, customer_id, audit.at)
                chain.append(tx, audit)
            return known

        return await self._database.write(work)

    async def unblock_card(self, customer_id: int, last4: str, at: datetime.datetime, audit: AuditRecord) -> bool:
        """Have a blocked card pay again."""

        def work(tx: Tx) -> bool:
            if tx.run(_unblock, customer=customer_id, last4_=last4) == 0:
                return False
            changelog.record(tx, ChangeKind.CARD_UNBLOCKED, customer_id, at)
            chain.append(tx, audit)
            return True

        return await self._database.write(work)

    async def of_customer(self, customer_id: int) -> Sequence[Freeze]:
        """Answer what the customer froze, the oldest first."""
        rows = await self._database.read(lambda tx: tx.all(_of_customer, customer=customer_id))
        return [_as_freeze(row) for row in rows]


def _as_freeze(row: Row) -> Freeze:
    return Freeze(row[0], row[1] or None, from_us(row[2]), row[3])
