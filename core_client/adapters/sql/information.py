"""The information sheet in SQL: the newest row is in force."""

from __future__ import annotations

import json

from sqlalchemy import bindparam, insert, select

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema_services as schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.information import Information, information_from

_s = schema.info_sheets.c
_newest_id = Statement(select(_s.id).order_by(_s.id.desc()).limit(1))
_sheet = Statement(select(_s.body, _s.since_us).where(_s.id == bindparam("id_")))
_publish = Statement(
    insert(schema.info_sheets).values(body=bindparam("text"), since_us=bindparam("at"), published_by=bindparam("by"))
)


class SqlInformation:
    """:class:`~core_client.ports.information.InformationSheet` in SQL. Remembers the sheet that it read last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[int, Information] | None = None

    async def current(self) -> Information:
        """Answer the newest sheet: only its id is read where it is known already."""
        known = self._known

        def work(tx: Tx) -> tuple[int, Information]:
            newest = tx.one(_newest_id)
            if newest is None:
                return 0, information_from({}, from_us(0).date())
            if known is not None and known[0] == newest[0]:
                return known
            row = tx.one(_sheet, id_=newest[0])
            assert row is not None  # noqa: S101 - rows of this table are never deleted
            return newest[0], information_from(json.loads(row[0]), from_us(row[1]).date())

        self._known = await self._database.read(work)
        return self._known[1]

    async def publish(self, text: str, by: str, audit: AuditRecord) -> None:
        """Put a sheet in force."""

        def work(tx: Tx) -> None:
            tx.run(_publish, text=text, at=to_us(audit.at), by=by)
            chain.append(tx, audit)

        await self._database.write(work)
