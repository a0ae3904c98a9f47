"""The people of the bank, by name and by the hash of their token."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.staff import Person


class Staff(Protocol):
    """Keeps people. A token itself never comes here: only its SHA-256."""

    async def add(self, person: Person, token_hash: str, audit: AuditRecord) -> bool:
        """Store somebody new; answer False when the name was given before, to whomever."""
        ...

    async def by_token(self, token_hash: str) -> tuple[Person, str] | None:
        """Answer whose token has this hash, and the stored hash; also of somebody who is revoked."""
        ...

    async def all(self) -> Sequence[Person]:
        """Answer everybody, also who is revoked, by name."""
        ...

    async def revoke(self, name: str, at: datetime.datetime, audit: AuditRecord) -> bool:
        """End somebody's token for ever; answer False when nobody active has the name."""
        ...

    async def rotate(self, name: str, token_hash: str, audit: AuditRecord) -> bool:
        """Put another token in the place of somebody's; answer False when nobody active has the name."""
        ...
