"""Requests to book transfers back, in SQL. Who asked never approves: the row's lock is held while that is checked."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlalchemy import bindparam, insert, null, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.schema_reversals import reversals
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.reversals import Reversal, ReversalState

_r = reversals.c
_whole = select(_r.intent_id, _r.state, _r.reason, _r.asked_by, _r.asked_us, _r.decided_by, _r.decided_us)
_by_id = Statement(_whole.where(_r.intent_id == bindparam("id_")))
_locked = Statement(_whole.where(_r.intent_id == bindparam("id_")).with_for_update())
_by_state = Statement(_whole.where(_r.state == bindparam("state_")).order_by(_r.asked_us, _r.intent_id))
_new = Statement(insert(reversals))
_again = Statement(
    update(reversals)
    .where(_r.intent_id == bindparam("id_"))
    .values(
        state="asked", reason=bindparam("reason_"), asked_by=bindparam("by"), asked_us=bindparam("at"),
        decided_by=null(), decided_us=null(),
    )
)  # fmt: skip
_decide = Statement(
    update(reversals)
    .where(_r.intent_id == bindparam("id_"))
    .values(state=bindparam("state_"), decided_by=bindparam("by"), decided_us=bindparam("at"))
)
_settle = Statement(update(reversals).where(_r.intent_id == bindparam("id_")).values(state=bindparam("state_")))


def _as_reversal(row: Row) -> Reversal:
    decided = None if row[6] is None else from_us(row[6])
    return Reversal(row[0], ReversalState(row[1]), row[2], row[3], from_us(row[4]), row[5], decided)


class SqlReversals:
    """:class:`~core_client.ports.reversals.Reversals` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, reversal: Reversal, audit: AuditRecord) -> Reversal:
        """Store a request, or answer the one that stands."""

        def work(tx: Tx) -> Reversal:
            row = tx.one(_locked, id_=reversal.intent_id)
            if row is not None and row[1] != ReversalState.REFUSED.value:
                return _as_reversal(row)
            if row is None:
                tx.run(
                    _new,
                    intent_id=reversal.intent_id,
                    state=reversal.state.value,
                    reason=reversal.reason,
                    asked_by=reversal.asked_by,
                    asked_us=to_us(reversal.asked_at),
                    decided_by=None,
                    decided_us=None,
                )
            else:
                at = to_us(reversal.asked_at)
                tx.run(_again, id_=reversal.intent_id, reason_=reversal.reason, by=reversal.asked_by, at=at)
            chain.append(tx, audit)
            return reversal

        return await self._database.write(work)

    async def get(self, intent_id: str) -> Reversal | None:
        """Answer the request for an intent."""
        row = await self._database.read(lambda tx: tx.one(_by_id, id_=intent_id))
        return None if row is None else _as_reversal(row)

    async def in_state(self, state: ReversalState) -> Sequence[Reversal]:
        """Answer the requests in a state, oldest first."""
        rows = await self._database.read(lambda tx: tx.all(_by_state, state_=state.value))
        return [_as_reversal(row) for row in rows]

    async def decide(
        self, intent_id: str, state: ReversalState, by: str, at: datetime.datetime, audit: AuditRecord
    ) -> Reversal | None:
        """Approve or refuse a request that waits."""

        def work(tx: Tx) -> Reversal | None:
            row = tx.one(_locked, id_=intent_id)
            if row is None or row[1] != ReversalState.ASKED.value:
                return None
            if state is ReversalState.APPROVED and row[3] == by:
                return None
            tx.run(_decide, id_=intent_id, state_=state.value, by=by, at=to_us(at))
            chain.append(tx, audit)
            row = tx.one(_by_id, id_=intent_id)
            return None if row is None else _as_reversal(row)

        return await self._database.write(work)

    async def settle(self, intent_id: str, state: ReversalState, audit: AuditRecord) -> None:
        """Note what became of an approved request."""

        def work(tx: Tx) -> None:
            row = tx.one(_locked, id_=intent_id)
            if row is None or row[1] != ReversalState.APPROVED.value:
                return
            tx.run(_settle, id_=intent_id, state_=state.value)
            chain.append(tx, audit)

        await self._database.write(work)
