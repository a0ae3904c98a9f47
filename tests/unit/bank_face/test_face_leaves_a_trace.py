"""What stays of what a client did: the audit chain, no free text, and nothing for ever that moved nothing."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from core_client.adapters.gsma.wire import correlation_id
from core_client.adapters.sql.http_requests import SqlHttpRequests
from core_client.adapters.sql.schema import audit
from core_client.adapters.sql.schema_http import http_requests
from core_client.adapters.sql.statements import Statement
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined
from core_client.testing.world import World, world
from tests.contract.core_over_http import CLIENT, client_of, endpoint, face_of

ORDER = TransferOrder("intent-1", "1", "440100003303", Money(500, "CNY"), "for the surgery")
TOO_MUCH = TransferOrder("intent-2", "1", "440100003303", Money(99_999_999, "CNY"), "for the surgery")
LATER = datetime.timedelta(days=500)
_bodies = Statement(select(audit.c.body).order_by(audit.c.seq))
_rows = Statement(select(http_requests.c.details))


@pytest.fixture
async def bank() -> AsyncIterator[World]:
    async with world() as opened:
        yield opened


async def told(bank: World, statement: Statement) -> list[str]:
    return [str(row[0]) for row in await bank.bank.database.read(lambda tx: tx.all(statement))]


async def test_the_audit_chain_tells_what_a_client_did_and_how_it_ended(bank: World) -> None:
    async with face_of(bank) as url, client_of(bank, endpoint(url)) as client:
        await client.hold(ORDER)
        await client.void("intent-1")
        with pytest.raises(Declined, match="insufficient"):
            await client.hold(TOO_MUCH)
    done = [body for body in await told(bank, _bodies) if f"http:{CLIENT}" in body]
    for what in ("taken_on", "done", "cancelled", "refused"):
        assert any(f"http_request.{what}" in body for body in done), what
    assert not any("surgery" in body for body in done)


async def test_the_text_of_a_request_is_not_kept_beside_the_books(bank: World) -> None:
    async with face_of(bank) as url, client_of(bank, endpoint(url)) as client:
        await client.hold(ORDER)
        await client.post("intent-1")
        _, entries = await client.recent(1, None, 1)
    assert entries[0].text == "for the surgery"
    rows = await told(bank, _rows)
    assert len(rows) == 2
    assert not any("surgery" in row for row in rows)


async def test_a_refusal_is_forgotten_after_long_and_what_moved_money_is_not(bank: World) -> None:
    requests = SqlHttpRequests(bank.bank.database)
    async with face_of(bank) as url, client_of(bank, endpoint(url)) as client:
        await client.hold(ORDER)
        with pytest.raises(Declined):
            await client.hold(TOO_MUCH)
        await requests.prune(bank.clock.now() - LATER)
        assert await requests.by_correlation(CLIENT, correlation_id("intent-2", "hold")) is not None
        await requests.prune(bank.clock.now() + LATER)
        assert await requests.by_correlation(CLIENT, correlation_id("intent-2", "hold")) is None
        assert await requests.by_correlation(CLIENT, correlation_id("intent-1", "hold")) is not None
