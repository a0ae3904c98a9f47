"""The one writer of customers: every change is one transaction, numbered in the change-log and audited."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.records import Document, DocumentKind, NewCustomer
from core_client.domain.registry_changes import Bar, Change


class CustomerRecords(Protocol):
    """What staff change of customers. Each answers after the commit; each raises RecordError for what cannot be."""

    async def add(self, who: NewCustomer, audit: AuditRecord) -> int:
        """Add a customer; answer their id."""
        ...

    async def change(
        self,
        customer_id: int,
        audit: AuditRecord,
        *,
        name: str | None = None,
        born: datetime.date | None = None,
        customer_class: str | None = None,
    ) -> None:
        """Change what is given."""
        ...

    async def add_line(self, customer_id: int, e164: str, audit: AuditRecord) -> None:
        """Register a number. One that is another customer's stays theirs: RecordError."""
        ...

    async def remove_line(self, customer_id: int, e164: str, audit: AuditRecord) -> None:
        """Take a number away: from the commit on it identifies nobody."""
        ...

    async def add_document(
        self, customer_id: int, kind: DocumentKind, number: str, valid_until: datetime.date | None, audit: AuditRecord
    ) -> None:
        """Note an identity document. One that another customer has: RecordError."""
        ...

    async def remove_document(self, customer_id: int, kind: DocumentKind, last4: str, audit: AuditRecord) -> None:
        """Take a document out."""
        ...

    async def documents(self, customer_id: int) -> Sequence[Document]:
        """Answer a customer's documents, the oldest first."""
        ...

    async def set_bar(self, customer_id: int, bar: Bar, barred: bool, audit: AuditRecord) -> frozenset[Bar]:
        """Bar a customer from something, or let them use it again; answer all that they are barred from."""
        ...

    async def head(self) -> int:
        """Answer the number of the last change."""
        ...

    async def changes(self, after: int, most: int) -> Sequence[Change]:
        """Answer the changes that follow a number."""
        ...
