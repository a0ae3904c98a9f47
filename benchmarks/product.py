"""The whole product as the handlers of a benchmark: how much of a balance call is the dialogue, how much the bank.

Each is an async context manager that gives ``on_call``, as in :mod:`benchmarks.agi_handlers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.agi_driver import Customer
from core_client.adapters.clock import SystemClock
from core_client.adapters.demo_world import crowd
from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.seeding import seed
from core_client.domain.money import Money
from core_client.domain.values import Value
from core_client.services.call import Arrival, OperationCall, OperationResult
from flows.runner import Observer, Runner
from flows.store import DEFINITIONS, FlowStore
from flows.testing import MemorySessions
from flows.vault import Vault
from flows.words import files_for
from ivr.call import CallSettings
from ivr.server import FastAgiServer, OnCall
from sounds.catalogue import Catalogue
from tellerline.bootstrap import Seams, running
from tellerline.config import Agi, Bank, Config, Health, Server
from tellerline.voice import VoiceChannel

CALL_LIMIT_S = 30
CALLERS = 400  # enough that nobody calls twice at once
WITHOUT_HASH = PinCost(memory_kib=8, passes=1)  # argon2's least: what a PIN costs is decided, not measured


class ToldBank:
    """Answers a balance call at once: what is measured then is the dialogue."""

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        return Arrival("a", identified=True, language="zh", customer_name=None)

    async def perform(self, call: OperationCall) -> OperationResult:
        money = Money(1_234_567, "CNY")
        account: dict[str, Value] = {
            "account": "1",
            "last4": "1101",
            "product": "current",
            "available": money,
            "default": True,
        }
        answers: dict[str, dict[str, Value]] = {
            "accounts.list": {"accounts": (account,), "count": 1},
            "accounts.balance": {"last4": "1101", "available": money, "booked": money},
        }
        return OperationResult("ok", answers.get(call.operation, {}))

    async def keep(self, auth_session_id: str) -> None:
        return None

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        return None

    def let_go(self, auth_session_id: str) -> None:
        return None

    async def leave(self, auth_session_id: str) -> None:
        return None


@contextlib.asynccontextmanager
async def dialogue(observer: Observer | None = None) -> AsyncIterator[OnCall]:
    """Voice, runner, engine, the shipped flow and its words; no bank and no store."""
    catalogue, bank, vault, clock = Catalogue.load(), ToldBank(), Vault(), SystemClock()
    runner = Runner(FlowStore(DEFINITIONS, catalogue), MemorySessions(), bank, vault, clock, observer=observer)
    yield VoiceChannel(
        runner,
        bank,
        vault,
        clock,
        lambda say, of_version: files_for(say, of_version or catalogue),
        flow="retail",
        region="CN",
        settings=CallSettings(sound_prefix="tellerline"),
    )


async def commands_of_a_call() -> list[bytes]:
    """Answer what the product sends to Asterisk in one balance call, for the bare server to send the same."""
    commands: list[bytes] = []
    customer = Customer(*callers()[0])
    async with dialogue() as on_call, FastAgiServer(on_call) as server, asyncio.timeout(CALL_LIMIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(customer.header)
        while line := await reader.readline():
            commands.append(line)
            writer.write(customer.answer(line))
        writer.close()
    return commands


def callers() -> list[tuple[str, str]]:
    """Answer the numbers and PINs of those who call."""
    return [(who.line or "", who.pin) for who in crowd(CALLERS)]


@contextlib.asynccontextmanager
async def whole() -> AsyncIterator[OnCall]:
    """A node as it is served: SQLite with every commit on the disk, Valkey, metrics, log lines."""
    with tempfile.TemporaryDirectory(prefix="tellerline-bench-") as folder:
        config = Config(
            server=Server(state_dir=Path(folder) / "state", log_level="info"),
            agi=Agi(port=0, sound_prefix="tellerline"),
            bank=Bank(demo=True),
            health=Health(port=None),
        )
        async with running(config, Seams(pin_cost=WITHOUT_HASH)) as node:
            await seed(node.bank, crowd(CALLERS))
            yield node.voice
