"""What a reconciliation between ledger, intents, audit chain and channels may find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core_client.domain.transfers import TransferState
from core_client.ports.core_bank import HoldState

_T, _H = TransferState, HoldState

# What an intent and the ledger say together, when nothing is under way.
SETTLED: frozenset[tuple[TransferState, HoldState]] = frozenset(
    {
        (_T.PREPARED, _H.NONE),
        (_T.EXPIRED, _H.NONE),
        (_T.VOIDED, _H.NONE),
        (_T.VOIDED, _H.VOIDED),
        (_T.POSTED, _H.POSTED),
        (_T.REVERSED, _H.REVERSED),
    }
)
# Under way: the ledger may be one step ahead of what is written down. A drain brings these to a last word.
OPEN: frozenset[tuple[TransferState, HoldState]] = frozenset(
    {
        *((_T.AUTHORISED, state) for state in _H if state is not _H.REVERSED),
        *((_T.HELD, state) for state in (_H.HELD, _H.POSTED, _H.VOIDED)),
        *((_T.UNKNOWN, state) for state in _H),
        (_T.POSTED, _H.REVERSED),
    }
)


class Differing(StrEnum):
    """Which two do not agree."""

    STATE = "state"  # an intent and the ledger say different things of it
    AMOUNT = "amount"  # amount, currency, fee or debtor
    REFERENCE = "reference"  # what the customer was told is not what was booked
    JOURNAL = "journal"  # a hold and its journals: none, several, or another sum
    NO_ORDER = "no_order"  # the ledger moved something that nobody ordered
    AUDIT = "audit"  # the audit chain knows a posting that is none, or does not know one
    TEXT = "text"  # a customer was texted a last word that there is not
    UNTOLD = "untold"  # a last word, and nobody was told
    BOOKS = "books"  # the books do not add up


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: about which intent or journal, and what each side says. No number, no name."""

    differing: Differing
    about: str
    words: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared, what differs, and what is under way."""

    intents: int
    holds: int
    journals: int
    audit_rows: int
    differences: Sequence[Difference]
    open: Sequence[Difference]

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not self.differences
