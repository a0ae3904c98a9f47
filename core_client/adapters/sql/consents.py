"""What customers have agreed to, in SQL."""

from __future__ import annotations

import datetime

from sqlalchemy import bindparam, delete, insert, select

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import to_us
from core_client.adapters.sql.statements import Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.consents import Consent

_c = schema.consents.c
_of = (_c.party == bindparam("party_"), _c.consent == bindparam("consent_"))
_given = Statement(select(_c.customer_id).where(*_of))
_forget = Statement(delete(schema.consents).where(*_of))
_give = Statement(insert(schema.consents))


class SqlConsents:
    """:class:`~core_client.ports.consents.Consents` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(
        self, consent: Consent, party: str, customer_id: int, given: bool, at: datetime.datetime, audit: AuditRecord
    ) -> None:
        """Remember that a customer agreed for a line, or takes it back."""

        def work(tx: Tx) -> None:
            row = tx.one(_given, party_=party, consent_=consent.value)
            if row is not None and not (given and row[0] == customer_id):
                tx.run(_forget, party_=party, consent_=consent.value)
            if given and (row is None or row[0] != customer_id):
                tx.run(_give, party=party, consent=consent.value, customer_id=customer_id, given_us=to_us(at))
            chain.append(tx, audit)

        await self._database.write(work)

    async def given(self, consent: Consent, party: str, customer_id: int) -> bool:
        """Answer whether this customer agreed for this line."""
        row = await self._database.read(lambda tx: tx.one(_given, party_=party, consent_=consent.value))
        return row is not None and row[0] == customer_id
