"""Accounts that their customers froze."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core_client.domain.audit import AuditRecord


@dataclass(frozen=True, slots=True)
class Freeze:
    """That a customer froze an account, or all of them."""

    customer_id: int
    account: str | None  # None: every account, also those that are opened later
    frozen_at: datetime.datetime
    reference: str


class Freezes(Protocol):
    """Freezes and lifts. From the commit on no money leaves, on any channel and node.

    An account that the bank itself froze is none of these: lifting a customer's own freeze leaves it frozen.
    """

    async def freeze(
        self, customer_id: int, account: str | None, reference: str, at: datetime.datetime, audit: AuditRecord
    ) -> Freeze:
        """Freeze one account, or all; what is frozen already keeps its reference."""
        ...

    async def lift(self, customer_id: int, audit: AuditRecord) -> Sequence[Freeze]:
        """Lift what the customer froze; answer what it was."""
        ...

    async def unblock_card(self, customer_id: int, last4: str, at: datetime.datetime, audit: AuditRecord) -> bool:
        """Have a blocked card pay again; False when the customer has no such card that is blocked."""
        ...

    async def of_customer(self, customer_id: int) -> Sequence[Freeze]:
        """Answer what the customer froze, the oldest first."""
        ...
