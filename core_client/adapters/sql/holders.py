"""Whose account a number of the embedded ledger is."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.statements import Statement
from core_client.ports.registry import Registry

_customer = Statement(
    select(schema.accounts.c.customer_id).where(schema.accounts.c.number == bindparam("number_")),
)


class SqlHolders:
    """:class:`~core_client.ports.holders.Holders` by the ledger's accounts and the registry's names."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self._registry = registry

    async def name_of(self, account_number: str) -> str | None:
        """Answer the holder's name; None when no customer here has that account."""
        row = await self._database.read(lambda tx: tx.one(_customer, number_=account_number))
        if row is None or row[0] is None:  # an account of the bank itself is nobody's
            return None
        customer = await self._registry.customer(row[0])
        return None if customer is None else customer.name
