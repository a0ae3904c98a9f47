"""The bank behind the services: accounts and money. Embedded here, or a core banking system behind an API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core_client.domain.accounts import Account, Entry
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder


class HoldState(StrEnum):
    """What the ledger knows of an intent."""

    NONE = "none"  # never asked for
    HELD = "held"
    POSTED = "posted"
    VOIDED = "voided"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Posting:
    """A booked transfer: its reference, and what the debtor has left to spend."""

    reference: str
    available: Money


class CoreBank(Protocol):
    """The one way to accounts and money.

    Raises, from every method that changes something:
        Declined: the bank said no; nothing moved.
        Unavailable: nothing was sent; asking again is safe.
        OutcomeUnknown: sent, no answer; only :meth:`query` may follow.
    Enquiries raise Declined or Unavailable.
    """

    async def accounts(self, customer_id: int) -> Sequence[Account]:
        """Answer the customer's accounts, the default one first."""
        ...

    async def account(self, customer_id: int, account: str | None) -> Account:
        """Answer one account by id or last four digits; without, the default one. ``account_unknown`` if not theirs."""
        ...

    async def recent(self, customer_id: int, account: str | None, limit: int) -> tuple[Account, Sequence[Entry]]:
        """Answer an account and its ``limit`` latest entries, newest first."""
        ...

    async def hold(self, order: TransferOrder) -> None:
        """Hold the amount, once per intent id: again with the same order is the same hold.

        Raises:
            IntentConflict: the id is known with another order; nothing moved.
        """
        ...

    async def post(self, intent_id: str) -> Posting:
        """Book what is held, once: again answers the same posting."""
        ...

    async def void(self, intent_id: str) -> None:
        """Let the hold go. Of an unknown id: it can never be held from now on. Declined if it is posted."""
        ...

    async def reverse(self, intent_id: str) -> Posting:
        """Book a posting back by a second journal, once."""
        ...

    async def query(self, intent_id: str) -> tuple[HoldState, Posting | None]:
        """Answer what became of an intent; with its posting when it was booked."""
        ...
