"""Requests that people of the bank carry out, in SQL."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema_services as schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.service_requests import RequestKind, RequestState, ServiceRequest
from core_client.errors import Declined

_r = schema.service_requests.c
_whole = select(
    _r.reference, _r.request_id, _r.kind, _r.customer_id, _r.proved, _r.channel, _r.language, _r.asked_us, _r.due,
    _r.detail, _r.state, _r.closed_by, _r.closed_us, _r.outcome,
)  # fmt: skip
_by_reference = Statement(_whole.where(_r.reference == bindparam("reference_")))
_locked = Statement(_whole.where(_r.reference == bindparam("reference_")).with_for_update())
_by_request = Statement(_whole.where(_r.request_id == bindparam("request")))
_same_waiting = Statement(
    _whole.where(
        _r.customer_id == bindparam("customer"), _r.kind == bindparam("kind_"), _r.detail == bindparam("detail_"),
        _r.state == RequestState.OPEN.value,
    )
)  # fmt: skip
_open_of = Statement(
    select(func.count()).where(
        _r.customer_id == bindparam("customer"), _r.kind == bindparam("kind_"), _r.state == RequestState.OPEN.value
    )
)
_new: dict[str, Any] = {
    column.name: bindparam(f"{column.name}_") for column in schema.service_requests.columns if column.name != "id"
}
_create = Statement(
    sqlite.insert(schema.service_requests).values(_new).on_conflict_do_nothing(),
    postgresql.insert(schema.service_requests).values(_new).on_conflict_do_nothing(),
)
_list = Statement(
    _whole.where(
        _r.state == bindparam("state_"), or_(_r.kind == bindparam("kind_"), bindparam("every") == 1)
    )
    .order_by(_r.due, _r.asked_us, _r.id)
    .limit(bindparam("most"))
)  # fmt: skip
_close = Statement(
    update(schema.service_requests)
    .where(_r.reference == bindparam("reference_"))
    .values(
        state=RequestState.CLOSED.value, closed_by=bindparam("by"), closed_us=bindparam("at"),
        outcome=bindparam("outcome_"),
    )
)  # fmt: skip


def _as_request(row: Row) -> ServiceRequest:
    return ServiceRequest(
        reference=row[0],
        request_id=row[1],
        kind=RequestKind(row[2]),
        customer_id=row[3],
        proved=bool(row[4]),
        channel=row[5],
        language=row[6],
        asked_at=from_us(row[7]),
        due=datetime.date.fromisoformat(row[8]),
        detail=json.loads(row[9]),
        state=RequestState(row[10]),
        closed_by=row[11],
        closed_at=None if row[12] is None else from_us(row[12]),
        outcome=row[13],
    )


def _detail(request: ServiceRequest) -> str:
    return json.dumps(dict(request.detail), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


class SqlServiceRequests:
    """:class:`~core_client.ports.service_requests.ServiceRequests` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self, wanted: ServiceRequest, most_open: int, audit: AuditRecord, *, one_at_a_time: bool
    ) -> ServiceRequest | None:
        """Store a request, or answer the one that is there."""
        of = {"customer": wanted.customer_id, "kind_": wanted.kind.value}

        def work(tx: Tx) -> ServiceRequest | None:
            row = tx.one(_by_request, request=wanted.request_id)
            if row is None and one_at_a_time:
                row = tx.one(_same_waiting, **of, detail_=_detail(wanted))
            if row is not None:
                return _as_request(row)
            count = tx.one(_open_of, **of)
            if wanted.customer_id is not None and count is not None and count[0] >= most_open:
                raise Declined("not_permitted")
            if _created(tx, wanted):
                chain.append(tx, audit)
                return wanted
            row = tx.one(_by_request, request=wanted.request_id)  # the same request on another node was quicker
            return None if row is None else _as_request(row)

        return await self._database.write(work)

    async def get(self, reference: str) -> ServiceRequest | None:
        """Answer one by its reference."""
        row = await self._database.read(lambda tx: tx.one(_by_reference, reference_=reference))
        return None if row is None else _as_request(row)

    async def in_state(self, state: RequestState, kind: RequestKind | None, limit: int) -> Sequence[ServiceRequest]:
        """Answer those in a state, the earliest due first."""
        wanted = kind.value if kind is not None else ""
        rows = await self._database.read(
            lambda tx: tx.all(_list, state_=state.value, kind_=wanted, every=int(kind is None), most=limit)
        )
        return [_as_request(row) for row in rows]

    async def close(
        self, reference: str, by: str, outcome: str, at: datetime.datetime, audit: AuditRecord
    ) -> ServiceRequest | None:
        """Close an open one."""

        def work(tx: Tx) -> ServiceRequest | None:
            row = tx.one(_locked, reference_=reference)
            if row is None or row[10] != RequestState.OPEN.value:
                return None
            tx.run(_close, reference_=reference, by=by, at=to_us(at), outcome_=outcome or None)
            chain.append(tx, audit)
            return dataclasses.replace(
                _as_request(row), state=RequestState.CLOSED, closed_by=by, closed_at=at, outcome=outcome or None
            )

        return await self._database.write(work)


def _created(tx: Tx, wanted: ServiceRequest) -> bool:
    count = tx.run(
        _create,
        reference_=wanted.reference,
        request_id_=wanted.request_id,
        kind_=wanted.kind.value,
        customer_id_=wanted.customer_id,
        proved_=wanted.proved,
        channel_=wanted.channel,
        language_=wanted.language,
        asked_us_=to_us(wanted.asked_at),
        due_=wanted.due.isoformat(),
        detail_=_detail(wanted),
        state_=wanted.state.value,
        closed_by_=None,
        closed_us_=None,
        outcome_=None,
    )
    return count == 1
