"""Appointments at a branch: which hours there are, who has them, what to bring."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from core_client.domain.callbacks import CallbackPolicy

_ONE_DAY = datetime.timedelta(days=1)


class Topic(StrEnum):
    """What an appointment is about; each has a prompt ``bring_<topic>`` that says what to bring."""

    ACCOUNT = "account"
    CARD = "card"
    LOAN = "loan"
    OTHER = "other"

    @classmethod
    def keyed(cls, digit: str) -> Topic | None:
        """Answer the topic that a customer names by its number, from 1."""
        topics = {str(number): topic for number, topic in enumerate(cls, start=1)}
        return topics.get(digit)


class AppointmentState(StrEnum):
    """Where an appointment stands."""

    BOOKED = "booked"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Appointment:
    """One hour at one branch. ``seat`` counts those who come at the same time, from 0."""

    reference: str
    request_id: str
    customer_id: int
    branch: str
    topic: Topic
    at: datetime.datetime
    seat: int
    state: AppointmentState
    booked_at: datetime.datetime
    language: str | None = None


@dataclass(frozen=True, slots=True)
class AppointmentPolicy:
    """Which hours are offered: whole ones of working days, from tomorrow on."""

    hours: tuple[int, ...] = (9, 10, 11, 14, 15, 16)
    days_ahead: int = 14
    offered: int = 5  # half a minute by phone: nobody listens to more
    most_open: int = 2  # of one customer
    remind_at: datetime.time = datetime.time(10, 0)  # the day before, in the bank's own time

    def moments(self, local: datetime.datetime, calendar: CallbackPolicy) -> Iterator[datetime.datetime]:
        """Answer the hours after ``local`` (the bank's own time, aware) that an appointment can be at, in order."""
        last = local.date() + _ONE_DAY * self.days_ahead
        day = local.date() + _ONE_DAY
        while (day := calendar.due(datetime.datetime.combine(day, datetime.time.min))) <= last:
            for hour in self.hours:
                yield datetime.datetime.combine(day, datetime.time(hour), local.tzinfo)
            day += _ONE_DAY

    def remind(self, at: datetime.datetime) -> datetime.datetime:
        """Answer when the customer of an appointment at ``at`` (the bank's own time, aware) is reminded."""
        return datetime.datetime.combine(at.date() - _ONE_DAY, self.remind_at, at.tzinfo)


def reminder_name(reference: str) -> str:
    """Answer the name of the text that reminds of an appointment."""
    return f"appointment-{reference}"
