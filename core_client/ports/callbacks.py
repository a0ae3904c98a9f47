"""Requests to be called back."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.callbacks import Callback, CallbackState


class Callbacks(Protocol):
    """Keeps who asked to be called back."""

    async def ask(self, wanted: Callback, most_open: int, audit: AuditRecord) -> Callback | None:
        """Store a request of one note.

        The same request again, and one for a number and queue that has an open one, answers the one that is there:
        with the new note added to it, once.

        Returns:
            What stands now; None when its reference is another's already (give another one).

        Raises:
            Declined: ``not_permitted``: its line has ``most_open`` open requests.
        """
        ...

    async def get(self, reference: str) -> Callback | None:
        """Answer one by its reference."""
        ...

    async def in_states(self, states: frozenset[CallbackState], queue: str | None, limit: int) -> Sequence[Callback]:
        """Answer those in one of the states, the earliest due first; of one queue, or of all."""
        ...

    async def take(self, reference: str, by: str, at: datetime.datetime, audit: AuditRecord) -> Callback | None:
        """Give an open one to somebody, or the one that they have again; None when it is not to be had."""
        ...

    async def close(
        self, reference: str, by: str, outcome: str, at: datetime.datetime, audit: AuditRecord
    ) -> Callback | None:
        """Close one that is open or taken; None when there is no such one any more."""
        ...
