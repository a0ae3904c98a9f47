"""A transfer from intent to posting: its states, the moves between them, and what an authorisation is bound to."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from core_client.domain.money import Money
from core_client.errors import InvariantBroken


class Purpose(StrEnum):
    """What a transfer is for, and so which limits, fees and times to cancel it has."""

    PAYEE = "payee"  # a registered payee who banks here
    OWN = "own"  # between the customer's own accounts
    THIRD_PARTY = "third_party"  # an account of this bank that is no registered payee's
    INTERBANK = "interbank"  # an account at another bank
    BILL = "bill"
    TOP_UP = "top_up"
    CASH = "cash"  # put aside for a cash code


class TransferState(StrEnum):
    """Where an intent stands."""

    PREPARED = "prepared"  # named and stored; nothing moved
    AUTHORISED = "authorised"  # the single-use authorisation was taken; the bank was or will be asked
    HELD = "held"  # the amount is held on the debtor's account
    POSTED = "posted"  # booked, once
    VOIDED = "voided"  # nothing moved, and nothing will
    EXPIRED = "expired"  # never authorised in time
    UNKNOWN = "unknown"  # asked, not answered: leaves by query, by reversal or by a person, never by time alone
    REVERSED = "reversed"  # booked, and booked back by a second journal


_PREPARED, _AUTHORISED, _HELD = TransferState.PREPARED, TransferState.AUTHORISED, TransferState.HELD
_POSTED, _VOIDED, _EXPIRED = TransferState.POSTED, TransferState.VOIDED, TransferState.EXPIRED
_UNKNOWN, _REVERSED = TransferState.UNKNOWN, TransferState.REVERSED

TRANSITIONS: Mapping[TransferState, frozenset[TransferState]] = MappingProxyType(
    {
        _PREPARED: frozenset({_AUTHORISED, _VOIDED, _EXPIRED}),
        _AUTHORISED: frozenset({_HELD, _POSTED, _VOIDED, _UNKNOWN}),
        _HELD: frozenset({_POSTED, _VOIDED, _UNKNOWN}),
        _UNKNOWN: frozenset({_POSTED, _VOIDED}),
        _POSTED: frozenset({_REVERSED}),
        _VOIDED: frozenset(),
        _EXPIRED: frozenset(),
        _REVERSED: frozenset(),
    }
)
IN_FLIGHT = frozenset({_AUTHORISED, _HELD, _UNKNOWN})  # what a restart has to look after
LAST_WORDS = frozenset({_POSTED, _VOIDED, _REVERSED})  # of what was authorised: the customer is told each
SPENDING = frozenset({_AUTHORISED, _HELD, _POSTED, _UNKNOWN})  # what counts towards the day's limit


def may_move(before: TransferState, after: TransferState) -> bool:
    """Answer whether an intent may go from ``before`` to ``after``; staying is no move and always allowed."""
    return before is after or after in TRANSITIONS[before]


def assert_move(before: TransferState, after: TransferState) -> None:
    """Assert :func:`may_move`.

    Raises:
        InvariantBroken: the table has no such move.
    """
    if not may_move(before, after):
        raise InvariantBroken(f"an intent cannot go from {before} to {after}")


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """What the bank is asked to move. ``intent_id`` is stored before it is sent, and is sent once."""

    intent_id: str
    debtor_account: str
    creditor_number: str
    amount: Money
    text: str
    fee_minor: int = 0  # in the amount's currency; held and booked with it, for the bank

    @property
    def fee(self) -> Money:
        """What the bank takes for it."""
        return Money(self.fee_minor, self.amount.currency)

    @property
    def total(self) -> Money:
        """What leaves the debtor's account."""
        return self.amount + self.fee


@dataclass(frozen=True, slots=True)
class Intent:
    """A transfer that was asked for. Amount, payee and account never change: another amount is another intent."""

    id: str
    request_id: str
    customer_id: int
    channel: str
    state: TransferState
    debtor_account: str
    debtor_last4: str
    payee_id: int | None  # None: no registered payee
    payee_name: str
    creditor_number: str
    amount: Money
    prepared_at: datetime.datetime
    expires_at: datetime.datetime
    authorised_at: datetime.datetime | None = None
    authorised_by: str | None = None  # the request that took the authorisation
    reference: str | None = None
    purpose: Purpose = Purpose.PAYEE
    fee_minor: int = 0  # in the amount's currency
    payee_added_at: datetime.datetime | None = None  # when the payee was registered; None: is not
    text: str = ""  # what the entries say; empty: the payee's name
    cancel_until: datetime.datetime | None = None  # authorised and held: not posted before, may be cancelled until
    told_at: datetime.datetime | None = None  # when the customer was told the last word

    @property
    def fee(self) -> Money:
        """What the bank takes for it."""
        return Money(self.fee_minor, self.amount.currency)

    @property
    def total(self) -> Money:
        """What leaves the debtor's account: the amount and the fee."""
        return self.amount + self.fee

    @property
    def payee_last4(self) -> str:
        """The end of the payee's account number."""
        return self.creditor_number[-4:]

    def binding(self) -> bytes:
        """Answer what an authorisation or a code for this intent is bound to (PSD2 RTS art. 5: amount and payee)."""
        parts = (self.id, str(self.amount), str(self.fee), self.debtor_account, self.creditor_number)
        return "\x1f".join(parts).encode()

    def order(self) -> TransferOrder:
        """Answer the order that carries this intent out."""
        text = self.text or self.payee_name
        return TransferOrder(self.id, self.debtor_account, self.creditor_number, self.amount, text, self.fee_minor)
