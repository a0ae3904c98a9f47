"""A request to be called back: who, about what, by when; and the rule that says by when."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import phonenumbers

MAX_NOTES = 20  # of one request: who asks more often is waiting, and what the first twenty say is enough to call
_ONE_DAY = datetime.timedelta(days=1)
_LONGEST_CLOSURE = 366  # days: a policy without a single working day in a year is a mistake, not a rule
# Calling these costs whoever calls: asking a bank to call one back is a fraud of its own.
_COSTLY = (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST)


class CallbackState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    TAKEN = "taken"  # somebody is about to call
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class CallbackNote:
    """What was said with one asking: a later one to the same number and queue adds to the first."""

    request_id: str
    at: datetime.datetime
    about: str | None = field(default=None, repr=False)  # a customer's own words: what is in them nobody knows
    recording: str | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """One request. ``number`` is whole: somebody has to call it; print it only where that somebody reads."""

    reference: str
    number: str = field(repr=False)
    queue: str
    channel: str
    asked_by: str | None = field(repr=False)  # keyed hash of the line that asked; None when withheld
    customer_id: int | None
    language: str | None
    asked_at: datetime.datetime
    due: datetime.date
    notes: tuple[CallbackNote, ...]
    state: CallbackState = CallbackState.OPEN
    taken_by: str | None = None
    taken_at: datetime.datetime | None = None
    closed_by: str | None = None
    closed_at: datetime.datetime | None = None
    outcome: str | None = field(default=None, repr=False)  # what the one who closed it wrote

    def is_overdue(self, today: datetime.date) -> bool:
        """Answer whether it waits although its day is over."""
        return self.state is not CallbackState.CLOSED and today > self.due


@dataclass(frozen=True, slots=True)
class CallbackPolicy:
    """By when somebody calls: the same working day when asked before ``same_day_until``, else the next one."""

    workdays: frozenset[int] = frozenset(range(5))  # 0 is Monday
    same_day_until: datetime.time = datetime.time(15, 0)
    holidays: frozenset[datetime.date] = frozenset()
    most_open_per_line: int = 3  # one line asks for so many at once: a fourth is no request, it is a nuisance

    def due(self, local: datetime.datetime) -> datetime.date:
        """Answer the day by whose end somebody has called, for a request at ``local`` (the bank's own time)."""
        day = local.date()
        if self._is_working(day) and local.time() < self.same_day_until:
            return day
        for _ in range(_LONGEST_CLOSURE):
            day += _ONE_DAY
            if self._is_working(day):
                return day
        return day

    def _is_working(self, day: datetime.date) -> bool:
        return day.weekday() in self.workdays and day not in self.holidays


def may_be_called(number: str) -> bool:
    """Answer whether ``number`` is one in E.164 that a bank may be asked to call: real, and not a costly one."""
    if not number.startswith("+"):
        return False
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
        return False
    return bool(phonenumbers.is_valid_number(parsed)) and phonenumbers.number_type(parsed) not in _COSTLY


def note_as_json(note: CallbackNote) -> Mapping[str, str | int | None]:
    """Answer a note as it is stored."""
    return {
        "request": note.request_id,
        "at": note.at.isoformat(),
        "about": note.about,
        "recording": note.recording,
        "seconds": note.seconds,
    }


def note_from_json(data: Mapping[str, str | int | None]) -> CallbackNote:
    """Read what :func:`note_as_json` wrote."""
    about, recording, seconds = data["about"], data["recording"], data["seconds"]
    return CallbackNote(
        request_id=str(data["request"]),
        at=datetime.datetime.fromisoformat(str(data["at"])),
        about=None if about is None else str(about),
        recording=None if recording is None else str(recording),
        seconds=None if seconds is None else int(seconds),
    )
