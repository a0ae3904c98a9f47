"""Amounts that wait for a cash machine."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.cash import CashOrder, CashState


class Collection(StrEnum):
    """What came of a machine's asking."""

    TAKEN = "taken"  # this machine has it
    WRONG = "wrong"
    ENDED = "ended"  # that wrong code was one too many
    GONE = "gone"  # too old, with another machine, or over


class CashOrders(Protocol):
    """Stores orders. Of any number of machines that ask for one at once, one gets it."""

    async def create(self, order: CashOrder, audit: AuditRecord) -> bool:
        """Store an order; of one that waits, its new code. False when the customer has another one that waits."""
        ...

    async def of_intent(self, intent_id: str) -> CashOrder | None:
        """Answer the order of an intent."""
        ...

    async def waiting_of(self, customer_id: int) -> CashOrder | None:
        """Answer the customer's order that waits, or is being collected."""
        ...

    async def last_of(self, customer_id: int) -> CashOrder | None:
        """Answer the customer's latest order, wherever it stands."""
        ...

    async def waiting_at(self, party: str, terminal: str, request_id: str) -> CashOrder | None:
        """Answer the order that this machine's request has got before, else the one that waits for this line."""
        ...

    async def collect(
        self, intent_id: str, code_mac: bytes, request_id: str, terminal: str, now: datetime.datetime,
        most_tries: int, audit: AuditRecord,
    ) -> Collection:  # fmt: skip
        """Take an order for one machine if the code is right; the same request again is the same collection.

        A wrong code counts; ``most_tries`` of them end the order.
        """
        ...

    async def advance(
        self, intent_id: str, before: CashState, after: CashState, audit: AuditRecord, by: str | None = None
    ) -> bool:
        """Move an order on from where it is thought to be; answer whether it was there. ``by``: who asked for it."""
        ...

    async def over(self, now: datetime.datetime) -> Sequence[CashOrder]:
        """Answer the orders that wait and are too old, whose machine says nothing more, or that are to be undone."""
        ...
