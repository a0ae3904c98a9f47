"""Cheques: the books that were issued, and what became of each cheque."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum


class ChequeState(StrEnum):
    """What became of a cheque."""

    OUTSTANDING = "outstanding"  # in an issued book, never presented
    PAID = "paid"
    RETURNED = "returned"  # presented and not paid
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Cheque:
    """One cheque of an account. ``changed_at`` is when it took this state; ``reference`` of a stop."""

    account_id: str
    number: str
    state: ChequeState
    changed_at: datetime.datetime
    reference: str | None = None
