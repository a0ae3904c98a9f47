"""Requests that take long, that are called back, that a dead process left behind; and who may not ask at all."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from core_client.adapters.gsma.asking import Patience
from core_client.adapters.gsma.bells import HttpBells
from core_client.adapters.sql.http_requests import Asked, SqlHttpRequests
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined, OutcomeUnknown
from core_client.ports.core_bank import HoldState
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World, world
from tellerline.bank_face.face import MAX_BODY_BYTES, TOKEN_PATH, Face
from tests.contract.core_over_http import CLIENT, KEY, SECRET, SETTINGS, client_of, endpoint, face_of
from tests.unit.bank_face.implemented import IMPLEMENTED

ORDER = TransferOrder("intent-1", "1", "440100003303", Money(500, "CNY"), "Li Lei 李雷")
QUICK = dataclasses.replace(SETTINGS, answer_within_s=0.01)


@pytest.fixture
async def bank() -> AsyncIterator[World]:
    async with world() as opened:
        yield opened


async def held(bank: World) -> Money:
    account = await bank.bank.ledger.account(1, None)
    return account.booked - account.available


def test_the_face_implements_what_is_written_down() -> None:
    async def implemented() -> frozenset[str]:
        async with world() as opened:
            return Face(opened.bank, KEY, SETTINGS).implemented

    assert asyncio.run(implemented()) == IMPLEMENTED


async def test_a_ledger_that_takes_long_is_asked_about_until_it_is_done(bank: World) -> None:
    bank.faulty.slow_s["hold"] = 0.2
    async with face_of(bank, QUICK) as url, client_of(bank, endpoint(url), Patience(poll_s=0.02)) as client:
        await client.hold(ORDER)
        assert await client.query("intent-1") == (HoldState.HELD, None)
    assert await held(bank) == Money(500, "CNY")


async def test_who_does_not_wait_for_it_is_told_unknown_and_finds_it_later(bank: World) -> None:
    bank.faulty.slow_s["hold"] = 0.4
    hasty = Patience(timeout_s=0.1, poll_s=0.02)
    async with face_of(bank, QUICK) as url:
        async with client_of(bank, endpoint(url), hasty) as client:
            with pytest.raises(OutcomeUnknown):
                await client.hold(ORDER)
        async with client_of(bank, endpoint(url), Patience(poll_s=0.02)) as another_node:
            assert await another_node.query("intent-1") == (HoldState.HELD, None)


async def test_a_ledger_that_does_not_answer_is_never_told_as_nothing_done(bank: World) -> None:
    bank.faulty.faults["hold"] = Fault.DOWN
    async with face_of(bank, QUICK) as url:
        async with client_of(bank, endpoint(url), Patience(timeout_s=0.3, poll_s=0.05)) as client:
            with pytest.raises(OutcomeUnknown):
                await client.hold(ORDER)
        del bank.faulty.faults["hold"]
        async with client_of(bank, endpoint(url), Patience(poll_s=0.05)) as client:
            assert await client.query("intent-1") == (HoldState.HELD, None)


async def test_what_a_dead_process_had_taken_on_the_next_one_finishes(bank: World) -> None:
    details = {
        "holds": True,
        "metadata": [],
        "account": "1",
        "creditor": "440100003303",
        "amount": "5.00 CNY",
        "text": "",
    }
    left = Asked(CLIENT, "0c1d2e3f-0000-4000-8000-000000000001", "0c1d2e3f-0000-4000-8000-000000000002", "digest",
                 "code", "abcdef", details)  # fmt: skip
    await SqlHttpRequests(bank.bank.database).claim(left, bank.clock.now())
    async with face_of(bank) as url, client_of(bank, endpoint(url), Patience(poll_s=0.02)) as client:
        state = await client.asker.state_of(f"/requeststates/{left.server_correlation_id}")
        assert state["status"] == "completed"
    assert await held(bank) == Money(500, "CNY")


async def test_a_refusal_is_kept_though_the_money_comes_later(bank: World) -> None:
    much = dataclasses.replace(ORDER, amount=Money(1_234_568, "CNY"))
    giver = (await bank.bank.ledger.account(3, None)).id
    async with face_of(bank) as url, client_of(bank, endpoint(url)) as client:
        for _ in range(2):
            with pytest.raises(Declined, match="insufficient_funds"):
                await client.hold(much)
            await bank.bank.ledger.hold(TransferOrder("gift", giver, "440100001101", Money(100, "CNY"), "x"))
            await bank.bank.ledger.post("gift")
        assert (await client.query("intent-1"))[0] is HoldState.VOIDED
    assert await held(bank) == Money(0, "CNY")


async def test_a_callback_rings_the_bell_and_the_state_is_asked_at_once(bank: World) -> None:
    bank.faulty.slow_s["hold"] = 0.1
    bells = HttpBells("", KEY)
    async with bells.listening("127.0.0.1", 0) as port:
        bells._public_url = f"http://127.0.0.1:{port}"
        settings = dataclasses.replace(SETTINGS, callbacks={CLIENT: (f"http://127.0.0.1:{port}/",)})
        late = Patience(timeout_s=8, poll_s=7)  # without the bell the first look would come after seven seconds
        async with face_of(bank, settings) as url, client_of(bank, endpoint(url), late, bells) as client:
            async with asyncio.timeout(5):
                await client.hold(ORDER)
        async with aiohttp.ClientSession() as http, http.put(f"http://127.0.0.1:{port}/guess/{'0' * 36}") as answer:
            assert answer.status == 404
    assert await held(bank) == Money(500, "CNY")


async def test_a_callback_goes_nowhere_that_was_not_agreed(bank: World) -> None:
    bells = HttpBells("http://127.0.0.1:1", KEY)
    async with face_of(bank) as url, client_of(bank, endpoint(url), bells=bells) as client:
        with pytest.raises(Declined):
            await client.hold(ORDER)
    assert await held(bank) == Money(0, "CNY")


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer a.b", "Basic cGhvbmU6eA==", "Bearer é.é"])
async def test_who_has_no_token_gets_nothing(bank: World, header: str | None) -> None:
    async with face_of(bank) as url, aiohttp.ClientSession() as http:
        headers = {"Authorization": header} if header else {}
        async with http.get(f"{url}/accounts/accountid/1/balance", headers=headers) as answer:
            assert (answer.status, (await answer.json())["errorCode"]) == (401, "clientAuthorisationError")


@pytest.mark.parametrize(("client", "secret"), [(CLIENT, "guessed"), ("nobody", SECRET), ("", "")])
async def test_a_wrong_secret_gets_no_token(bank: World, client: str, secret: str) -> None:
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    async with face_of(bank) as url, aiohttp.ClientSession() as http, http.post(url + TOKEN_PATH, data=form) as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "invalid_client"})


async def test_a_token_lapses_and_another_is_fetched(bank: World) -> None:
    async with face_of(bank) as url, client_of(bank, endpoint(url)) as client:
        await client.accounts(1)
        bank.clock.advance(datetime.timedelta(hours=1).total_seconds())
        assert await client.accounts(1)


async def test_a_body_beyond_the_limit_is_refused_before_it_is_read(bank: World) -> None:
    async with face_of(bank) as url, aiohttp.ClientSession() as http:
        form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        async with http.post(url + TOKEN_PATH, data=form) as answer:
            token: Any = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with http.post(f"{url}/quotations", data=b"[" * (MAX_BODY_BYTES + 1), headers=headers) as answer:
            assert (answer.status, (await answer.json())["errorCode"]) == (400, "lengthError")
        async with http.post(f"{url}/quotations", data=b"[" * 60_000, headers=headers) as answer:
            assert (answer.status, (await answer.json())["errorCode"]) == (400, "formatError")
