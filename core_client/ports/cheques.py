"""Cheques of a customer's accounts."""

from __future__ import annotations

import datetime
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.cheques import Cheque


class Cheques(Protocol):
    """Knows which cheques were issued, and stops them."""

    async def cheque(self, customer_id: int, number: str) -> Cheque:
        """Answer a cheque of one of the customer's books.

        Raises:
            Declined: ``cheque_unknown``: none of their books has it.
        """
        ...

    async def stop(
        self, customer_id: int, number: str, reference: str, at: datetime.datetime, audit: AuditRecord
    ) -> Cheque:
        """Stop a cheque, once: again answers the stop that stands, with its reference.

        Raises:
            Declined: ``cheque_unknown``; ``cheque_paid``: it was presented already.
        """
        ...
