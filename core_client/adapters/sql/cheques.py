"""Cheques in SQL: the books that were issued, and a row for each cheque that something became of."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql import schema_services as services
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.cheques import Cheque, ChequeState
from core_client.errors import Declined

MOST_DIGITS = 12  # of a cheque's number: what is longer is something else

_b, _c = services.cheque_books.c, services.cheques.c
_book = Statement(
    select(_b.account_id, _b.issued_us)
    .join(schema.accounts, schema.accounts.c.id == _b.account_id)
    .where(
        schema.accounts.c.customer_id == bindparam("customer"),
        _b.first_number <= bindparam("number_"),
        _b.last_number >= bindparam("number_"),
    )
    .order_by(_b.id.desc())
    .limit(1)
)
_known = Statement(
    select(_c.state, _c.changed_us, _c.reference).where(
        _c.account_id == bindparam("account"), _c.number == bindparam("number_")
    )
)
_row: dict[str, Any] = {
    name: bindparam(f"{name}_") for name in ("account_id", "number", "state", "changed_us", "reference")
}
_put = Statement(
    sqlite.insert(services.cheques).values(_row).on_conflict_do_nothing(),
    postgresql.insert(services.cheques).values(_row).on_conflict_do_nothing(),
)


class SqlCheques:
    """:class:`~core_client.ports.cheques.Cheques` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def cheque(self, customer_id: int, number: str) -> Cheque:
        """Answer a cheque of one of the customer's books."""
        return await self._database.read(lambda tx: _find(tx, customer_id, number))

    async def stop(
        self, customer_id: int, number: str, reference: str, at: datetime.datetime, audit: AuditRecord
    ) -> Cheque:
        """Stop a cheque, once."""

        def work(tx: Tx) -> Cheque:
            found = _find(tx, customer_id, number)
            if found.state is ChequeState.OUTSTANDING:
                put(tx, int(found.account_id), int(number), ChequeState.STOPPED, at, reference)
                chain.append(tx, audit)
                found = _find(tx, customer_id, number)  # what stands, if another node was quicker
            if found.state is not ChequeState.STOPPED:
                raise Declined("cheque_paid")
            return found

        return await self._database.write(work)


def put(
    tx: Tx, account_id: int, number: int, state: ChequeState, at: datetime.datetime, reference: str | None = None
) -> None:
    """Write down what became of a cheque, unless something has already."""
    tx.run(
        _put, account_id_=account_id, number_=number, state_=state.value, changed_us_=to_us(at), reference_=reference
    )


def _find(tx: Tx, customer_id: int, number: str) -> Cheque:
    if not (number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS):
        raise Declined("cheque_unknown")
    book = tx.one(_book, customer=customer_id, number_=int(number))
    if book is None:
        raise Declined("cheque_unknown")
    known: Row | None = tx.one(_known, account=book[0], number_=int(number))
    if known is None:
        return Cheque(str(book[0]), number, ChequeState.OUTSTANDING, from_us(book[1]))
    return Cheque(str(book[0]), number, ChequeState(known[0]), from_us(known[1]), known[2])
