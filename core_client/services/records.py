"""What staff do with the registry: each step audited under their name, and nothing shown whole."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Customer
from core_client.domain.records import Document, DocumentKind, NewCustomer
from core_client.domain.registry_changes import Bar, Change
from core_client.ports.clock import Clock
from core_client.ports.customer_records import CustomerRecords


class RecordDesk:
    """The hands of staff on customers' records."""

    def __init__(self, records: CustomerRecords, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def add(self, who: NewCustomer, operator: str) -> int:
        """Add a customer; answer their id."""
        return await self._records.add(who, self._audit(operator, "customer.added", f"customer_number:{who.number}"))

    async def change(
        self,
        of: Customer,
        operator: str,
        *,
        name: str | None = None,
        born: datetime.date | None = None,
        customer_class: str | None = None,
    ) -> None:
        """Change name, birth date or class; the audit tells which, and of personal data not what to."""
        given = {"name": name, "born": born, "class": customer_class}
        fields = ",".join(key for key, value in given.items() if value is not None)
        detail = {"class": customer_class} if customer_class is not None else {}
        audit = self._audit(operator, "customer.changed", _of(of), fields=fields, **detail)
        await self._records.change(of.id, audit, name=name, born=born, customer_class=customer_class)

    async def set_line(self, of: Customer, e164: str, registered: bool, operator: str) -> None:
        """Register a number, or take it away."""
        act, action = (
            (self._records.add_line, "line.added") if registered else (self._records.remove_line, "line.removed")
        )
        await act(of.id, e164, self._audit(operator, action, _of(of), last4=e164[-4:]))

    async def add_document(
        self, of: Customer, kind: DocumentKind, number: str, valid_until: datetime.date | None, operator: str
    ) -> None:
        """Note an identity document."""
        audit = self._audit(operator, "document.added", _of(of), kind=kind.value)
        await self._records.add_document(of.id, kind, number, valid_until, audit)

    async def remove_document(self, of: Customer, kind: DocumentKind, last4: str, operator: str) -> None:
        """Take a document out."""
        audit = self._audit(operator, "document.removed", _of(of), kind=kind.value)
        await self._records.remove_document(of.id, kind, last4, audit)

    async def documents(self, of: Customer) -> Sequence[Document]:
        """Answer a customer's documents."""
        return await self._records.documents(of.id)

    async def set_bar(self, of: Customer, bar: Bar, barred: bool, operator: str) -> frozenset[Bar]:
        """Bar from a function on a channel, or allow it again; obeyed by every node from the commit on."""
        audit = self._audit(operator, f"entitlement.{'barred' if barred else 'allowed'}", _of(of), what=str(bar))
        return await self._records.set_bar(of.id, bar, barred, audit)

    async def head(self) -> int:
        """Answer the number of the last change."""
        return await self._records.head()

    async def changes(self, after: int, most: int = 100) -> Sequence[Change]:
        """Answer the changes that follow a number."""
        return await self._records.changes(after, most)

    def _audit(self, operator: str, action: str, subject: str, **detail: str | int | bool) -> AuditRecord:
        return AuditRecord(self._clock.now(), f"cli:{operator}", action, subject, detail)


def _of(customer: Customer) -> str:
    return f"customer:{customer.id}"
