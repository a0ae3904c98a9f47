"""Who takes bills and top-ups, what is due, and what an intent pays."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.billers import Bill, Biller, Paid, Payment


class Billers(Protocol):
    """The registry of billers."""

    async def all(self) -> Sequence[Biller]:
        """Answer every biller, open or not, by code."""
        ...

    async def put(self, biller: Biller, audit: AuditRecord) -> None:
        """Add a biller, or change the one with that code."""
        ...

    async def put_bills(
        self, biller: str, bills: Sequence[tuple[str, int, datetime.date]], at: datetime.datetime, audit: AuditRecord
    ) -> None:
        """Take what a biller says is due: (reference, minor units, due). A reference that is there begins anew."""
        ...

    async def bill(self, biller: Biller, reference: str) -> Bill | None:
        """Answer what is due on a reference, with what was paid against it: also what is under way counts."""
        ...

    async def note(self, payment: Payment, *, party: str | None = None) -> None:
        """Write down what an intent pays, once. Before the intent can be authorised.

        Args:
            payment: what is paid.
            party: of a top-up, the keyed hash of its number, which then rests sealed.
        """
        ...

    async def paid(self, biller: str, since: datetime.datetime, until: datetime.datetime) -> Sequence[Paid]:
        """Answer the booked payments of a biller that were authorised from ``since`` and before ``until``."""
        ...
