"""Billers: who is paid for what, which references and amounts they take, and what is due."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from core_client.domain.customers import folded, known_names
from core_client.domain.money import Money
from core_client.errors import Declined

MAX_CODE = 8


class BillerKind(StrEnum):
    """What a biller is paid for."""

    BILL = "bill"
    TOP_UP = "top_up"  # a mobile operator: its references are telephone numbers


@dataclass(frozen=True, slots=True)
class Biller:
    """One biller. ``name`` holds its Chinese and its other words, as a payee's does.

    Attributes:
        code: what is keyed or texted for it; digits.
        digits: how long a reference is, least and most.
        amounts_minor: the least and the most that one payment may be.
        told_due: it sends what is due; only such a bill can be asked for, or paid without naming an amount.
        prefixes: of the national mobile numbers that an operator gives out.
        is_open: payments are taken now.
    """

    code: str
    name: str
    kind: BillerKind
    account_number: str
    currency: str
    digits: tuple[int, int]
    amounts_minor: tuple[int, int]
    told_due: bool = False
    prefixes: tuple[str, ...] = ()
    is_open: bool = True

    def __post_init__(self) -> None:
        if not (self.code.isascii() and self.code.isdigit() and len(self.code) <= MAX_CODE):
            raise ValueError(f"'{self.code}' cannot be a biller's code: it is keyed, so up to {MAX_CODE} digits")
        if not 0 < self.digits[0] <= self.digits[1]:
            raise ValueError(f"{self.code}: a reference has at least one digit, and at most as many as the longest")
        if not 0 < self.amounts_minor[0] <= self.amounts_minor[1]:
            raise ValueError(f"{self.code}: the least amount is above zero and not above the most")

    @property
    def length(self) -> str:
        """How long a reference is, as it is told: ``8`` or ``6-12``."""
        least, most = self.digits
        return str(least) if least == most else f"{least}-{most}"

    def reference(self, given: str) -> str:
        """Answer a reference as this biller writes it.

        Raises:
            Declined: ``bill_reference_invalid``.
        """
        digits = "".join(given.split()).replace("-", "")
        least, most = self.digits
        if not (digits.isascii() and digits.isdigit() and least <= len(digits) <= most):
            raise Declined("bill_reference_invalid")
        return digits

    def check_amount(self, amount: Money) -> None:
        """Check one payment.

        Raises:
            Declined: ``amount_invalid``, ``bill_amount``.
        """
        if amount.currency != self.currency or amount.amount_minor <= 0:
            raise Declined("amount_invalid")
        least, most = self.amounts_minor
        if not least <= amount.amount_minor <= most:
            raise Declined("bill_amount", left=Money(most, self.currency) if amount.amount_minor > most else None)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a biller says is due on a reference, and what has been paid or is under way against it."""

    biller: str
    reference: str
    amount: Money
    due: datetime.date
    issued_at: datetime.datetime
    paid: Money

    @property
    def owed(self) -> Money:
        """What is still due; never less than nothing."""
        left = self.amount - self.paid
        return left if left.amount_minor > 0 else Money(0, left.currency)


@dataclass(frozen=True, slots=True)
class Payment:
    """What an intent pays. ``reference`` of a top-up is its number, in E.164."""

    intent_id: str
    biller: str
    reference: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment as its biller gets it told: booked, and for whom."""

    intent_id: str
    reference: str = field(repr=False)
    amount: Money
    booked_reference: str
    authorised_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class TopUpPolicy:
    """Which amounts of the bank's own currency are topped up, in its minor units; what is asked for is one of them."""

    amounts_minor: tuple[int, ...] = (1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000)


def find_biller(billers: Iterable[Biller], asked: str) -> Biller:
    """Find the one open biller that ``asked`` names: by code, by full name, or by its Chinese or its other words.

    Raises:
        Declined: ``biller_unknown``.
    """
    wanted = folded(asked)
    known = [biller for biller in billers if biller.is_open and biller.kind is BillerKind.BILL]
    found = [biller for biller in known if wanted == biller.code]
    found = found or [biller for biller in known if wanted and wanted in known_names(biller.name)]
    if len(found) != 1:
        raise Declined("biller_unknown")
    return found[0]


def operator_of(billers: Sequence[Biller], national: str) -> Biller:
    """Find the operator of a national mobile number: the one with the longest prefix that it begins with.

    Raises:
        Declined: ``operator_unknown``.
    """
    fitting = [
        (len(prefix), biller)
        for biller in billers
        if biller.is_open and biller.kind is BillerKind.TOP_UP and biller.digits[0] <= len(national) <= biller.digits[1]
        for prefix in biller.prefixes
        if national.startswith(prefix)
    ]
    if not fitting:
        raise Declined("operator_unknown")
    return max(fitting, key=lambda one: one[0])[1]
