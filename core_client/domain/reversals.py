"""Booking a transfer back: asked for by one person, approved by another, done by a second journal."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum

MAX_REASON = 200  # characters


class ReversalState(StrEnum):
    """Where a request to book a transfer back stands."""

    ASKED = "asked"  # waits for another person
    APPROVED = "approved"  # the ledger is or will be told: carried on after a crash
    DONE = "done"
    REFUSED = "refused"  # by a person, or by the ledger: the payee has spent it


@dataclass(frozen=True, slots=True)
class Reversal:
    """A request to book a transfer back. One stands for an intent at a time."""

    intent_id: str
    state: ReversalState
    reason: str
    asked_by: str
    asked_at: datetime.datetime
    decided_by: str | None = None
    decided_at: datetime.datetime | None = None
