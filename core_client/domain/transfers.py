"""A transfer from intent to posting: its states, the moves between them, and what an authorisation is bound to."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from core_client.domain.money import Money
from core_client.errors import InvariantBroken


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
    payee_id: int
    payee_name: str
    creditor_number: str
    amount: Money
    prepared_at: datetime.datetime
    expires_at: datetime.datetime
    authorised_at: datetime.datetime | None = None
    authorised_by: str | None = None  # the request that took the authorisation
    reference: str | None = None

    @property
    def payee_last4(self) -> str:
        """The end of the payee's account number."""
        return self.creditor_number[-4:]

    def binding(self) -> bytes:
        """Answer what an authorisation or a code for this intent is bound to (PSD2 RTS art. 5: amount and payee)."""
        parts = (self.id, str(self.amount), self.debtor_account, self.creditor_number)
        return "\x1f".join(parts).encode()

    def order(self) -> TransferOrder:
        """Answer the order that carries this intent out."""
        return TransferOrder(self.id, self.debtor_account, self.creditor_number, self.amount, self.payee_name)
