"""What customers have agreed to, line by line."""

from __future__ import annotations

import datetime
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.consents import Consent


class Consents(Protocol):
    """Keeps who agreed to what."""

    async def set(
        self, consent: Consent, party: str, customer_id: int, given: bool, at: datetime.datetime, audit: AuditRecord
    ) -> None:
        """Remember that a customer agreed for a line (by keyed hash), or takes it back."""
        ...

    async def given(self, consent: Consent, party: str, customer_id: int) -> bool:
        """Answer whether this customer agreed for this line; what a former owner of the line said does not count."""
        ...
