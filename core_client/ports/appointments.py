"""Appointments at branches."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Protocol

from core_client.domain.appointments import Appointment
from core_client.domain.audit import AuditRecord
from core_client.domain.notices import Notice


class Appointments(Protocol):
    """Keeps who comes when."""

    async def taken(self, branch: str, since: datetime.datetime) -> Mapping[datetime.datetime, int]:
        """Answer how many come to a branch, by the moments after ``since`` that anybody comes at."""
        ...

    async def book(
        self, wanted: Appointment, seats: int, most_open: int, reminder: Notice | None, audit: AuditRecord
    ) -> Appointment | None:
        """Book one, with the text that reminds of it (if any), in one transaction; the same request again, the first.

        Returns:
            What stands now; None when its reference is another's already (give another one).

        Raises:
            Declined: ``slot_taken``: ``seats`` come at that time already; ``appointment_open``: the customer has
                ``most_open`` appointments to come.
        """
        ...

    async def to_come(self, customer_id: int, now: datetime.datetime) -> Sequence[Appointment]:
        """Answer a customer's appointments after ``now``, the next one first."""
        ...

    async def cancel(self, customer_id: int, reference: str, audit: AuditRecord) -> bool:
        """Give one up, with its reminder; False when the customer has no such one any more."""
        ...

    async def at(self, branch: str, since: datetime.datetime, limit: int) -> Sequence[Appointment]:
        """Answer who comes to a branch after ``since``, in order: for its staff."""
        ...
