"""Texts that a customer gets unasked: alerts of postings, reminders, an address that was asked for in a call."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core_client.domain.money import Money
from core_client.domain.values import Value

ALERT_LIFE = datetime.timedelta(hours=12)  # an alert of yesterday alarms, and helps nobody
PAYEE_ADDED_LIFE = datetime.timedelta(days=3)


class NoticeKind(StrEnum):
    """What a notice is; whoever texts it has the words."""

    ALERT = "alert"
    REMINDER = "reminder"
    PLACES = "places"
    PAYEE_ADDED = "payee_added"  # whoever did it: the customer hears of it on their own number


@dataclass(frozen=True, slots=True)
class AlertRule:
    """That a customer wants a text for each posting of ``threshold`` or more, in that currency, from ``since`` on."""

    customer_id: int
    threshold: Money
    since: datetime.datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One text that is owed. ``name`` makes it one: whoever stores it again stores nothing.

    ``values`` are what it tells; the words are the line's own. It goes to the line ``to``, or to the customer's first
    registered one.
    """

    name: str
    kind: NoticeKind
    customer_id: int
    values: Mapping[str, Value] = field(repr=False)
    not_before: datetime.datetime
    expires_at: datetime.datetime
    language: str | None = None
    party: str | None = None  # keyed hash of the line that asked for it; None: the first registered one
