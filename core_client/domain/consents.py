"""What a customer must have agreed to before the bank does it."""

from __future__ import annotations

from enum import StrEnum


class Consent(StrEnum):
    """One thing that can be agreed to."""

    MISSED_CALL_BALANCE = "missed_call_balance"  # a call that nobody answers brings the balance by text
