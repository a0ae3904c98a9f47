"""Appointments in SQL. An index gives each seat of an hour to one customer."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import notices
from core_client.adapters.sql import schema_services as schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.appointments import Appointment, AppointmentState, Topic, reminder_name
from core_client.domain.audit import AuditRecord
from core_client.domain.notices import Notice
from core_client.errors import Declined

_a = schema.appointments.c
_booked = _a.state == AppointmentState.BOOKED.value
_whole = select(
    _a.reference, _a.request_id, _a.customer_id, _a.branch, _a.topic, _a.at_us, _a.seat, _a.state, _a.booked_us,
    _a.language,
)  # fmt: skip
_by_request = Statement(_whole.where(_a.request_id == bindparam("request")))
_by_reference = Statement(_whole.where(_a.reference == bindparam("reference_")).with_for_update())
_taken = Statement(
    select(_a.at_us, func.count())
    .where(_a.branch == bindparam("branch_"), _a.at_us > bindparam("since"), _booked)
    .group_by(_a.at_us)
)
_seats = Statement(select(_a.seat).where(_a.branch == bindparam("branch_"), _a.at_us == bindparam("at"), _booked))
_to_come = Statement(
    _whole.where(_a.customer_id == bindparam("customer"), _a.at_us > bindparam("since"), _booked).order_by(_a.at_us)
)
_at = Statement(
    _whole.where(_a.branch == bindparam("branch_"), _a.at_us > bindparam("since"), _booked)
    .order_by(_a.at_us, _a.seat)
    .limit(bindparam("most"))
)
_new: dict[str, Any] = {
    column.name: bindparam(f"{column.name}_") for column in schema.appointments.columns if column.name != "id"
}
_create = Statement(
    sqlite.insert(schema.appointments).values(_new).on_conflict_do_nothing(),
    postgresql.insert(schema.appointments).values(_new).on_conflict_do_nothing(),
)
_cancel = Statement(
    update(schema.appointments)
    .where(_a.reference == bindparam("reference_"))
    .values(state=AppointmentState.CANCELLED.value)
)


def _as_appointment(row: Row) -> Appointment:
    return Appointment(
        row[0], row[1], row[2], row[3], Topic(row[4]), from_us(row[5]), row[6], AppointmentState(row[7]),
        from_us(row[8]), row[9],
    )  # fmt: skip


class SqlAppointments:
    """:class:`~core_client.ports.appointments.Appointments` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def taken(self, branch: str, since: datetime.datetime) -> Mapping[datetime.datetime, int]:
        """Answer how many come to a branch, by moment."""
        rows = await self._database.read(lambda tx: tx.all(_taken, branch_=branch, since=to_us(since)))
        return {from_us(row[0]): row[1] for row in rows}

    async def book(
        self, wanted: Appointment, seats: int, most_open: int, reminder: Notice | None, audit: AuditRecord
    ) -> Appointment | None:
        """Book one on the first free seat, with its reminder."""

        def work(tx: Tx) -> Appointment | None:
            row = tx.one(_by_request, request=wanted.request_id)
            if row is not None:
                return _as_appointment(row)
            waiting = tx.all(_to_come, customer=wanted.customer_id, since=to_us(wanted.booked_at))
            if len(waiting) >= most_open:
                raise Declined("appointment_open")
            for _ in range(seats):  # of two who want the same seat one looks again
                taken = {row[0] for row in tx.all(_seats, branch_=wanted.branch, at=to_us(wanted.at))}
                free = next((seat for seat in range(seats) if seat not in taken), None)
                if free is None:
                    raise Declined("slot_taken")
                made = dataclasses.replace(wanted, seat=free)
                if _created(tx, made):
                    if reminder is not None:
                        notices.owe(tx, reminder)
                    chain.append(tx, audit)
                    return made
                if tx.one(_by_reference, reference_=wanted.reference) is not None:
                    return None
            raise Declined("slot_taken")

        return await self._database.write(work)

    async def to_come(self, customer_id: int, now: datetime.datetime) -> Sequence[Appointment]:
        """Answer a customer's appointments after ``now``, the next one first."""
        rows = await self._database.read(lambda tx: tx.all(_to_come, customer=customer_id, since=to_us(now)))
        return [_as_appointment(row) for row in rows]

    async def cancel(self, customer_id: int, reference: str, audit: AuditRecord) -> bool:
        """Give one up, with its reminder."""

        def work(tx: Tx) -> bool:
            row = tx.one(_by_reference, reference_=reference)
            if row is None or row[2] != customer_id or row[7] != AppointmentState.BOOKED.value:
                return False
            tx.run(_cancel, reference_=reference)
            notices.forget(tx, reminder_name(reference))
            chain.append(tx, audit)
            return True

        return await self._database.write(work)

    async def at(self, branch: str, since: datetime.datetime, limit: int) -> Sequence[Appointment]:
        """Answer who comes to a branch after ``since``, in order."""
        rows = await self._database.read(lambda tx: tx.all(_at, branch_=branch, since=to_us(since), most=limit))
        return [_as_appointment(row) for row in rows]


def _created(tx: Tx, made: Appointment) -> bool:
    count = tx.run(
        _create,
        reference_=made.reference,
        request_id_=made.request_id,
        customer_id_=made.customer_id,
        branch_=made.branch,
        topic_=made.topic.value,
        at_us_=to_us(made.at),
        seat_=made.seat,
        state_=made.state.value,
        booked_us_=to_us(made.booked_at),
        language_=made.language,
    )
    return count == 1
