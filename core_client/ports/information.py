"""The sheet of rates, products and branches that every channel tells from."""

from __future__ import annotations

from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.information import Information


class InformationSheet(Protocol):
    """Keeps what the bank tells anybody."""

    async def current(self) -> Information:
        """Answer the newest sheet; an empty one where none was published."""
        ...

    async def publish(self, text: str, by: str, audit: AuditRecord) -> None:
        """Put a sheet in force, as JSON. What was told before stays stored, with who published it."""
        ...
