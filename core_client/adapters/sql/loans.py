"""Loans in SQL, as the loan books delivered them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlalchemy import bindparam, select

from core_client.adapters.sql import schema_services as schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.statements import Statement
from core_client.domain.loans import Loan
from core_client.domain.money import Money

_l = schema.loans.c
_of = Statement(
    select(_l.number, _l.product, _l.currency, _l.outstanding_minor, _l.next_minor, _l.next_due)
    .where(_l.customer_id == bindparam("customer"))
    .order_by(_l.next_due, _l.id)
)


class SqlLoans:
    """:class:`~core_client.ports.loans.Loans` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, customer_id: int) -> Sequence[Loan]:
        """Answer a customer's loans, the one due next first."""
        rows = await self._database.read(lambda tx: tx.all(_of, customer=customer_id))
        return [
            Loan(row[0], row[1], Money(row[3], row[2]), Money(row[4], row[2]), datetime.date.fromisoformat(row[5]))
            for row in rows
        ]
