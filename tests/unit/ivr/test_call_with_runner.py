"""Whole dialogues: the exchange, the server, the line and the runner together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core_client.domain.secret import Secret
from flows.dialogue import Channel, Party, Prompt, Say, Trigger
from flows.runner import Ended, Runner
from flows.store import FlowStore
from flows.testing import MemorySessions
from flows.vault import Vault
from ivr.call import Call
from ivr.server import FastAgiServer
from ivr.session import AgiSession
from ivr.testing import LEAP, EndedBy, FakeCall, FakePbx, SoundLibrary
from tests.unit.flows.core import HandClock, ToldCore
from tests.unit.flows.flow_texts import SMALL

PIN = "739154"


def _files_for(say: Say, _catalogue: object = None) -> list[str]:
    return [item.id if isinstance(item, Prompt) else type(item).__name__ for item in say.items]


class World:
    def __init__(self, folder: Path) -> None:
        (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
        self.core = ToldCore()
        self.vault = Vault()
        self.sessions = MemorySessions()
        self.clock = HandClock()
        self.runner = Runner(FlowStore(folder), self.sessions, self.core, self.vault, self.clock)
        self.ended: list[str] = []

    async def __call__(self, session: AgiSession) -> None:
        party = Party("+8613900000001", identified=True, language="en")
        trigger = Trigger("small", Channel.VOICE, party, session.call_id, "a1", self.clock.now())
        ended = await self.runner.start(trigger, Call(session, _files_for, self.vault))
        assert isinstance(ended, Ended)
        self.ended.append(ended.reason)

    @contextlib.asynccontextmanager
    async def call(self, speed: float = LEAP) -> AsyncIterator[FakeCall]:
        async with FastAgiServer(self) as server, FakePbx(SoundLibrary(unknown_s=2.0), speed=speed) as pbx:
            yield await pbx.dial("127.0.0.1", server.port)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_caller_hears_a_balance_and_sends_money(world: World) -> None:
    async with world.call() as call:
        for prompt, keys in [
            ("main_menu", "1"),
            ("enter_pin", PIN),
            ("main_menu", "2"),
            ("enter_payee", "1#"),
            ("enter_amount", "500#"),
            ("you_send", "1"),
            ("main_menu", "3"),
        ]:
            await call.hear(prompt)
            await call.press(keys)
        assert (await call.wait_ended()).by is EndedBy.SERVER
        assert PIN not in f"{call.commands} {call.variables} {world.sessions.dump()}"
        assert all(heard.cut for heard in call.heard if heard.file in ("enter_pin", "enter_payee", "enter_amount"))
    assert world.core.asked == ["auth.verify_pin", "accounts.balance", "transfers.prepare", "transfers.authorise"]
    given = world.core.calls[0].arguments["pin"]
    assert isinstance(given, Secret)
    assert given.reveal() == PIN
    assert world.ended == ["done"]


async def test_a_pin_with_a_hash_out_of_habit_does_not_choose_from_the_menu(world: World) -> None:
    async with world.call() as call:
        await call.hear("main_menu")
        await call.press("1")
        await call.hear("enter_pin")
        await call.press(f"{PIN}##1", gap_s=0.12)
        await call.hear("main_menu")
        await call.press("3", reaction_s=3.0)
        await call.wait_ended()
        assert "not_an_option" not in call.heard_files
    assert world.core.asked == ["auth.verify_pin", "accounts.balance"]


@pytest.mark.looptime
@pytest.mark.parametrize("slow_s", [1.7, 3.0])  # the bank answers before the key, or after it
async def test_a_key_pressed_while_the_bank_works_answers_no_later_question(world: World, slow_s: float) -> None:
    world.core.slow["transfers.authorise"] = slow_s
    async with world.call(speed=1.0) as call:  # the exchange's time is the loop's, as in life
        for prompt, keys in [("main_menu", "2"), ("enter_pin", PIN), ("enter_payee", "1#"), ("enter_amount", "500#")]:
            await call.hear(prompt)
            await call.press(keys)
        await call.hear("you_send")
        await call.press("1")
        await call.hear("one_moment")
        await call.press("3", reaction_s=0.5)  # would say goodbye, were it taken for the menu
        menu = await call.hear("main_menu")
        await call.silence(1.0)
        assert menu.playing
        await call.hang_up()
        await call.wait_ended()
    assert world.core.finished[-1] == "transfers.authorise"


@pytest.mark.looptime
async def test_a_hangup_while_money_moves_ends_the_dialogue_and_not_the_movement(world: World) -> None:
    world.core.slow["transfers.authorise"] = 10.0
    async with world.call() as call:
        for prompt, keys in [("main_menu", "2"), ("enter_pin", PIN), ("enter_payee", "1#"), ("enter_amount", "500#")]:
            await call.hear(prompt)
            await call.press(keys)
        await call.hear("you_send")
        await call.press("1")
        await call.silence(1.0)
        began = asyncio.get_running_loop().time()
        await call.hang_up()
        assert (await call.wait_ended()).by is EndedBy.CALLER
        assert asyncio.get_running_loop().time() - began < 1.0
        assert world.runner.operations_in_flight == 1
        assert world.ended == ["party_left"]
        assert await world.runner.drain(60.0) == 0
    assert world.core.finished[-1] == "transfers.authorise"


async def test_a_caller_who_presses_nothing_is_asked_again_and_ended_politely(world: World) -> None:
    async with world.call() as call:
        ended = await call.wait_ended()
        assert ended.by is EndedBy.SERVER
        assert call.heard_files.count("still_there") >= 1
        assert "main_menu" in call.heard_files
