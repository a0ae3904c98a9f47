"""An enquiry is stored as its answer; whatever is more than an enquiry, too slow or in the way is stored as a text."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError
from structlog.testing import capture_logs

from sms.messages import State
from tests.unit.sms.sms_world import ENGLISH, STRANGER, WANG, SmsWorld, sms_world
from tests.unit.sms.test_gateway import BALANCE, settled, until


def _watched(world: SmsWorld) -> list[str]:
    """Hear of every text that is stored as a text."""
    stored: list[str] = []
    take = world.gateway.inbox._on_text

    def hear(inbound: Any) -> None:
        stored.append(inbound.text)
        take(inbound)

    world.gateway.inbox._on_text = hear
    return stored


def _slowly(world: SmsWorld, pause: Callable[[], Awaitable[object]]) -> None:
    arrive = world.bank.core.arrive

    async def slow(channel: str, number: str | None) -> object:
        await pause()
        return await arrive(channel, number)

    world.gateway.answering._core.arrive = slow  # type: ignore[method-assign, assignment]


async def test_a_balance_is_stored_as_its_answer_and_a_payment_as_a_text(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        stored = _watched(world)
        assert BALANCE in await world.ask("BAL")
        assert stored == []
        await world.ask("SEND 10 LILEI")
        await world.ask("SEND 11 LILEI")
        assert stored == ["SEND 10 LILEI", "SEND 11 LILEI"]


async def test_text_and_answer_have_one_story_each(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world, asyncio.timeout(20):
        with capture_logs() as logs:
            await world.ask("BAL", ENGLISH)
            await settled(world)
        (line,) = [line for line in logs if line["event"] == "sms.handled"]
        assert (line["kind"], line["step"], line["outcome"]) == ("command", "balance", "done")
        answer, text = await world.gateway.lives.find(ENGLISH)
        assert answer == f"{text}.1" or text == f"{answer}.1"
        answer, text = max(answer, text), min(answer, text)
        life = await world.gateway.lives.life(answer)
        assert life is not None
        assert [change.state for change in life.changes] == [State.QUEUED, State.SENT, State.ACCEPTED]
        assert await world.gateway.lives.life(text) is not None


async def test_a_slow_bank_is_waited_for_with_the_text_stored_and_acknowledged(tmp_path: Path) -> None:
    async with sms_world(tmp_path, hold_s=0.02) as world:
        stored, answers = _watched(world), asyncio.Event()
        _slowly(world, answers.wait)
        await asyncio.wait_for(world.text("BAL"), 5)  # acknowledged though the bank does not answer
        assert stored == ["BAL"]
        answers.set()
        assert BALANCE in (await world.smsc.receive(to=WANG)).text
        await settled(world)
        assert world.smsc.waiting == (), "answered once"


async def test_texts_of_one_number_are_answered_in_their_order(tmp_path: Path) -> None:
    async with sms_world(tmp_path, hold_s=5.0) as world:
        answers = asyncio.Event()
        _slowly(world, answers.wait)
        first = asyncio.create_task(world.text("BAL"), name="first")
        await until(lambda: len(world.gateway.replies.ahead) == 1)
        await world.text("HELP")
        await world.text("MINI")
        assert not first.done(), "held: nothing of it is stored"
        answers.set()
        await first
        said = [(await world.smsc.receive(to=WANG)).text for _ in range(3)]
        assert BALANCE in said[0]
        assert "BAL" in said[1]
        assert said[2].count("CNY") == 5


async def test_a_copy_of_a_text_that_was_stored_as_its_answer_is_acknowledged_and_not_answered(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        await world.text("BAL", copies=4)
        assert BALANCE in (await world.smsc.receive(to=WANG)).text
        await settled(world)
        assert len(world.smsc.waiting) <= 3
        assert world.smsc.deliveries == 4


async def test_an_enquiry_that_the_store_does_not_take_is_not_acknowledged(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        with contextlib.suppress(RedisError):
            await world.store.redis.shutdown(nosave=True)
        text = asyncio.create_task(world.text("BAL"), name="text")
        await asyncio.sleep(0.3)
        assert not text.done()
        assert (world.smsc.deliveries, world.smsc.submits) == (0, 0)
        text.cancel()


async def test_a_stranger_is_answered_ahead_too_and_a_flood_is_not(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        stored = _watched(world)
        await world.ask("BAL", STRANGER)
        assert stored == []
        most = world.gateway.manners._settings.answers.most
        for _ in range(most + 2):
            await world.text("BAL")
            await settled(world)
        assert stored == ["BAL", "BAL"], "the warning, and the first that is not answered"
        assert len([text for text in world.smsc.log if text.destination == WANG[1:]]) == most + 1


async def test_a_drain_finishes_what_is_held(tmp_path: Path) -> None:
    async with sms_world(tmp_path, hold_s=5.0) as world:
        answers = asyncio.Event()
        _slowly(world, answers.wait)
        text = asyncio.create_task(world.text("BAL"), name="text")
        await until(lambda: len(world.gateway.replies.ahead) == 1)
        drained = asyncio.create_task(world.gateway.drain(5.0), name="drain")
        await asyncio.sleep(0.05)
        assert not drained.done()
        answers.set()
        assert await drained == 0
        await text
        assert BALANCE in (await world.smsc.receive(to=WANG)).text
