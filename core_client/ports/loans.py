"""Loans of a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core_client.domain.loans import Loan


class Loans(Protocol):
    """Reads the loan books."""

    async def of(self, customer_id: int) -> Sequence[Loan]:
        """Answer a customer's loans, the one due next first."""
        ...
