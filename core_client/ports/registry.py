"""Customers, their numbers, payees and cards, and who wants no messages."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Card, Customer, Payee
from core_client.domain.registry_changes import Standing


class Registry(Protocol):
    """The one place that knows customers."""

    async def customer_by_line(self, e164: str) -> Customer | None:
        """Answer whose registered number this is."""
        ...

    async def customer_by_number(self, customer_number: str) -> Customer | None:
        """Answer whose customer number this is."""
        ...

    async def customer(self, customer_id: int) -> Customer | None:
        """Answer a customer by id."""
        ...

    async def standing(self, customer_id: int, line: str | None) -> Standing:
        """Answer what a customer may not use, and whether ``line`` is theirs, as it is committed now: never cached."""
        ...

    async def birth_date(self, customer_id: int) -> datetime.date | None:
        """Answer when a customer was born, where it is known."""
        ...

    async def lines_of(self, customer_id: int) -> Sequence[str]:
        """Answer a customer's registered numbers, in E.164."""
        ...

    async def payees(self, customer_id: int) -> Sequence[Payee]:
        """Answer a customer's payees, in the order of their short numbers."""
        ...

    async def cards(self, customer_id: int) -> Sequence[Card]:
        """Answer a customer's cards."""
        ...

    async def set_language(self, customer_id: int, language: str, audit: AuditRecord) -> None:
        """Remember a customer's language."""
        ...

    async def block_cards(
        self, customer_id: int, last4: str | None, reference: str, at: datetime.datetime, audit: AuditRecord
    ) -> Sequence[Card]:
        """Block the card with that end, or every card; answer the cards that are blocked now.

        A customer id that does not exist takes the same steps and answers nothing. A card that was blocked before
        keeps its reference.
        """
        ...

    async def set_messages_stopped(self, party: str, stopped: bool, at: datetime.datetime, audit: AuditRecord) -> None:
        """Remember whether a line (by keyed hash) wants texts that are no answers."""
        ...

    async def messages_stopped(self, party: str) -> bool:
        """Answer whether a line said STOP."""
        ...
