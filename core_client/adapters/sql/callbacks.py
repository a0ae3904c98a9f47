"""Requests to be called back, in SQL. An index keeps to one that waits for each number and queue."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.personal import PersonalData
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx, insert_ignoring
from core_client.domain.audit import AuditRecord
from core_client.domain.callbacks import (
    MAX_NOTES,
    Callback,
    CallbackNote,
    CallbackState,
    note_as_json,
    note_from_json,
)
from core_client.errors import Declined

_b, _r = schema.callbacks.c, schema.callback_requests.c
_whole = select(
    _b.reference, _b.sealed, _b.queue, _b.channel, _b.asked_by, _b.customer_id, _b.language, _b.asked_us, _b.due,
    _b.notes, _b.state, _b.taken_by, _b.taken_us, _b.closed_by, _b.closed_us, _b.outcome, _b.id,
)  # fmt: skip
_ID = 16  # the place of the id in a row of _whole
_by_reference = Statement(_whole.where(_b.reference == bindparam("reference_")))
_locked = Statement(_whole.where(_b.reference == bindparam("reference_")).with_for_update())
_by_request = Statement(
    _whole.join(schema.callback_requests, _r.callback_id == _b.id).where(_r.request_id == bindparam("request"))
)
_waiting = Statement(
    _whole.where(
        _b.number_index == bindparam("index"), _b.queue == bindparam("queue_"), _b.state != CallbackState.CLOSED.value
    ).with_for_update()
)
_of_line = Statement(
    select(func.count()).where(_b.asked_by == bindparam("line"), _b.state != CallbackState.CLOSED.value)
)
_new: dict[str, Any] = {
    column.name: bindparam(f"{column.name}_") for column in schema.callbacks.columns if column.name != "id"
}
# Whatever stands in its way, a reference or one that waits already, nothing is written and the caller looks again.
_create = Statement(
    sqlite.insert(schema.callbacks).values(_new).on_conflict_do_nothing(),
    postgresql.insert(schema.callbacks).values(_new).on_conflict_do_nothing(),
)
_asked = insert_ignoring(schema.callback_requests, "request_id")
_add_note = Statement(update(schema.callbacks).where(_b.id == bindparam("id_")).values(notes=bindparam("notes_")))
_list = Statement(
    _whole.where(
        or_(_b.state == bindparam("one"), _b.state == bindparam("other")),
        or_(_b.queue == bindparam("queue_"), bindparam("every") == 1),
    )
    .order_by(_b.due, _b.asked_us, _b.id)
    .limit(bindparam("most"))
)
_take = Statement(
    update(schema.callbacks)
    .where(_b.id == bindparam("id_"))
    .values(state=CallbackState.TAKEN.value, taken_by=bindparam("by"), taken_us=bindparam("at"))
)
_close = Statement(
    update(schema.callbacks)
    .where(_b.id == bindparam("id_"))
    .values(
        state=CallbackState.CLOSED.value, closed_by=bindparam("by"), closed_us=bindparam("at"),
        outcome=bindparam("outcome_"),
    )
)  # fmt: skip


def _moment(us: int | None) -> datetime.datetime | None:
    return None if us is None else from_us(us)


def number_place(reference: str) -> str:
    """Answer the place that the number to call is sealed to."""
    return f"callbacks.sealed:{reference}"


def _as_callback(tx: Tx, personal: PersonalData, row: Row) -> Callback:
    return Callback(
        reference=row[0],
        number=personal.open(tx, row[1], number_place(row[0])),
        queue=row[2],
        channel=row[3],
        asked_by=row[4],
        customer_id=row[5],
        language=row[6],
        asked_at=from_us(row[7]),
        due=datetime.date.fromisoformat(row[8]),
        notes=tuple(note_from_json(note) for note in json.loads(row[9])),
        state=CallbackState(row[10]),
        taken_by=row[11],
        taken_at=_moment(row[12]),
        closed_by=row[13],
        closed_at=_moment(row[14]),
        outcome=row[15],
    )


def _notes(notes: Sequence[CallbackNote]) -> str:
    return json.dumps([note_as_json(note) for note in notes], ensure_ascii=False, separators=(",", ":"))


class SqlCallbacks:
    """:class:`~core_client.ports.callbacks.Callbacks` in SQL."""

    def __init__(self, database: Database, personal: PersonalData) -> None:
        self._database = database
        self._personal = personal

    def _read(self, tx: Tx, row: Row) -> Callback:
        return _as_callback(tx, self._personal, row)

    async def ask(self, wanted: Callback, most_open: int, audit: AuditRecord) -> Callback | None:
        """Store a request, or answer the one that is there with the new note added."""
        request = wanted.notes[0].request_id
        index = self._personal.index("line", wanted.number)

        def work(tx: Tx) -> Callback | None:
            row = tx.one(_by_request, request=request)
            if row is not None:
                return self._read(tx, row)
            row = tx.one(_waiting, index=index, queue_=wanted.queue)
            if row is not None:
                return self._joined(tx, row, wanted, audit)
            if wanted.asked_by is not None:
                count = tx.one(_of_line, line=wanted.asked_by)
                if count is not None and count[0] >= most_open:
                    raise Declined("not_permitted")
            if _created(tx, wanted, index, self._personal.seal(tx, wanted.number, number_place(wanted.reference))):
                made = tx.one(_by_reference, reference_=wanted.reference)
                assert made is not None  # noqa: S101 - inserted a line above, in this transaction
                tx.run(_asked, request_id=request, callback_id=made[_ID])
                chain.append(tx, audit)
                return wanted
            row = tx.one(_waiting, index=index, queue_=wanted.queue)  # somebody else was quicker
            return None if row is None else self._joined(tx, row, wanted, audit)

        return await self._database.write(work)

    async def get(self, reference: str) -> Callback | None:
        """Answer one by its reference."""

        def work(tx: Tx) -> Callback | None:
            row = tx.one(_by_reference, reference_=reference)
            return None if row is None else self._read(tx, row)

        return await self._database.read(work)

    async def in_states(self, states: frozenset[CallbackState], queue: str | None, limit: int) -> Sequence[Callback]:
        """Answer those in one of the states (two at most), the earliest due first."""
        first, last = min(states).value, max(states).value

        def work(tx: Tx) -> list[Callback]:
            rows = tx.all(_list, one=first, other=last, queue_=queue or "", every=int(queue is None), most=limit)
            return [self._read(tx, row) for row in rows]

        return await self._database.read(work)

    async def take(self, reference: str, by: str, at: datetime.datetime, audit: AuditRecord) -> Callback | None:
        """Give an open one to somebody, or the one that they have again."""

        def work(tx: Tx) -> Callback | None:
            row = tx.one(_locked, reference_=reference)
            if row is None:
                return None
            found = self._read(tx, row)
            if found.state is CallbackState.TAKEN and found.taken_by == by:
                return found
            if found.state is not CallbackState.OPEN:
                return None
            tx.run(_take, id_=row[_ID], by=by, at=to_us(at))
            chain.append(tx, audit)
            return dataclasses.replace(found, state=CallbackState.TAKEN, taken_by=by, taken_at=at)

        return await self._database.write(work)

    async def close(
        self, reference: str, by: str, outcome: str, at: datetime.datetime, audit: AuditRecord
    ) -> Callback | None:
        """Close one that is open or taken."""

        def work(tx: Tx) -> Callback | None:
            row = tx.one(_locked, reference_=reference)
            found = None if row is None else self._read(tx, row)
            if row is None or found is None or found.state is CallbackState.CLOSED:
                return None
            tx.run(_close, id_=row[_ID], by=by, at=to_us(at), outcome_=outcome or None)
            chain.append(tx, audit)
            return dataclasses.replace(
                found, state=CallbackState.CLOSED, closed_by=by, closed_at=at, outcome=outcome or None
            )

        return await self._database.write(work)

    def _joined(self, tx: Tx, row: Row, wanted: Callback, audit: AuditRecord) -> Callback:
        """Add the note of another asking to the one that waits; the asking that is known already adds nothing."""
        stands, note = self._read(tx, row), wanted.notes[0]
        if tx.run(_asked, request_id=note.request_id, callback_id=row[_ID]) == 0:
            return stands
        notes = (*stands.notes, note)[:MAX_NOTES]
        tx.run(_add_note, id_=row[_ID], notes_=_notes(notes))
        chain.append(
            tx, dataclasses.replace(audit, action="callback.asked_again", subject=f"callback:{stands.reference}")
        )
        return dataclasses.replace(stands, notes=notes)


def _created(tx: Tx, wanted: Callback, index: str, sealed: str) -> bool:
    count = tx.run(
        _create,
        reference_=wanted.reference,
        number_index_=index,
        sealed_=sealed,
        queue_=wanted.queue,
        channel_=wanted.channel,
        asked_by_=wanted.asked_by,
        customer_id_=wanted.customer_id,
        language_=wanted.language,
        asked_us_=to_us(wanted.asked_at),
        due_=wanted.due.isoformat(),
        notes_=_notes(wanted.notes),
        state_=wanted.state.value,
        taken_by_=None,
        taken_us_=None,
        closed_by_=None,
        closed_us_=None,
        outcome_=None,
    )
    return count == 1
