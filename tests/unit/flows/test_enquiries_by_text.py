"""An enquiry by text that is carried out before anything is stored says what a stored one says, or nothing at all."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from core_client.domain.money import Money
from core_client.services.call import OperationResult
from flows.dialogue import Channel, Trigger
from flows.runner import Ended, Runner
from tests.unit.flows.test_flow_runner import Listening, World, heard


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _asks(world: World, step: str, **slots: Any) -> Trigger:
    return world.trigger(Channel.SMS, step, **slots)


@pytest.mark.parametrize("outcome", ["ok", "refused", "down"])
async def test_an_enquiry_says_and_tells_what_a_started_dialogue_does(world: World, outcome: str) -> None:
    if outcome != "ok":
        world.core.told["accounts.balance"] = OperationResult(outcome)
    told, said = [], []
    for way in ("start", "enquire"):
        observer = Listening()
        runner = Runner(world.flows, world.sessions, world.core, world.vault, world.clock, observer=observer)
        line = world.line(channel=Channel.SMS)
        ended = await getattr(runner, way)(_asks(world, "balance"), line)
        told.append(observer.heard)
        said.append((heard(line), ended.reason if isinstance(ended, Ended) else ended))
    assert told[0] == told[1]
    assert said[0] == said[1]
    assert said[0][0], "something was said"


async def test_what_wants_more_than_an_enquiry_does_nothing_at_all(world: World) -> None:
    observer = Listening()
    runner = Runner(world.flows, world.sessions, world.core, world.vault, world.clock, observer=observer)
    line = world.line(channel=Channel.SMS)
    wanted = _asks(world, "prepare", amount=Money(50000, "CNY"), payee="LILEI")
    assert await runner.enquire(wanted, line) is None
    assert (world.core.asked, world.core.kept, observer.heard, line.said, line.ended) == ([], [], [], [], None)
    assert await world.sessions.get("s1") is None


async def test_the_line_is_left_open_for_whoever_stores_the_answer(world: World) -> None:
    line = world.line(channel=Channel.SMS)
    assert await world.runner.enquire(_asks(world, "balance"), line) == "done"
    assert line.ended is None


async def test_a_text_that_was_begun_before_is_no_enquiry(world: World) -> None:
    line = world.line(channel=Channel.SMS)
    again = dataclasses.replace(_asks(world, "balance"), again=True)
    assert await world.runner.enquire(again, line) is None
    assert world.core.asked == []
