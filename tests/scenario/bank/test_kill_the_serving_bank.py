"""kill -9 of ``tellerline bank serve`` with requests in its hands: repeated under the same ids, each is booked once."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core_client.adapters.sql.reconciling import reconcile
from core_client.domain.money import Money
from tellerline.bank_face.face import TOKEN_PATH
from tellerline.bootstrap import open_bank_only
from tellerline.config import load_config
from tellerline.config_core import Face

SECRET = "what only these two know, and no other"
AT_ONCE = 16
BEFORE = Money(1_234_567, "CNY")
START_S = 40.0
PROOF = os.environ.get("TELLERLINE_PROOF") == "1"
DELAYS_MS = (0, 2, 5, 8, 12, 16, 20, 30, 40, 60, 80, 120) if PROOF else (20,)
SCOPES = '[face.scopes]\nphone = ["read", "transfer", "reverse"]' if "scopes" in Face.model_fields else ""
BODY = {
    "amount": "1.00",
    "currency": "CNY",
    "debitParty": [{"key": "bankaccountno", "value": "440100001101"}],
    "creditParty": [{"key": "bankaccountno", "value": "440100003303"}],
}


@contextlib.asynccontextmanager
async def bank_serving(settings: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tellerline", "bank", "serve", "-c", str(settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "TELLERLINE_SERVER_LOG_FORMAT": "json"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said, found = b"", None
        async with asyncio.timeout(START_S):
            while found is None and (line := await process.stdout.readline()):
                said += line
                found = re.search(rb'"port": ?(\d+)', line)
        assert found is not None, said.decode()
        yield f"http://127.0.0.1:{int(found[1])}", process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            await process.communicate()


@pytest.fixture
def settings(empty_bank: str, tmp_path: Path) -> Path:
    file = tmp_path / "bank.toml"
    file.write_text(
        f"""
[server]
state_dir = "{tmp_path / "state"}"
[bank]
demo = true
database_url = "{empty_bank}"
[face]
port = 0
[face.clients]
phone = "{hashlib.sha256(SECRET.encode()).hexdigest()}"
{SCOPES}
"""
    )
    return file


@contextlib.asynccontextmanager
async def talking(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url) as http:
        given = {"grant_type": "client_credentials"}
        basic = {"Authorization": aiohttp.encode_basic_auth("phone", SECRET)}
        async with http.post(TOKEN_PATH, data=given, headers=basic) as answer:
            token = (await answer.json())["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


async def pay(http: aiohttp.ClientSession, correlation: str) -> tuple[int, dict[str, Any]]:
    async with http.post("/transactions/type/transfer", json=BODY, headers={"X-CorrelationID": correlation}) as answer:
        return answer.status, await answer.json()


async def paid(http: aiohttp.ClientSession, correlation: str) -> str:
    """Ask under the same id until there is a last word; answer its reference."""
    async with asyncio.timeout(30):
        while True:
            status, body = await pay(http, correlation)
            assert status in (201, 202), body
            if status == 201:
                return str(body["transactionReference"])
            await asyncio.sleep(0.05)


@pytest.mark.proof
@pytest.mark.parametrize("delay_ms", DELAYS_MS)
async def test_requests_that_a_killed_bank_had_in_hand_are_booked_once_each(delay_ms: int, settings: Path) -> None:
    ids = [str(uuid.uuid4()) for _ in range(AT_ONCE)]
    heard: dict[str, str] = {}
    async with bank_serving(settings) as (url, process), talking(url) as http:
        await paid(http, ids[0])  # it is warm: the kill comes in the middle of the others
        asked = {id_: asyncio.create_task(pay(http, id_), name=id_) for id_ in ids}
        await asyncio.sleep(delay_ms / 1000)
        process.kill()
        for id_, answer in zip(ids, await asyncio.gather(*asked.values(), return_exceptions=True), strict=True):
            if not isinstance(answer, BaseException) and answer[0] == 201:
                heard[id_] = answer[1]["transactionReference"]
        assert await process.wait() == -signal.SIGKILL
    async with bank_serving(settings) as (url, _), talking(url) as http:
        first = await asyncio.gather(*(paid(http, id_) for id_ in ids))
        again = await asyncio.gather(*(paid(http, id_) for id_ in ids))
    assert first == again
    assert len(set(first)) == AT_ONCE
    assert heard.items() <= dict(zip(ids, first, strict=True)).items()
    async with open_bank_only(load_config(settings)) as bank:
        account = await bank.ledger.account(1, None)
        assert account.booked == account.available == BEFORE - Money(AT_ONCE * 100, "CNY")
        await bank.ledger.check_books()
        assert (await reconcile(bank.database)).differences == []
