"""Texts that are owed to customers, and who wants one for each posting."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.notices import AlertRule, Notice


class Notices(Protocol):
    """Keeps alert rules and the texts that are owed."""

    async def set_alert(self, customer_id: int, rule: AlertRule | None, audit: AuditRecord) -> None:
        """Remember a customer's rule in place of the one before; None ends it."""
        ...

    async def alert(self, customer_id: int) -> AlertRule | None:
        """Answer a customer's rule."""
        ...

    async def gather_alerts(self, now: datetime.datetime) -> int:
        """Owe a text for each posting since the last time that some rule asks for; answer how many were found.

        Any number of nodes may do it at once: a posting is owed one text. A posting that was booked a little before
        the last time and committed after it is found too.
        """
        ...

    async def owe(self, notice: Notice) -> None:
        """Store a text that is owed, once by its name."""
        ...

    async def due(self, now: datetime.datetime, limit: int) -> Sequence[Notice]:
        """Answer texts that are owed now, the oldest first. What has expired is no longer owed."""
        ...

    async def told(self, name: str, at: datetime.datetime) -> None:
        """Remember that a text was handed over, or that it is owed to nobody any more."""
        ...
