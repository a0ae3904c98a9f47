"""The one writer of customers, in SQL: the change, its number in the change-log and its audit record in one commit."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import bindparam, delete, insert, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import changelog, schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.personal import PersonalData
from core_client.adapters.sql.registry import birth_place, line_place, name_place
from core_client.adapters.sql.resealing import document_place
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.schema_registry import documents
from core_client.adapters.sql.statements import Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.records import (
    Document,
    DocumentKind,
    NewCustomer,
    RecordError,
    checked_class,
    checked_document,
    checked_line,
    checked_name,
)
from core_client.domain.registry_changes import Bar, Change, ChangeKind, bars_as_text, bars_from

T = TypeVar("T")
_c, _l, _d = schema.customers.c, schema.lines.c, documents.c
_known = Statement(select(_c.id).where(_c.number == bindparam("number_")))
_locked = Statement(select(_c.number, _c.bars).where(_c.id == bindparam("id_")).with_for_update())
_add = Statement(
    insert(schema.customers)
    .values({name: bindparam(f"{name}_") for name in ("number", "name", "language", "birth_sealed", "customer_class")})
    .returning(_c.id)
)
_name = Statement(update(schema.customers).where(_c.id == bindparam("id_")).values(name=bindparam("to")))
_born = Statement(update(schema.customers).where(_c.id == bindparam("id_")).values(birth_sealed=bindparam("to")))
_class = Statement(update(schema.customers).where(_c.id == bindparam("id_")).values(customer_class=bindparam("to")))
_set_bars = Statement(update(schema.customers).where(_c.id == bindparam("id_")).values(bars=bindparam("to")))
_line = Statement(select(_l.customer_id).where(_l.number_index == bindparam("index")))
_add_line = Statement(insert(schema.lines))
_remove_line = Statement(
    delete(schema.lines).where(_l.number_index == bindparam("index"), _l.customer_id == bindparam("customer"))
)
_document = Statement(
    select(_d.customer_id).where(_d.kind == bindparam("kind_"), _d.number_index == bindparam("index"))
)
_add_document = Statement(
    insert(documents).values(
        {name: bindparam(f"{name}_") for name in ("customer_id", "kind", "number_index", "sealed", "added_us")}
    )
)
_documents = Statement(
    select(_d.id, _d.kind, _d.number_index, _d.sealed, _d.added_us)
    .where(_d.customer_id == bindparam("customer"))
    .order_by(_d.id)
)
_remove_document = Statement(delete(documents).where(_d.id == bindparam("id_")))


class SqlCustomerRecords:
    """:class:`~core_client.ports.customer_records.CustomerRecords` in SQL."""

    def __init__(self, database: Database, personal: PersonalData) -> None:
        self._database = database
        self._personal = personal

    async def add(self, who: NewCustomer, audit: AuditRecord) -> int:
        """Add a customer; answer their id."""
        seal = self._personal.seal

        def work(tx: Tx) -> int:
            if tx.one(_known, number_=who.number) is not None:
                raise RecordError(f"customer number {who.number} is taken")
            born = None if who.born is None else seal(tx, who.born.isoformat(), birth_place(who.number))
            row = tx.one(
                _add,
                number_=who.number,
                name_=seal(tx, who.name, name_place(who.number)),
                language_=who.language,
                birth_sealed_=born,
                customer_class_=who.customer_class,
            )
            customer = int(row[0]) if row is not None else 0
            changelog.record(tx, ChangeKind.CUSTOMER_ADDED, customer, audit.at)
            chain.append(tx, audit)
            return customer

        return await self._database.write(work)

    async def _change(
        self, customer_id: int, kind: ChangeKind, audit: AuditRecord, change: Callable[[Tx, str, str], T]
    ) -> T:
        """Carry a change of one customer out under their row's lock; ``change`` gets their number and bars."""

        def work(tx: Tx) -> T:
            row = tx.one(_locked, id_=customer_id)
            if row is None:
                raise RecordError("there is no such customer")
            result = change(tx, row[0], row[1])
            changelog.record(tx, kind, customer_id, audit.at)
            chain.append(tx, audit)
            return result

        return await self._database.write(work)

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
        seal = self._personal.seal

        def work(tx: Tx, number: str, _bars: str) -> None:
            if name is not None:
                tx.run(_name, id_=customer_id, to=seal(tx, checked_name(name), name_place(number)))
            if born is not None:
                tx.run(_born, id_=customer_id, to=seal(tx, born.isoformat(), birth_place(number)))
            if customer_class is not None:
                tx.run(_class, id_=customer_id, to=checked_class(customer_class))

        await self._change(customer_id, ChangeKind.CUSTOMER_CHANGED, audit, work)

    async def add_line(self, customer_id: int, e164: str, audit: AuditRecord) -> None:
        """Register a number."""
        index = self._personal.index("line", checked_line(e164))

        def work(tx: Tx, _number: str, _bars: str) -> None:
            owner = tx.one(_line, index=index)
            if owner is not None:
                raise RecordError("they have that number already" if owner[0] == customer_id else _ANOTHERS)
            sealed = self._personal.seal(tx, e164, line_place(index))
            tx.run(_add_line, number_index=index, customer_id=customer_id, registered_us=to_us(audit.at), sealed=sealed)

        await self._change(customer_id, ChangeKind.LINE_ADDED, audit, work)

    async def remove_line(self, customer_id: int, e164: str, audit: AuditRecord) -> None:
        """Take a number away: from the commit on it identifies nobody."""
        index = self._personal.index("line", checked_line(e164))

        def work(tx: Tx, _number: str, _bars: str) -> None:
            if not tx.run(_remove_line, index=index, customer=customer_id):
                raise RecordError("they have no such number")

        await self._change(customer_id, ChangeKind.LINE_REMOVED, audit, work)

    async def add_document(
        self, customer_id: int, kind: DocumentKind, number: str, valid_until: datetime.date | None, audit: AuditRecord
    ) -> None:
        """Note an identity document."""
        folded = checked_document(number)
        index = self._personal.index(f"document:{kind}", folded)
        body = json.dumps([folded, None if valid_until is None else valid_until.isoformat()])

        def work(tx: Tx, _number: str, _bars: str) -> None:
            owner = tx.one(_document, kind_=kind.value, index=index)
            if owner is not None:
                raise RecordError("they have that document already" if owner[0] == customer_id else _ANOTHERS_DOCUMENT)
            tx.run(
                _add_document,
                customer_id_=customer_id,
                kind_=kind.value,
                number_index_=index,
                sealed_=self._personal.seal(tx, body, document_place(kind, index)),
                added_us_=to_us(audit.at),
            )

        await self._change(customer_id, ChangeKind.DOCUMENT_ADDED, audit, work)

    async def remove_document(self, customer_id: int, kind: DocumentKind, last4: str, audit: AuditRecord) -> None:
        """Take a document out."""

        def work(tx: Tx, _number: str, _bars: str) -> None:
            fits = [
                identity for identity, one in self._read(tx, customer_id) if one.kind is kind and one.last4 == last4
            ]
            if len(fits) != 1:
                raise RecordError(f"{len(fits) or 'no'} documents of that kind end so")
            tx.run(_remove_document, id_=fits[0])

        await self._change(customer_id, ChangeKind.DOCUMENT_REMOVED, audit, work)

    async def documents(self, customer_id: int) -> Sequence[Document]:
        """Answer a customer's documents, the oldest first."""
        return await self._database.read(lambda tx: [one for _, one in self._read(tx, customer_id)])

    def _read(self, tx: Tx, customer_id: int) -> list[tuple[int, Document]]:
        found = []
        for identity, kind, index, sealed, added_us in tx.all(_documents, customer=customer_id):
            number, until = json.loads(self._personal.open(tx, sealed, document_place(kind, index)))
            valid = None if until is None else datetime.date.fromisoformat(until)
            found.append((identity, Document(DocumentKind(kind), number, valid, from_us(added_us))))
        return found

    async def set_bar(self, customer_id: int, bar: Bar, barred: bool, audit: AuditRecord) -> frozenset[Bar]:
        """Bar a customer from something, or let them use it again; answer all that they are barred from."""

        def work(tx: Tx, _number: str, stored: str) -> frozenset[Bar]:
            bars = bars_from(stored) | {bar} if barred else bars_from(stored) - {bar}
            tx.run(_set_bars, id_=customer_id, to=bars_as_text(bars))
            return bars

        return await self._change(customer_id, ChangeKind.ENTITLEMENT_CHANGED, audit, work)

    async def head(self) -> int:
        """Answer the number of the last change."""
        return await self._database.read(changelog.head)

    async def changes(self, after: int, most: int) -> Sequence[Change]:
        """Answer the changes that follow a number."""
        return await self._database.read(lambda tx: changelog.after(tx, after, most))


_ANOTHERS = "that number is another customer's: it is theirs until it is removed there"
_ANOTHERS_DOCUMENT = "that document is another customer's"
