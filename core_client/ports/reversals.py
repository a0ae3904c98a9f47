"""Requests to book transfers back."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.reversals import Reversal, ReversalState


class Reversals(Protocol):
    """Stores who asked for which reversal, and who decided. Every change is one transaction with its audit row."""

    async def ask(self, reversal: Reversal, audit: AuditRecord) -> Reversal:
        """Store a request; where one was refused before, it stands anew. Another one that stands is answered."""
        ...

    async def get(self, intent_id: str) -> Reversal | None:
        """Answer the request for an intent."""
        ...

    async def in_state(self, state: ReversalState) -> Sequence[Reversal]:
        """Answer the requests in a state, oldest first."""
        ...

    async def decide(
        self, intent_id: str, state: ReversalState, by: str, at: datetime.datetime, audit: AuditRecord
    ) -> Reversal | None:
        """Approve or refuse a request that waits; None when none does any more, or ``by`` asked for it and approves."""
        ...

    async def settle(self, intent_id: str, state: ReversalState, audit: AuditRecord) -> None:
        """Note what became of an approved request: done or refused. Again changes nothing."""
        ...
