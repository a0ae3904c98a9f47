"""What of a text's dialogue is stored, and what need not be: :class:`tests.unit.flows.test_flow_runner.World`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from core_client.services.call import OperationResult
from flows.dialogue import Channel
from flows.runner import Ended, Suspended
from tests.unit.flows.test_flow_runner import World, heard


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_text_that_is_one_enquiry_stores_neither_dialogue_nor_auth_session(world: World) -> None:
    line = world.line(channel=Channel.SMS)
    assert isinstance(await world.runner.start(world.trigger(Channel.SMS, "balance"), line), Ended)
    assert heard(line)
    assert (world.sessions.puts, world.core.kept) == (0, [])


async def test_a_dialogue_that_waits_for_another_text_keeps_its_auth_session_first(world: World) -> None:
    ended, _ = await world.send()
    assert isinstance(ended, Suspended)
    assert world.core.kept == ["a1"]
    assert world.sessions.puts >= 2, "before the bank was asked to prepare, and when the code is waited for"


async def test_a_text_that_begins_again_after_a_crash_removes_what_its_first_beginning_stored(world: World) -> None:
    started, _ = await world.send()  # the same text, before the crash: its dialogue waits
    assert await world.sessions.waiting("+8613900000001") == started.session.id
    again = dataclasses.replace(world.trigger(Channel.SMS, "balance"), again=True)
    await world.runner.start(again, world.line(channel=Channel.SMS))
    assert await world.sessions.waiting("+8613900000001") is None


@pytest.mark.looptime
@pytest.mark.parametrize("slow_s", [0.0, 60.0])
async def test_an_enquiry_by_text_that_never_ends_is_given_up_and_said_to_be_down(world: World, slow_s: float) -> None:
    world.core.slow["accounts.balance"] = slow_s
    line = world.line(channel=Channel.SMS)
    await world.runner.start(world.trigger(Channel.SMS, "balance"), line)
    assert (heard(line) == ["goodbye"]) == bool(slow_s), "small's way of saying that the bank is down"
    assert world.runner.operations_in_flight == 0


async def test_an_enquiry_by_text_that_raises_is_said_to_be_down(world: World) -> None:
    world.core.told["accounts.balance"] = RuntimeError("+8613900000001")
    line = world.line(channel=Channel.SMS)
    await world.runner.start(world.trigger(Channel.SMS, "balance"), line)
    down = world.line(channel=Channel.SMS)
    world.core.told["accounts.balance"] = OperationResult("down")
    await world.runner.start(world.trigger(Channel.SMS, "balance"), down)
    assert heard(line) == heard(down) != []
