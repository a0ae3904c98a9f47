"""What can go wrong between a channel and the bank.

BankError
├── Declined        the bank said no; ``reason`` is a code from the registry, safe to speak
├── Unavailable     nothing was sent; asking again is safe
├── OutcomeUnknown  sent, no answer: reconcile, keep the id
├── IntentConflict  the same intent id came with other parameters: nothing moved
└── InvariantBroken the books do not add up: stop, tell a person
"""

from __future__ import annotations

from core_client.domain.money import Money


class BankError(Exception):
    """Anything that the bank or the way to it answers instead of a result."""


class Declined(BankError):
    """The bank said no."""

    def __init__(self, reason: str, message: str = "", *, left: Money | None = None) -> None:
        super().__init__(message or reason)
        self.reason = reason
        self.left = left  # the highest amount that would still be possible, where an amount was too high


class Unavailable(BankError):
    """Nothing was sent, or what was asked only reads: asking again is safe."""


class OutcomeUnknown(BankError):
    """It was sent and no answer came: it may have happened. Keep the id; reconcile."""


class IntentConflict(BankError):
    """One intent id, two different orders. The first stands, nothing moved."""


class InvariantBroken(BankError):
    """An assertion of the ledger failed; the transaction was rolled back."""
