"""What a client may do, how often, how slowly; and a secret that was changed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined
from core_client.testing.world import World, world
from tellerline.bank_face.face import TOKEN_PATH
from tellerline.bank_face.scopes import Scope, needed
from tellerline.bank_face.specification import operations
from tellerline.bank_face.tokens import Tokens
from tests.contract.core_over_http import CLIENT, KEY, SECRET, SETTINGS, client_of, endpoint, face_of
from tests.unit.bank_face.implemented import IMPLEMENTED

ORDER = TransferOrder("intent-1", "1", "440100003303", Money(500, "CNY"), "x")


@pytest.fixture
async def bank() -> AsyncIterator[World]:
    async with world() as opened:
        yield opened


async def test_who_was_given_nothing_may_look_and_never_move_money(bank: World) -> None:
    settings = dataclasses.replace(SETTINGS, scopes={})
    async with face_of(bank, settings) as url, client_of(bank, endpoint(url)) as client:
        before = await client.available("1")
        with pytest.raises(Declined, match="no scope"):
            await client.hold(ORDER)
        assert await client.available("1") == before


async def test_who_may_transfer_may_not_take_a_booking_back(bank: World) -> None:
    settings = dataclasses.replace(SETTINGS, scopes={CLIENT: ("read", "transfer")})
    async with face_of(bank, settings) as url, client_of(bank, endpoint(url)) as client:
        await client.hold(ORDER)
        posted = await client.post("intent-1")
        with pytest.raises(Declined, match="no scope"):
            await client.reverse("intent-1")
        assert await client.available("1") == posted.available


async def test_who_may_only_move_money_sees_no_account(bank: World) -> None:
    settings = dataclasses.replace(SETTINGS, scopes={CLIENT: ("transfer",)})
    async with face_of(bank, settings) as url, client_of(bank, endpoint(url)) as client:
        with pytest.raises(Declined, match="no scope"):
            await client.available("1")


def test_every_operation_that_changes_something_needs_a_scope_to_change() -> None:
    found: dict[Scope | None, set[str]] = {}
    for one in operations():
        if one.id in IMPLEMENTED:
            found.setdefault(needed(one), set()).add(one.method)
    assert found == {None: {"GET"}, "read": {"GET", "POST"}, "transfer": {"POST", "PATCH"}, "reverse": {"POST"}}
    assert [one.path for one in operations() if needed(one) == "read" and one.method == "POST"] == ["/quotations"]


async def test_a_client_that_asks_too_often_is_told_when_to_come_again(bank: World) -> None:
    settings = dataclasses.replace(SETTINGS, per_client_s=2)
    async with face_of(bank, settings) as url, aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {await token_of(http, url)}"}
        told = []
        for _ in range(12):
            async with http.get(f"{url}/heartbeat", headers=headers) as answer:
                told.append((answer.status, answer.headers.get("Retry-After")))
    assert told[0] == (200, None)
    assert (503, "1") in told


async def test_a_body_that_does_not_come_frees_its_place(bank: World) -> None:
    settings = dataclasses.replace(SETTINGS, body_within_s=0.05, max_at_once=1)
    async with face_of(bank, settings) as url, aiohttp.ClientSession() as http:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant"
        )
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 400")
        writer.close()
        assert await token_of(http, url)


async def test_a_changed_secret_ends_the_tokens_of_the_old_one(bank: World) -> None:
    clock = bank.clock
    granted = Tokens(SETTINGS.clients, KEY, clock).grant(CLIENT, SECRET)
    assert granted is not None
    assert Tokens(SETTINGS.clients, KEY, clock).client_of(granted.token) == CLIENT
    assert Tokens({CLIENT: "0" * 64}, KEY, clock).client_of(granted.token) is None
    assert Tokens({"other": SETTINGS.clients[CLIENT]}, KEY, clock).client_of(granted.token) is None


async def token_of(http: aiohttp.ClientSession, url: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
    async with http.post(url + TOKEN_PATH, data=form) as answer:
        told: Any = await answer.json()
        return str(told["access_token"])
