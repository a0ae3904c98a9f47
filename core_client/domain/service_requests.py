"""What a customer asks the bank's people for: a statement, a cheque book, an answer to a complaint."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core_client.domain.callbacks import CallbackPolicy

_DAY = datetime.timedelta(days=1)
MAX_OUTCOME = 200  # characters of what staff write when they close one


class RequestKind(StrEnum):
    """What is asked for."""

    STATEMENT = "statement"
    CHEQUE_BOOK = "cheque_book"
    COMPLAINT = "complaint"
    CARD_UNBLOCK = "card_unblock"
    UNFREEZE = "unfreeze"


class RequestState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One request. ``detail`` is what staff need for it; a complaint's own words show in no repr."""

    reference: str
    request_id: str
    kind: RequestKind
    customer_id: int | None  # None: nobody has that customer number, and the caller must not learn it
    proved: bool  # False: only a customer number was keyed
    channel: str
    language: str | None
    asked_at: datetime.datetime
    due: datetime.date
    detail: Mapping[str, str | int] = field(default_factory=dict, repr=False)
    state: RequestState = RequestState.OPEN
    closed_by: str | None = None
    closed_at: datetime.datetime | None = None
    outcome: str | None = field(default=None, repr=False)

    def is_overdue(self, today: datetime.date) -> bool:
        """Answer whether it waits although its day is over."""
        return self.state is not RequestState.CLOSED and today > self.due


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """By when each kind is done, in working days of ``calendar``, and how many may wait at once."""

    working_days: Mapping[RequestKind, int] = field(
        default_factory=lambda: {
            RequestKind.STATEMENT: 3,
            RequestKind.CHEQUE_BOOK: 5,
            RequestKind.CARD_UNBLOCK: 1,
            RequestKind.UNFREEZE: 1,
            RequestKind.COMPLAINT: 10,  # two weeks; a regulator's own figure goes before it
        }
    )
    most_open: int = 5  # of one customer and kind: who asks more often is waiting already
    most_months: int = 12  # of one statement

    def due(self, kind: RequestKind, local: datetime.datetime, calendar: CallbackPolicy) -> datetime.date:
        """Answer the day by whose end a request made at ``local`` (the bank's own time) is done."""
        day = local.date()
        for _ in range(self.working_days[kind]):
            day = calendar.due(datetime.datetime.combine(day + _DAY, datetime.time.min))
        return day
