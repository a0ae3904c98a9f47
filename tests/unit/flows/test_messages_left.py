"""A message that was left reaches the bank, whether or not its caller is still there."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from core_client.domain.money import Money
from core_client.services.call import OperationResult
from flows.dialogue import Channel, Party, PartyLeft, RecordingEnded, Trigger
from flows.runner import Ended, Runner
from flows.store import FlowStore
from flows.testing import MemorySessions, ScriptedLine
from flows.testing.driver import said
from flows.testing.line import Scripted
from flows.vault import Vault
from tests.unit.flows.core import HandClock, ToldCore
from tests.unit.flows.steps.made import text_of

STEPS = """\
  main: {record: {prompt: leave_message}, save: m, on: {ok: kept, empty: bye, failed: bye}}
  kept: {set: {about: '"a message"'}, next: thanks}
  thanks: {say: [message_kept], next: cb}
  cb:
    callback: {queue: retail, about: about, recording: m.recording, seconds: m.seconds}
    save: c
    on: {ok: told, refused: bye, down: bye}
  told: {say: [{digits: c.reference}, {date: c.due}], next: bye}
"""
MONEY = """\
  main: {bank: transfers.prepare, with: {payee: payee, amount: amount}, save: i, on: {ok: rec, refused: bye, down: bye}}
  rec: {record: {prompt: leave_message}, save: m, on: {ok: thanks, empty: bye, failed: bye}}
  thanks: {say: [message_kept], next: send}
  send: {bank: transfers.authorise, with: {intent: i.id}, on: {ok: bye, refused: bye, unknown: bye, down: bye}}
"""
REQUEST = "service.request_callback"
ANSWERED = OperationResult("ok", {"reference": "483920", "due": datetime.date(2026, 3, 3)})


class HangsUpAfterSpeaking(ScriptedLine):
    """A caller who speaks, and puts the receiver down."""

    async def record(self, wait: object) -> RecordingEnded | PartyLeft:
        answer = await super().record(wait)  # type: ignore[arg-type]  # as the runner gives it
        self.hang_up()
        return answer


class World:
    def __init__(self, folder: Path, steps: str, top: str = "") -> None:
        (folder / "made.yaml").write_text(text_of(steps, top), encoding="utf-8")
        self.core = ToldCore(told={REQUEST: ANSWERED})
        self.sessions = MemorySessions()
        self.vault = Vault()
        self.clock = HandClock()
        self.runner = Runner(FlowStore(folder), self.sessions, self.core, self.vault, self.clock)

    async def call(self, line: ScriptedLine, **slots: object) -> Ended:
        party = Party("+8613900000001", identified=True, language="en")
        trigger = Trigger("made", Channel.VOICE, party, "s1", "a1", self.clock.now(), slots=slots)  # type: ignore[arg-type]
        ended = await self.runner.start(trigger, line)
        assert isinstance(ended, Ended)
        return ended

    def line(self, kind: type[ScriptedLine], *script: Scripted) -> ScriptedLine:
        return kind(Channel.VOICE, self.vault, script)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, STEPS)


async def test_a_caller_who_stays_hears_the_reference(world: World) -> None:
    line = world.line(ScriptedLine, RecordingEnded("ok", "rec/1", 7))
    assert (await world.call(line)).reason == "done"
    assert said(tuple(line.said)) == ["leave_message", "message_kept", "digits 483920", "date 2026-03-03", "goodbye"]


async def test_the_message_of_a_caller_who_hung_up_is_handed_to_the_bank(world: World) -> None:
    line = world.line(HangsUpAfterSpeaking, RecordingEnded("ok", "rec/1", 7))
    ended = await world.call(line)
    assert [call.operation for call in world.core.calls] == [REQUEST]
    assert world.core.calls[0].arguments == {
        "queue": "retail", "about": "a message", "recording": "rec/1", "seconds": 7,
    }  # fmt: skip
    assert (ended.reason, line.ended) == ("party_left", None)
    assert said(tuple(line.said)) == ["leave_message"]
    assert await world.sessions.get("s1") is None


async def test_a_slow_bank_gets_it_too(world: World) -> None:
    world.core.slow = {REQUEST: 0.2}
    await world.call(world.line(HangsUpAfterSpeaking, RecordingEnded("ok", "rec/1", 7)))
    assert await world.runner.drain(2.0) == 0
    assert world.core.finished == [REQUEST]


@pytest.mark.parametrize("answer", [RecordingEnded("empty"), RecordingEnded("failed"), PartyLeft()])
async def test_without_a_message_nothing_is_handed_over(world: World, answer: Scripted) -> None:
    await world.call(world.line(HangsUpAfterSpeaking, answer))
    assert world.core.calls == []


async def test_only_what_follows_the_message_is_carried_out(world: World) -> None:
    """A caller who left at a prompt before, or at the bank's answer, asks for nothing any more."""
    line = world.line(ScriptedLine, RecordingEnded("ok", "rec/1", 7))
    line.hang_up()
    await world.call(line)
    assert world.core.calls == []


async def test_no_money_moves_for_a_caller_who_hung_up(tmp_path: Path) -> None:
    top = "vars: {payee: {type: payee}, amount: {type: money}}\n"
    world = World(tmp_path, MONEY, top)
    line = world.line(HangsUpAfterSpeaking, RecordingEnded("ok", "rec/1", 7))
    ended = await world.call(line, payee="1", amount=Money(500, "CNY"))
    assert [call.operation for call in world.core.calls] == ["transfers.prepare"]
    assert ended.reason == "party_left"
