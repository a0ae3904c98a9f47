"""Two installations: one has the accounts, the other has the telephone. Between them TLS, tokens and the GSMA API."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from core_client.adapters.pin_hashing import PinCost
from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.domain.transfers import TransferOrder
from core_client.ports.core_bank import HoldState
from core_client.services.call import OperationCall, OperationResult
from ivr.testing import FakePbx
from tellerline.bootstrap import Node, Seams, running
from tellerline.config import Config
from tellerline.trying.fastagi import sounds_of
from tests.scenario.live_change.marked_line import NAME, folder_of
from tests.scenario.two_banks.certificates import Certificates, made_in

SECRET = "what only these two know, and no other"
CHEAP = Seams(pin_cost=PinCost(memory_kib=64, passes=1))
START_S = 40.0


@contextlib.asynccontextmanager
async def the_bank(
    folder: Path, pems: Certificates, port: int = 0
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """``tellerline bank serve`` as a process of its own, with the demo customers."""
    settings = folder.with_suffix(".toml")
    settings.write_text(
        f"""
[server]
state_dir = "{folder / "state"}"
[bank]
demo = true
[face]
port = {port}
certificate = "{pems.server.certificate}"
key = "{pems.server.key}"
client_ca = "{pems.authority}"
[face.clients]
phone = "{hashlib.sha256(SECRET.encode()).hexdigest()}"
[face.scopes]
phone = ["read", "transfer", "reverse"]
"""
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tellerline", "bank", "serve", "-c", str(settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "TELLERLINE_SERVER_LOG_FORMAT": "json"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = b""
        async with asyncio.timeout(START_S):
            async for line in process.stdout:
                said += line
                if found := re.search(rb'"port": ?(\d+)', line):
                    break
            else:
                raise AssertionError(said.decode())
        yield int(found[1]), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            await process.communicate()


def telephone(folder: Path, port: int, pems: Certificates, flow: str = NAME, **core: object) -> Config:
    """The settings of the other installation; with a line of one step unless it is the shipped one."""
    return Config.model_validate(
        {
            "server": {"state_dir": folder / "phone", "drain_s": 5.0},
            "agi": {"port": 0, "flow": flow},
            "sms": {"flow": flow},
            "bank": {"demo": True},  # its registry and PINs; its own ledger is never asked
            "flows": {"serve": "folder", **({} if flow == "retail" else {"dir": folder_of(1, folder / "flows")})},
            "health": {"port": 0},
            "core": {
                "kind": "http",
                "url": f"https://127.0.0.1:{port}",
                "client_id": "phone",
                "client_secret": SECRET,
                "ca_file": pems.authority,
                "certificate": pems.client.certificate,
                "key": pems.client.key,
                **core,
            },
        }
    )


async def perform(node: Node, session: str, operation: str, request: str, **arguments: object) -> OperationResult:
    return await node.bank.client.perform(
        OperationCall(operation, arguments, session, request, "voice")  # type: ignore[arg-type] # of the test
    )


async def ready(node: Node) -> dict[str, str]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{node.health_port}/health/ready") as page:
        found: dict[str, str] = json.loads(await page.text())["reasons"]
        return found


async def test_a_caller_of_one_installation_pays_from_an_account_of_the_other(tmp_path: Path) -> None:
    pems = made_in(tmp_path / "pems")
    async with the_bank(tmp_path / "bank", pems) as (port, _), running(telephone(tmp_path, port, pems), CHEAP) as node:
        assert await ready(node) == {}
        own = await node.bank.ledger.account(1, None)
        await pay(node, "first", Money(12_300, "CNY"))
        theirs = await node.bank.ports.bank.account(1, None)
        assert own.available - theirs.available == Money(12_300, "CNY")
        assert await node.bank.ledger.account(1, None) == own  # the money moved elsewhere
        _, entries = await node.bank.ports.bank.recent(1, None, 1)
        assert [entry.amount for entry in entries] == [Money(-12_300, "CNY")]
        session = (await node.bank.client.arrive("voice", "+8613900000001")).auth_session_id
        await perform(node, session, "auth.verify_pin", "pin", pin=Secret("739154"))
        said = await perform(node, session, "accounts.balance", "balance")
        assert (said.outcome, said.answer["available"]) == ("ok", theirs.available)


async def test_a_caller_hears_the_balance_that_another_installation_keeps(tmp_path: Path) -> None:
    pems = made_in(tmp_path / "pems")
    async with (
        the_bank(tmp_path / "bank", pems) as (port, _),
        running(telephone(tmp_path, port, pems, "retail"), CHEAP) as node,
        FakePbx(sounds_of(node.catalogue)) as pbx,
    ):
        call = await pbx.dial("127.0.0.1", node.agi_port)
        await call.hear("zh/main_menu")
        await call.press("2")
        await call.hear("zh/enter_pin")
        await call.press("739154")
        await call.hear("zh/your_balance_is")
        await call.hang_up()
        await call.wait_ended()


async def pay(node: Node, name: str, amount: Money) -> str:
    """Move an amount as the services do; answer the intent's id."""
    bank = node.bank.ports.bank
    debtor = await bank.account(1, None)
    await bank.hold(TransferOrder(name, debtor.id, "440100003303", amount, "Li Lei 李雷"))
    await bank.post(name)
    assert (await bank.query(name))[0] is HoldState.POSTED
    return name


async def test_a_bank_that_stops_makes_the_telephone_not_ready_and_one_that_is_back_knows_all(tmp_path: Path) -> None:
    pems = made_in(tmp_path / "pems")
    async with the_bank(tmp_path / "bank", pems) as (port, process):
        config = telephone(tmp_path, port, pems, open_s=0.1, timeout_s=1.5)
        async with running(config, CHEAP) as node:
            await pay(node, "before", Money(100, "CNY"))
            process.send_signal(signal.SIGTERM)
            await process.wait()
            assert process.returncode == 0
            assert await ready(node) == {"core": "unavailable"}
            async with the_bank(tmp_path / "bank", pems, port):
                async with asyncio.timeout(10):
                    while await ready(node):  # noqa: ASYNC110 - asked as a load balancer does
                        await asyncio.sleep(0.05)
                state, posting = await node.bank.ports.bank.query("before")
                assert state is HoldState.POSTED
                assert posting == await node.bank.ports.bank.post("before")


async def test_who_has_no_certificate_or_another_secret_gets_nothing(tmp_path: Path) -> None:
    pems = made_in(tmp_path / "pems")
    async with the_bank(tmp_path / "bank", pems) as (port, _):
        for core in ({"certificate": None, "key": None}, {"client_secret": "guessed"}):
            config = telephone(tmp_path, port, pems, timeout_s=1.0, attempts=1, **core)
            async with running(config, CHEAP) as node:
                assert await ready(node) == {"core": "unavailable"}
                result = await perform(node, (await node.bank.client.arrive("voice", "+8613900000001")).auth_session_id,
                                       "accounts.balance", "r")  # fmt: skip
                assert result.outcome in ("down", "unauthenticated")


@pytest.mark.parametrize("face", ['host = "0.0.0.0"', 'certificate = "only.pem"', '[face.clients]\nphone = "secret"'])
async def test_a_face_that_would_not_be_safe_does_not_start(tmp_path: Path, face: str) -> None:
    (tmp_path / "bank.toml").write_text(f'[server]\nstate_dir = "{tmp_path / "state"}"\n[face]\n{face}\n')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tellerline", "bank", "serve", "-c", str(tmp_path / "bank.toml"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(START_S):
        said, _ = await process.communicate()
    assert process.returncode == 2, said.decode()
    assert b"face" in said
    assert b"Traceback" not in said
