"""Cash without a card: an amount that is held until a machine pays it out for a code, or until the code is too old."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from enum import StrEnum

from core_client.domain.money import Money
from core_client.errors import Declined

CODE_DIGITS = 6
CASH_ACCOUNT = "CASH-{currency}"  # the bank's own: what its machines pay out


class CashState(StrEnum):
    """Where an order stands."""

    WAITING = "waiting"  # a machine may pay it out
    COLLECTING = "collecting"  # one machine asks the ledger for it: no other gets it
    COLLECTED = "collected"  # booked; that machine pays out
    ENDED = "ended"  # cancelled, too old, tried too often, or not paid out: the hold, or the booking, is to be undone
    LET_GO = "let_go"  # and the hold is let go
    RETURNED = "returned"  # and what was booked is booked back


@dataclass(frozen=True, slots=True)
class CashOrder:
    """One order. The code itself is nowhere."""

    intent_id: str
    customer_id: int
    party: str  # keyed hash of the line that is keyed at the machine
    amount: Money
    code_mac: bytes = field(repr=False)
    expires_at: datetime.datetime
    tries: int = 0
    state: CashState = CashState.WAITING
    collected_by: str | None = None
    terminal: str | None = None


@dataclass(frozen=True, slots=True)
class CashPolicy:
    """What machines pay out without a card, in minor units of the bank's own currency.

    Attributes:
        multiple_minor: the smallest note: every amount is so many of it.
        most_minor: of one order.
        life: how long a code is good.
        most_tries: so many wrong codes end every order of the line that was keyed.
    """

    multiple_minor: int = 10_000
    most_minor: int = 200_000
    life: datetime.timedelta = datetime.timedelta(minutes=30)
    most_tries: int = 3

    def check(self, amount: Money, currency: str) -> None:
        """Check an amount.

        Raises:
            Declined: ``amount_invalid``, ``cash_amount``.
        """
        if amount.currency != currency or amount.amount_minor <= 0:
            raise Declined("amount_invalid")
        if amount.amount_minor % self.multiple_minor or amount.amount_minor > self.most_minor:
            raise Declined("cash_amount", left=Money(self.most_minor, currency))
