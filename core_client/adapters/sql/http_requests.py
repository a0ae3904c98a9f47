"""Requests of other systems in SQL: a correlation id is used once, whatever was answered.

What moved money is never forgotten; a refusal and a quotation are, after long (:meth:`SqlHttpRequests.prune`). Free
text is there only until the request is carried out: from then on the books have it.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, or_, select, update

from core_client.adapters.sql.audit import append
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import to_us
from core_client.adapters.sql.schema_http import http_requests
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.audit import AuditRecord

QUOTATION = "quotation"  # the kind that moves nothing
TEXT = "descriptionText"  # in metadata, as the API names it
_t = http_requests.c
_columns = (
    _t.client, _t.correlation_id, _t.server_correlation_id, _t.digest, _t.kind, _t.reference, _t.details, _t.done,
    _t.refused,
)  # fmt: skip
_by_correlation = Statement(
    select(*_columns).where(_t.client == bindparam("client_"), _t.correlation_id == bindparam("correlation"))
)
_by_server = Statement(
    select(*_columns).where(_t.client == bindparam("client_"), _t.server_correlation_id == bindparam("server"))
)
_by_reference = Statement(
    select(*_columns)
    .where(_t.client == bindparam("client_"), _t.kind == bindparam("kind_"), _t.reference == bindparam("reference_"))
    .limit(1)
)
_not_done = Statement(select(*_columns).where(_t.done.is_(False)).order_by(_t.asked_us).limit(bindparam("limit_")))
_new = Statement(insert(http_requests))
_done = Statement(
    update(http_requests)
    .where(_t.client == bindparam("client_"), _t.correlation_id == bindparam("correlation"))
    .values(done=bindparam("yes"), refused=bindparam("refused_"), details=bindparam("details_"))
)
_old = Statement(
    delete(http_requests).where(
        _t.done.is_(True), _t.asked_us < bindparam("before_us"), or_(_t.refused.is_not(None), _t.kind == QUOTATION)
    )
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was first asked. ``refused`` is the error object, when the answer was no."""

    client: str
    correlation_id: str
    server_correlation_id: str
    digest: str
    kind: str
    reference: str
    details: Mapping[str, Any]
    done: bool = False
    refused: Mapping[str, Any] | None = None


class SqlHttpRequests:
    """What was asked for over HTTP, and how far it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, asked: Asked, at: datetime.datetime) -> Asked:
        """Store a request, or answer the one that used this correlation id before."""

        def work(tx: Tx) -> Asked:
            row = tx.one(_by_correlation, client_=asked.client, correlation=asked.correlation_id)
            if row is not None:
                return _read(row)
            tx.run(
                _new,
                client=asked.client,
                correlation_id=asked.correlation_id,
                server_correlation_id=asked.server_correlation_id,
                digest=asked.digest,
                kind=asked.kind,
                reference=asked.reference,
                details=json.dumps(asked.details),
                done=asked.done,
                refused=None,
                asked_us=to_us(at),
            )
            if asked.kind != QUOTATION:
                append(tx, _record(asked, at, "http_request.taken_on"))
            return asked

        return await self._database.write(work)

    async def finish(self, asked: Asked, at: datetime.datetime, refused: Mapping[str, Any] | None = None) -> None:
        """Note that a request has its last word; ``refused`` is the error object when it is a no."""
        told = None if refused is None else json.dumps(refused)
        kept = json.dumps(_without_text(asked.details))

        def work(tx: Tx) -> None:
            row = tx.one(_by_correlation, client_=asked.client, correlation=asked.correlation_id)
            if row is None or _read(row).done:
                return  # another node was quicker
            tx.run(
                _done, client_=asked.client, correlation=asked.correlation_id, yes=True, refused_=told, details_=kept
            )
            if asked.kind != QUOTATION:
                what = "http_request.done" if refused is None else "http_request.refused"
                append(tx, _record(asked, at, what))

        await self._database.write(work)

    async def note_cancelled(self, asked: Asked, at: datetime.datetime) -> None:
        """Note in the audit chain that a client let go what a request of its own held."""
        await self._database.write(lambda tx: append(tx, _record(asked, at, "http_request.cancelled")))

    async def prune(self, before: datetime.datetime) -> None:
        """Forget refusals and quotations from before a moment; what moved money stays, as the books do."""
        await self._database.write(lambda tx: tx.run(_old, before_us=to_us(before)))

    async def by_correlation(self, client: str, correlation_id: str) -> Asked | None:
        """Answer what a client asked under this id."""
        return _maybe(
            await self._database.read(lambda tx: tx.one(_by_correlation, client_=client, correlation=correlation_id))
        )

    async def by_server_correlation(self, client: str, server_correlation_id: str) -> Asked | None:
        """Answer what a client asked and was given this id for."""
        return _maybe(
            await self._database.read(lambda tx: tx.one(_by_server, client_=client, server=server_correlation_id))
        )

    async def by_reference(self, client: str, kind: str, reference: str) -> Asked | None:
        """Answer the request of a client that made something."""
        return _maybe(
            await self._database.read(
                lambda tx: tx.one(_by_reference, client_=client, kind_=kind, reference_=reference)
            )
        )

    async def not_done(self, limit: int) -> Sequence[Asked]:
        """Answer the oldest requests without a last word: a crash or a silence left them."""
        return [_read(row) for row in await self._database.read(lambda tx: tx.all(_not_done, limit_=limit))]


def _record(asked: Asked, at: datetime.datetime, what: str) -> AuditRecord:
    detail: dict[str, str | int | bool] = {"kind": asked.kind, "reference": asked.reference}
    if account := asked.details.get("account"):
        detail["account"] = str(account)
    if amount := asked.details.get("amount"):
        detail["amount"] = str(amount)
    return AuditRecord(at, f"http:{asked.client}", what, f"request:{asked.server_correlation_id}", detail)


def _without_text(details: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = dict(details)
    if "text" in kept:
        kept["text"] = ""
    if "metadata" in kept:
        kept["metadata"] = [pair for pair in kept["metadata"] if pair[0] != TEXT]
    return kept


def _maybe(row: Row | None) -> Asked | None:
    return None if row is None else _read(row)


def _read(row: Row) -> Asked:
    client, correlation, server, digest, kind, reference, details, done, refused = row
    told = None if refused is None else json.loads(refused)
    return Asked(client, correlation, server, digest, kind, reference, json.loads(details), bool(done), told)
