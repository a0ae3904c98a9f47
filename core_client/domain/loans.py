"""Loans as the loan books tell them: read here, never changed here."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from core_client.domain.money import Money


@dataclass(frozen=True, slots=True)
class Loan:
    """One loan of a customer. ``outstanding`` is what is owed; nothing is due any more when it is zero."""

    number: str
    product: str
    outstanding: Money
    next_payment: Money
    next_due: datetime.date

    @property
    def last4(self) -> str:
        """The end of the loan's number: all of it that is ever spoken or sent."""
        return self.number[-4:]
