"""Accounts, balances and entries, as the bank answers them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from core_client.domain.money import Money
from core_client.errors import InvariantBroken


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a customer. ``available`` is what may be spent: booked, less what is held."""

    id: str
    number: str
    product: str
    booked: Money
    available: Money
    default: bool
    frozen: bool

    @property
    def last4(self) -> str:
        """The end of the account number: all of it that is ever spoken or sent."""
        return self.number[-4:]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a statement; negative amounts left the account."""

    at: datetime.datetime
    amount: Money
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a journal before it is booked."""

    account_id: int
    amount: Money
    text: str


def assert_balanced(lines: Iterable[Line]) -> None:
    """Assert that a journal sums to zero in each currency. Stays on in production.

    Raises:
        InvariantBroken: it does not, or has no line.
    """
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.amount.currency] = sums.get(line.amount.currency, 0) + line.amount.amount_minor
    if not sums or any(sums.values()):
        raise InvariantBroken(f"a journal that does not sum to zero: {sums}")
