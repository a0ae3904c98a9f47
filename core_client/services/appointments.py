"""Appointments at a branch: offered, booked, given up; and the reminder of the day before."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from core_client.domain.appointments import Appointment, AppointmentState, Topic, reminder_name
from core_client.domain.information import Information, in_language
from core_client.domain.notices import Notice, NoticeKind
from core_client.domain.values import Value
from core_client.errors import InvariantBroken
from core_client.services.accounts import customer_of
from core_client.services.call import OK, OperationResult, Ports, Request, ok, refused
from core_client.services.information import branch_name
from core_client.services.service_requests import once_of

_REFERENCE_DIGITS = 8
_TRIES = 5  # for a reference that nobody has
MAX_LISTED = 500


class AppointmentDesk:
    """appointments.offer, .slots, .book, .next, .cancel."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def offer(self, request: Request, language: str | None = None) -> OperationResult:
        """Answer the branches that take appointments."""
        sheet, wanted = await self._ports.information.current(), language or request.session.language
        branches: tuple[Value, ...] = tuple(
            {"code": branch.code, "name": in_language(branch.name, wanted)} for branch in sheet.branches if branch.seats
        )
        return ok(branches=branches)

    async def slots(self, request: Request, branch: str, language: str | None = None) -> OperationResult:
        """Answer the next free hours of a branch."""
        ports, now = self._ports, request.now
        found = (await ports.information.current()).branch(branch)
        policy, seats = ports.profile.appointments, found.seats
        taken = await ports.appointments.taken(branch, now)
        local = ports.profile.limits.local(now)
        free = (at for at in policy.moments(local, ports.profile.callbacks) if taken.get(_utc(at), 0) < seats)
        slots: tuple[Value, ...] = tuple(
            {"slot": f"{at:%Y%m%d%H}", "date": at.date(), "hour": at.hour}
            for at, _ in zip(free, range(policy.offered), strict=False)
        )
        name = in_language(found.name, language or request.session.language)
        return ok(branch=name, slots=slots, count=len(slots))

    async def book(
        self, request: Request, branch: str, slot: str, topic: str, language: str | None = None
    ) -> OperationResult:
        """Book a free hour. The reminder is stored with it."""
        ports, customer = self._ports, customer_of(request)
        sheet = await ports.information.current()
        at, seats, about = self._moment(request, slot), sheet.branch(branch).seats, Topic.keyed(topic)
        if about is None:
            return refused("not_permitted")
        if at is None or not seats:
            return refused("slot_taken")
        wanted = language or request.session.language
        most = ports.profile.appointments.most_open
        for _ in range(_TRIES):
            reference = ports.randomness.digits(_REFERENCE_DIGITS)
            appointment = Appointment(
                reference, once_of(ports, request), customer, branch, about, _utc(at), 0, AppointmentState.BOOKED,
                request.now, wanted,
            )  # fmt: skip
            reminder = self._reminder(appointment, at, branch_name(sheet, branch, wanted))
            audit = request.audit("appointment.booked", f"appointment:{reference}", branch=branch, at=str(at))
            stands = await ports.appointments.book(appointment, seats, most, reminder, audit)
            if stands is not None:
                return ok(**self._told(stands, sheet, wanted), reminded=self._is_reminded(stands))
        raise InvariantBroken(f"{_TRIES} references in a row were another's")

    async def next(self, request: Request, language: str | None = None) -> OperationResult:
        """Answer the customer's appointments to come."""
        ports, wanted = self._ports, language or request.session.language
        sheet = await ports.information.current()
        found = await ports.appointments.to_come(customer_of(request), request.now)
        told: tuple[Value, ...] = tuple(self._told(one, sheet, wanted) for one in found)
        return ok(appointments=told, count=len(told))

    async def cancel(self, request: Request, reference: str) -> OperationResult:
        """Give an appointment up. One that is theirs no more is given up already."""
        audit = request.audit("appointment.cancelled", f"appointment:{reference}")
        await self._ports.appointments.cancel(customer_of(request), reference, audit)
        return OK

    async def at_branch(self, branch: str) -> Sequence[Appointment]:
        """Answer who comes to a branch from now on: for its staff.

        Raises:
            Declined: ``place_unknown``.
        """
        sheet = await self._ports.information.current()
        since = self._ports.clock.now()
        return await self._ports.appointments.at(sheet.branch(branch).code, since, MAX_LISTED)

    def _moment(self, request: Request, slot: str) -> datetime.datetime | None:
        """Answer the moment that a slot names, when it is one that is offered."""
        profile = self._ports.profile
        local = profile.limits.local(request.now)
        moments = profile.appointments.moments(local, profile.callbacks)
        return next((at for at in moments if f"{at:%Y%m%d%H}" == slot), None)

    def _is_reminded(self, appointment: Appointment) -> bool:
        """Answer whether the moment of the reminder comes after the booking: who books for tomorrow remembers."""
        at = self._ports.profile.limits.local(appointment.at)
        return self._ports.profile.appointments.remind(at) > appointment.booked_at

    def _reminder(self, appointment: Appointment, at: datetime.datetime, branch: str) -> Notice | None:
        if not self._is_reminded(appointment):
            return None
        return Notice(
            name=reminder_name(appointment.reference),
            kind=NoticeKind.REMINDER,
            customer_id=appointment.customer_id,
            values={
                "branch": branch,
                "date": at.date(),
                "hour": at.hour,
                "topic": appointment.topic.value,
                "reference": appointment.reference,
            },
            not_before=_utc(self._ports.profile.appointments.remind(at)),
            expires_at=appointment.at,
            language=appointment.language,
        )

    def _told(self, appointment: Appointment, sheet: Information, language: str | None) -> dict[str, Value]:
        at = self._ports.profile.limits.local(appointment.at)
        return {
            "reference": appointment.reference,
            "branch": branch_name(sheet, appointment.branch, language),
            "topic": appointment.topic.value,
            "date": at.date(),
            "hour": at.hour,
        }


def _utc(at: datetime.datetime) -> datetime.datetime:
    return at.astimezone(datetime.UTC)
