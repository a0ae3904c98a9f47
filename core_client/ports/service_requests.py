"""Requests that people of the bank carry out: statements, cheque books, complaints."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.service_requests import RequestKind, RequestState, ServiceRequest


class ServiceRequests(Protocol):
    """Keeps what customers asked the bank's people for."""

    async def ask(
        self, wanted: ServiceRequest, most_open: int, audit: AuditRecord, *, one_at_a_time: bool
    ) -> ServiceRequest | None:
        """Store a request.

        The same request again answers the one that is there; so does, with ``one_at_a_time``, another of its kind
        and detail while one waits.

        Returns:
            What stands now; None when its reference is another's already (give another one).

        Raises:
            Declined: ``not_permitted``: ``most_open`` of the kind wait for this customer.
        """
        ...

    async def get(self, reference: str) -> ServiceRequest | None:
        """Answer one by its reference."""
        ...

    async def in_state(self, state: RequestState, kind: RequestKind | None, limit: int) -> Sequence[ServiceRequest]:
        """Answer those in a state, the earliest due first; of one kind, or of all."""
        ...

    async def close(
        self, reference: str, by: str, outcome: str, at: datetime.datetime, audit: AuditRecord
    ) -> ServiceRequest | None:
        """Close an open one; None when there is no such one any more."""
        ...
