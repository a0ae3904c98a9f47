"""Schedules: when a line is open, by the week, with holidays and special days. Pure: the time is always given.

A time is compared as the clock on the wall shows it in the flow's time zone, so that 09:00 is 09:00 also on the day on
which the clocks change.
"""

from __future__ import annotations

import datetime
import itertools
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core_client.language.source import Place

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"  # instead of opening hours
DAY_MINUTES = 24 * 60
MAX_SPANS = 8  # of one day; a counter closes for lunch, not eight times
MAX_DATES = 200  # holidays or special days of one schedule: some years of them
MAX_HOLIDAY_DAYS = 62  # of one range: longer is a slip in the year

_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Spans = tuple[tuple[int, int], ...]  # minutes of the day: from, and before


class State(StrEnum):
    """What a schedule says of a moment."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"  # closed, because the day is one


class ScheduleError(ValueError):
    """Something of a schedule that cannot be read; the text says what and how to mend it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a line is open. ``week`` holds the spans of each day, Monday first."""

    name: str
    place: Place
    zone: zoneinfo.ZoneInfo
    week: tuple[Spans, ...]
    holidays: tuple[tuple[datetime.date, datetime.date], ...] = ()  # the first and the last day of each
    special: Mapping[datetime.date, Spans] = field(default_factory=dict)

    def state(self, at: datetime.datetime) -> State:
        """Answer whether it is open at ``at``, which knows its zone."""
        local = at.astimezone(self.zone)
        day = local.date()
        minute = local.hour * 60 + local.minute
        spans = self.special.get(day)
        if spans is None:
            if any(first <= day <= last for first, last in self.holidays):
                return State.HOLIDAY
            spans = self.week[day.weekday()]
        return State.OPEN if any(begin <= minute < end for begin, end in spans) else State.CLOSED

    def never_opens(self, since: datetime.date | None = None) -> bool:
        """Answer whether no day is left on which it opens: none at all, or none from ``since`` on."""
        if any(self.week):
            return False  # a holiday ends after ``MAX_HOLIDAY_DAYS``, and there is an end to them
        return not any(spans and (since is None or day >= since) for day, spans in self.special.items())


def spans_of(text: str) -> tuple[int, int]:
    """Read ``09:00-17:30``; 24:00 may end it.

    Raises:
        ScheduleError: it is no span of time within one day.
    """
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ScheduleError("opening hours are written 09:00-17:30, or closed")
    hours = [int(match[1]), int(match[3])]
    minutes = [int(match[2]), int(match[4])]
    if max(minutes) > 59:
        raise ScheduleError("an hour has minutes 00 to 59")
    begin, end = hours[0] * 60 + minutes[0], hours[1] * 60 + minutes[1]
    if end > DAY_MINUTES or begin >= DAY_MINUTES:
        raise ScheduleError("a day has the hours 00:00 to 24:00")
    if begin >= end:
        raise ScheduleError("the end stands before the beginning: hours over midnight are written as two days")
    return begin, end


def in_order(spans: list[tuple[int, int]]) -> Spans:
    """Answer the spans of one day.

    Raises:
        ScheduleError: there are too many, or two of them overlap.
    """
    if len(spans) > MAX_SPANS:
        raise ScheduleError(f"at most {MAX_SPANS} spans a day")
    found = sorted(spans)
    if any(before[1] > after[0] for before, after in itertools.pairwise(found)):
        raise ScheduleError("two spans of this day overlap")
    return tuple(found)


def days_of(text: str) -> tuple[int, ...]:
    """Read ``mon`` or ``mon-fri`` as days of the week; ``sat-mon`` goes over Sunday.

    Raises:
        ScheduleError: it names no days.
    """
    first, dash, last = text.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise ScheduleError(f"days are written {', '.join(DAYS)}, or mon-fri")
    begin = DAYS.index(first)
    count = (DAYS.index(last) - begin) % 7 if dash else 0
    return tuple((begin + n) % 7 for n in range(count + 1))


def date_of(text: str) -> datetime.date:
    """Read ``2026-10-01``.

    Raises:
        ScheduleError: there is no such day.
    """
    if not _DATE.fullmatch(text):
        raise ScheduleError("a day is written 2026-10-01")
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ScheduleError(f"there is no day {text}") from None


def dates_of(text: str) -> tuple[datetime.date, datetime.date]:
    """Read ``2026-12-31`` or ``2026-10-01..2026-10-07``.

    Raises:
        ScheduleError: it is no day and no range of days.
    """
    first, dots, last = text.partition("..")
    begin = date_of(first)
    end = date_of(last) if dots else begin
    if end < begin:
        raise ScheduleError("the last day stands before the first")
    if (end - begin).days >= MAX_HOLIDAY_DAYS:
        raise ScheduleError(f"a holiday longer than {MAX_HOLIDAY_DAYS} days: is the year right?")
    return begin, end
