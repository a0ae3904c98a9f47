from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.services.call import OperationCall, OperationResult
from flows.dialogue import (
    Channel,
    InputTimedOut,
    Party,
    Prompt,
    Resume,
    Say,
    TextReceived,
    TransferEnded,
    Trigger,
    Turn,
)
from flows.errors import SessionGone, SessionStoreDown
from flows.runner import Ended, Runner, Suspended
from flows.session import Session
from flows.store import FlowStore
from flows.testing import MemorySessions, ScriptedLine
from flows.testing.driver import said
from flows.testing.line import Scripted
from flows.vault import Vault
from tests.unit.flows.core import HandClock, ToldCore
from tests.unit.flows.flow_texts import SMALL

PIN = "739154"
CODE = "482913"


class World:
    """Everything that a runner needs, by hand."""

    def __init__(self, folder: Path) -> None:
        (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
        self.folder = folder
        self.flows = FlowStore(folder)
        self.sessions = MemorySessions()
        self.core = ToldCore()
        self.vault = Vault(monotonic=lambda: 0.0)
        self.clock = HandClock()
        self.runner = self.node()

    def node(self) -> Runner:
        """Another node on the same store."""
        return Runner(self.flows, self.sessions, self.core, self.vault, self.clock)

    def trigger(self, channel: Channel = Channel.VOICE, step: str | None = None, **slots: Any) -> Trigger:
        party = Party("+8613900000001", identified=True, language="en")
        return Trigger("small", channel, party, "s1", "a1", self.clock.now(), step, slots)

    def line(self, *script: Scripted, channel: Channel = Channel.VOICE) -> ScriptedLine:
        return ScriptedLine(channel, self.vault, script)

    async def send(self) -> tuple[Ended | Suspended, ScriptedLine]:
        line = self.line(channel=Channel.SMS)
        trigger = self.trigger(Channel.SMS, "prepare", amount=Money(50000, "CNY"), payee="LILEI")
        return await self.runner.start(trigger, line), line


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def heard(line: ScriptedLine) -> list[str]:
    return said(tuple(line.said))


async def test_a_whole_call_is_carried_out(world: World) -> None:
    line = world.line("1", PIN, "2", "1#", "500#", "1", "3")
    ended = await world.runner.start(world.trigger(), line)
    assert isinstance(ended, Ended)
    assert (ended.reason, line.ended) == ("done", "done")
    assert world.core.asked == ["auth.verify_pin", "accounts.balance", "transfers.prepare", "transfers.authorise"]
    assert heard(line)[-3:] == ["digits 900123", "main_menu", "goodbye"]
    assert await world.sessions.get("s1") is None


@dataclass
class Listening:
    """Keeps all that an observer is told, as text."""

    heard: list[str] = field(default_factory=list)

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        self.heard.append(f"{session.to_json()} {turn} {session} {before}")

    def answered(self, session: Session, resume: Resume, seconds: float) -> None:
        self.heard.append(f"{session} {resume}")

    def left(self, session: Session) -> None:
        self.heard.append(f"{session}")

    def ended(self, session: Session, reason: str) -> None:
        self.heard.append(f"{session} {reason}")


async def test_a_pin_reaches_its_operation_and_nothing_else(world: World) -> None:
    observer = Listening()
    runner = Runner(world.flows, world.sessions, world.core, world.vault, world.clock, observer=observer)
    await runner.start(world.trigger(), world.line("1", PIN, "3"))
    given = world.core.calls[0].arguments["pin"]
    assert isinstance(given, Secret)
    assert given.reveal() == PIN
    assert len(observer.heard) > 8
    assert PIN not in "".join(observer.heard) + world.sessions.dump()
    assert len(world.vault) == 0


async def test_a_secret_that_was_never_used_does_not_stay_in_memory(world: World) -> None:
    text = SMALL.replace("save: pin, next: pin_check}", "save: pin, next: bye}")
    (world.folder / "small.yaml").write_text(text, encoding="utf-8")
    assert world.flows.reload() == []
    await world.runner.start(world.trigger(), world.line("1", PIN))
    assert world.core.asked == []
    assert len(world.vault) == 0


async def test_a_session_is_kept_before_its_turn_is_spoken(world: World) -> None:
    spoken: list[bool] = []

    class Watching(ScriptedLine):
        async def say(self, say: Say) -> None:
            spoken.append(await world.sessions.get("s1") is not None)
            await super().say(say)

    await world.runner.start(world.trigger(), Watching(Channel.VOICE, world.vault, ["3"]))
    assert spoken[0] is True


async def test_what_changes_something_is_kept_before_it_is_asked_and_enquiries_cost_no_write(world: World) -> None:
    kept: dict[str, str] = {}
    perform = world.core.perform

    async def watched(call: OperationCall) -> OperationResult:
        session = await world.sessions.get("s1")
        kept[call.operation] = session.step if session is not None else ""
        return await perform(call)

    world.core.perform = watched  # type: ignore[method-assign]  # the test looks over its shoulder
    await world.runner.start(world.trigger(), world.line("1", PIN, "2", "1#", "500#", "1", "3"))
    assert kept == {
        "auth.verify_pin": "pin_check",
        "accounts.balance": "pin_check",  # leads here again, and an enquiry may be asked twice
        "transfers.prepare": "prepare",
        "transfers.authorise": "send",
    }


@pytest.mark.looptime
async def test_a_slow_enquiry_is_filled_and_at_its_limit_counts_as_down(world: World) -> None:
    text = SMALL.replace("    save: bal\n", "    save: bal\n    wait: {prompt: one_moment, after: 1s, limit: 8s}\n")
    (world.folder / "small.yaml").write_text(text, encoding="utf-8")
    assert world.flows.reload() == []
    world.core.slow["accounts.balance"] = 100
    line = world.line("1", PIN)
    began = asyncio.get_running_loop().time()
    await world.runner.start(world.trigger(), line)
    assert 8 <= asyncio.get_running_loop().time() - began < 9
    assert heard(line)[-2:] == ["one_moment", "goodbye"]
    assert world.runner.operations_in_flight == 1
    assert await world.runner.drain(200) == 0


@pytest.mark.looptime
async def test_a_filler_is_said_again_while_it_still_takes(world: World) -> None:
    world.core.slow["transfers.authorise"] = 19
    line = world.line("2", PIN, "1#", "500#", "1", "3")
    await world.runner.start(world.trigger(), line)
    assert heard(line).count("one_moment") == 3  # after 1.5, 9.5 and 17.5 seconds
    assert "digits 900123" in heard(line)


@pytest.mark.looptime
async def test_a_text_is_answered_without_a_filler_however_long_it_takes(world: World) -> None:
    text = SMALL.replace("    save: bal\n", "    save: bal\n    wait: {prompt: one_moment, after: 1s, limit: 8s}\n")
    (world.folder / "small.yaml").write_text(text, encoding="utf-8")
    assert world.flows.reload() == []
    world.core.slow["accounts.balance"] = 5
    line = world.line(channel=Channel.SMS)
    await world.runner.start(world.trigger(Channel.SMS, "balance"), line)
    assert "accounts.balance" in world.core.finished
    assert heard(line) == ["your_balance_is", "money 12345.67 CNY"]


@pytest.mark.looptime
async def test_money_that_is_not_answered_in_time_is_unknown(world: World) -> None:
    world.core.slow["transfers.authorise"] = 60
    line = world.line("2", PIN, "1#", "500#", "1", "3")
    await world.runner.start(world.trigger(), line)
    assert "unknown" in heard(line)
    assert "transfers.authorise" not in world.core.finished
    assert await world.runner.drain(100) == 0
    assert "transfers.authorise" in world.core.finished


@pytest.mark.looptime
async def test_a_hangup_ends_the_dialogue_at_once_and_never_the_operation(world: World) -> None:
    world.core.slow["transfers.authorise"] = 10
    line = world.line("2", PIN, "1#", "500#", "1")
    loop = asyncio.get_running_loop()
    began = loop.time()
    loop.call_later(3, line.hang_up)
    ended = await world.runner.start(world.trigger(), line)
    assert isinstance(ended, Ended)
    assert ended.reason == "party_left"
    assert 3 <= loop.time() - began < 3.1
    assert line.ended is None
    assert world.runner.operations_in_flight == 1
    assert await world.runner.drain(60) == 0
    assert world.core.finished[-1] == "transfers.authorise"


@pytest.mark.looptime
async def test_a_drain_that_runs_out_of_time_says_how_many_operations_still_run(world: World) -> None:
    world.core.slow["accounts.balance"] = 100
    await world.runner.start(world.trigger(), world.line("1", PIN))
    assert await world.runner.drain(1) == 1
    assert await world.runner.drain(200) == 0


@pytest.mark.looptime
async def test_a_cancelled_call_leaves_its_operation_running(world: World) -> None:
    world.core.slow["transfers.authorise"] = 10
    line = world.line("2", PIN, "1#", "500#", "1")
    call = asyncio.ensure_future(world.runner.start(world.trigger(), line))
    await asyncio.sleep(2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await world.runner.drain(60) == 0
    assert world.core.finished[-1] == "transfers.authorise"


@pytest.mark.parametrize(("operation", "wanted"), [("accounts.balance", "goodbye"), ("transfers.authorise", "unknown")])
async def test_an_operation_that_raises_is_an_outcome_and_never_the_end_of_the_node(
    world: World, operation: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.core.told[operation] = RuntimeError(f"defect with {PIN}")
    line = world.line(*(["1", PIN] if operation == "accounts.balance" else ["2", PIN, "1#", "500#", "1", "3"]))
    await world.runner.start(world.trigger(), line)
    assert wanted in heard(line)
    assert PIN not in "".join(capsys.readouterr())


async def test_a_party_that_leaves_while_it_is_spoken_to_ends_the_dialogue(world: World) -> None:
    line = world.line("1")
    line.hang_up()
    ended = await world.runner.start(world.trigger(), line)
    assert isinstance(ended, Ended)
    assert ended.reason == "party_left"
    assert await world.sessions.get("s1") is None


async def test_an_agent_takes_over_and_the_call_ends(world: World) -> None:
    line = world.line("0", TransferEnded("answered"))
    ended = await world.runner.start(world.trigger(), line)
    assert isinstance(ended, Ended)
    assert heard(line) == ["main_menu", "goodbye"]


async def test_a_caller_who_presses_nothing_is_ended_politely(world: World) -> None:
    line = world.line(InputTimedOut(), InputTimedOut(), InputTimedOut())
    ended = await world.runner.start(world.trigger(), line)
    assert isinstance(ended, Ended)
    assert heard(line)[-1] == "goodbye"


# --- texts ---


async def test_a_text_is_suspended_until_its_code_comes_and_goes_on_on_another_node(world: World) -> None:
    suspended, line = await world.send()
    assert isinstance(suspended, Suspended)
    assert suspended.wait.code
    assert heard(line)[-2:] == ["sms_confirm_with_code", "secret"]
    assert await world.sessions.waiting("+8613900000001") == "s1"
    handle = world.vault.keep(Secret(CODE))
    line = world.line(channel=Channel.SMS)
    ended = await world.node().resume("s1", TextReceived("", handle), line)
    assert isinstance(ended, Ended)
    assert heard(line) == ["done", "digits 900123"]
    code = world.core.calls[2].arguments["code"]
    assert isinstance(code, Secret)
    assert code.reveal() == CODE
    assert await world.sessions.waiting("+8613900000001") is None


async def test_a_code_in_an_answer_is_a_handle_everywhere_but_in_the_vault(world: World) -> None:
    suspended, line = await world.send()
    assert CODE not in f"{suspended} {line.said} {world.sessions.dump()}"


async def test_a_code_after_its_time_is_told_so(world: World) -> None:
    await world.send()
    world.clock.advance(601)
    line = world.line(channel=Channel.SMS)
    handle = world.vault.keep(Secret(CODE))
    ended = await world.runner.resume("s1", TextReceived("", handle), line)
    assert isinstance(ended, Ended)
    assert heard(line) == ["code_expired"]
    assert "auth.verify_code" not in world.core.asked


async def test_a_dialogue_that_is_over_is_gone(world: World) -> None:
    with pytest.raises(SessionGone):
        await world.runner.resume("nobody", TextReceived("hello"), world.line(channel=Channel.SMS))


async def test_a_dialogue_keeps_the_version_that_it_began_with(world: World) -> None:
    await world.send()
    changed = SMALL.replace("done: {say: [done,", "done: {say: [done_otherwise,")
    (world.folder / "small.yaml").write_text(changed, encoding="utf-8")
    assert world.flows.reload() == []
    line = world.line(channel=Channel.SMS)
    await world.runner.resume("s1", TextReceived("", world.vault.keep(Secret(CODE))), line)
    assert heard(line)[0] == "done"


async def test_a_dialogue_whose_version_is_nowhere_any_more_is_ended_honestly(world: World, tmp_path: Path) -> None:
    await world.send()
    (world.folder / "small.yaml").write_text(SMALL + "# another\n", encoding="utf-8")
    world.flows = FlowStore(world.folder)  # the process began anew
    line = world.line(channel=Channel.SMS)
    ended = await world.node().resume("s1", TextReceived("", world.vault.keep(Secret(CODE))), line)
    assert isinstance(ended, Ended)
    assert heard(line) == ["system_trouble"]
    assert "transfers.authorise" not in world.core.asked


async def test_a_secret_that_died_with_its_node_is_asked_for_again(world: World) -> None:
    await world.send()
    handle = Vault(monotonic=lambda: 0.0).keep(Secret(CODE))  # of a node that died
    line = world.line(channel=Channel.SMS)
    suspended = await world.runner.resume("s1", TextReceived("", handle), line)
    assert isinstance(suspended, Suspended)
    assert heard(line) == ["code_wrong"]
    assert "auth.verify_code" not in world.core.asked


class DownSessions(MemorySessions):
    """A store that does not answer."""

    async def put(self, session: Session, ttl_s: int) -> None:
        raise SessionStoreDown("down")

    async def delete(self, session: Session) -> None:
        raise SessionStoreDown("down")


async def test_a_call_goes_on_without_the_session_store_and_a_text_does_not(world: World) -> None:
    world.sessions = DownSessions()
    world.runner = world.node()
    ended = await world.runner.start(world.trigger(), world.line("3"))
    assert isinstance(ended, Ended)
    with pytest.raises(SessionStoreDown):
        await world.send()


async def test_a_refusal_by_the_bank_is_spoken_by_its_reason(world: World) -> None:
    world.core.told["accounts.balance"] = OperationResult("refused", reason="account_frozen")
    line = world.line("1", PIN, "3")
    await world.runner.start(world.trigger(), line)
    assert "refused_account_frozen" in heard(line)
    assert Prompt("refused_account_frozen") in line.said[2].items
