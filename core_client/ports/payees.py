"""Payees that are being added and removed, each confirmed by a proof of its own."""

from __future__ import annotations

import datetime
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Payee
from core_client.domain.payees import PayeeRequest
from core_client.ports.intents import CodeCheck


class PayeeRequests(Protocol):
    """Stores what was asked for, and carries it out once."""

    async def create(self, wanted: PayeeRequest, audit: AuditRecord) -> PayeeRequest:
        """Store one; the same request again answers the first one.

        Raises:
            IntentConflict: that request asked for something else.
        """
        ...

    async def get(self, request_id: str) -> PayeeRequest | None:
        """Answer one by its id."""
        ...

    async def looked_up(self, customer_id: int, since: datetime.datetime) -> int:
        """Answer how many account numbers the customer asked to add since then."""
        ...

    async def add(
        self, wanted: str, customer_id: int, request_id: str, now: datetime.datetime,
        most_since: tuple[int, datetime.datetime], audit: AuditRecord, payable: datetime.date | None = None,
    ) -> Payee:  # fmt: skip
        """Add the payee, once: the same request again answers the same one.

        Args:
            wanted: the id of a prepared request.
            customer_id: whose it must be.
            request_id: of the confirmation.
            now: the payee's age is counted from here.
            most_since: how many may be added since when.
            audit: of the deed.
            payable: from when on it can be paid, for the text that the customer is owed; None owes none.

        Raises:
            Declined: ``request_spent``, ``request_expired``, ``payee_known``, ``payees_full``, ``payees_too_many``.
        """
        ...

    async def remove(
        self, wanted: str, customer_id: int, request_id: str, now: datetime.datetime, audit: AuditRecord
    ) -> PayeeRequest:
        """Remove the payee, once; what was prepared for it and not authorised is void from then on.

        Raises:
            Declined: ``request_spent``, ``request_expired``, ``payee_unknown``.
        """
        ...

    async def drop(self, wanted: str, customer_id: int, audit: AuditRecord) -> bool:
        """Forget a prepared request; answer whether nothing can come of it now."""
        ...

    async def set_code(self, wanted: str, code_mac: bytes, expires_at: datetime.datetime, audit: AuditRecord) -> None:
        """Bind a new code to the request; an older one is void."""
        ...

    async def use_code(self, wanted: str, code_mac: bytes, request_id: str, now: datetime.datetime) -> CodeCheck:
        """Use the code up if it is right. The same request again gets the same answer."""
        ...
