"""What a caller hears, and what ends it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from core_client.domain.money import Money
from core_client.domain.values import SecretHandle, Value
from flows.dialogue import DigitsReceived, InputTimedOut, PartyLeft, TransferEnded, TransferToAgent
from ivr.call import Call, CallSettings, context_text
from ivr.session import Why
from ivr.testing import EndedBy, FakeCall, FakePbx, SoundLibrary
from tests.unit.ivr.line import SAMPLES, answering, ask, say


async def test_recordings_play_in_order_below_the_prefix_and_the_call_ends_properly() -> None:
    async def dialogue(call: Call) -> None:
        assert await call.say(say("hello", "menu")) is None
        assert await call.say(say("bye")) is None
        await call.end("done")

    sounds = SoundLibrary(samples=SAMPLES, prefix="tellerline")
    async with answering(dialogue, settings=CallSettings(sound_prefix="tellerline/"), sounds=sounds) as line:
        call = await line.dial()
        ended = await call.wait_ended()
        assert call.heard_files == ["zh/hello", "zh/menu", "zh/bye"]
        assert [round(heard.ended_s or 0) for heard in call.heard] == [1, 4, 4]  # 1 s, then 3 s, then half a second
        assert "STREAM FILE tellerline/zh/hello 0123456789*#" in call.commands
        assert ended.by is EndedBy.SERVER
        assert call.variables["TELLERLINE_COMPLETED"] == "1"
        assert line.calls[0].session.outcome is Why.COMPLETED


async def test_a_dialogue_that_forgets_to_end_leaves_the_call_to_the_next_server() -> None:
    async def dialogue(call: Call) -> None:
        await call.say(say("hello"))

    async with answering(dialogue) as line:
        call = await line.dial()
        assert (await call.wait_ended()).by is EndedBy.DROPPED
        assert "TELLERLINE_COMPLETED" not in call.variables


async def test_a_key_ends_every_prompt_of_the_turn_and_is_its_first_digit() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await call.say(say("hello", "menu"))
        await call.say(say("note"))
        answers.append(await call.gather(ask(2, 2)))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.hear("zh/hello")
        await call.press("73")
        await call.wait_ended()
        assert answers == [DigitsReceived("73")]
        assert call.heard_files == ["zh/hello"]
        assert call.heard[0].cut


async def test_a_prompt_without_barge_in_plays_to_its_end_even_after_a_key() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await call.say(say("hello"))
        await call.say(say("note", barge_in=False))
        await call.say(say("menu"))
        answers.append(await call.gather(ask()))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.hear("zh/hello")
        await call.press("7")
        await call.hear("zh/note")
        await call.press("8")
        await call.wait_ended()
        assert answers == [DigitsReceived("7")]
        assert call.heard_files == ["zh/hello", "zh/note"]
        assert not call.heard[1].cut


async def test_a_key_of_a_turn_that_asks_nothing_is_no_answer_to_the_next_question() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await call.say(say("hello"))
        await asyncio.sleep(0)  # a turn ends: the session is stored, an operation runs
        await call.say(say("menu"))
        answers.append(await call.gather(ask()))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.hear("zh/hello")
        await call.press("7")
        await call.hear("zh/menu")
        await call.wait_ended()
        assert answers == [InputTimedOut(0)]
        assert not call.heard[1].cut


async def test_a_missing_recording_is_passed_over_with_a_warning_and_is_no_hangup() -> None:
    async def dialogue(call: Call) -> None:
        assert await call.say(say("hello", "nowhere", "bye")) is None
        await call.end("done")

    with capture_logs() as logs:
        async with answering(dialogue) as line:
            call = await line.dial()
            assert (await call.wait_ended()).by is EndedBy.SERVER
            assert call.heard_files == ["zh/hello", "zh/bye"]
    assert [entry["file"] for entry in logs if entry["event"] == "sound.missing"] == ["zh/nowhere"]


async def test_a_hangup_in_the_middle_of_a_prompt_is_an_outcome() -> None:
    heard: list[object] = []

    async def dialogue(call: Call) -> None:
        heard.append(await call.say(say("hello", "menu")))
        heard.append(await call.say(say("bye")))
        heard.append(await call.gather(ask()))
        heard.append(await call.transfer(TransferToAgent("retail", {})))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.hear("zh/menu")
        await call.silence(1.0)
        await call.hang_up()
        assert (await call.wait_ended()).by is EndedBy.CALLER
        assert heard == [PartyLeft()] * 4
        assert call.heard_files == ["zh/hello", "zh/menu"]
        assert call.heard[1].cut
        assert line.calls[0].session.outcome is Why.HUNG_UP


async def test_a_hangup_while_a_key_is_waited_for_is_an_outcome() -> None:
    heard: list[object] = []

    async def dialogue(call: Call) -> None:
        heard.append(await call.gather(ask()))

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.silence(2.0)
        await call.hang_up()
        await call.wait_ended()
        assert heard == [PartyLeft()]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (["200 result=-1 endpos=12160"], Why.HUNG_UP),
        (["511 Command Not Permitted on a dead channel or intercept routine"], Why.HUNG_UP),
        (["200 result=-1 endpos=0", "511 Command Not Permitted on a dead channel or intercept routine"], Why.HUNG_UP),
        (["200 result=-1 endpos=0", "200 result=6"], Why.DROPPED),
    ],
)
async def test_an_answer_says_that_the_caller_left_before_the_hangup_line_does(
    answers: list[str], outcome: Why
) -> None:
    heard: list[object] = []

    async def dialogue(call: Call) -> None:
        heard.append(await call.say(say("hello")))

    async with answering(dialogue) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.server.port)
        writer.write(b"agi_network: yes\nagi_uniqueid: 1.1\n\n")
        for answer in answers:
            await reader.readline()
            writer.write(f"{answer}\n".encode())
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert heard == [None if outcome is Why.DROPPED else PartyLeft()]
        assert line.calls[0].session.outcome is outcome


async def test_left_returns_when_the_caller_leaves_while_nothing_plays() -> None:
    async def dialogue(call: Call) -> None:
        await call.left()
        await call.left()  # still gone

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.silence(0.01)
        await call.hang_up()
        assert (await call.wait_ended()).by is EndedBy.CALLER


async def test_a_filler_that_nobody_waits_for_any_more_is_played_out_before_the_next_prompt() -> None:
    async def dialogue(call: Call) -> None:
        filler = asyncio.ensure_future(call.say(say("note")))
        await asyncio.sleep(0.01)
        filler.cancel()
        assert await call.say(say("bye")) is None
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.hear("zh/note")
        await asyncio.sleep(0.05)
        await call.wait_ended()
        assert [(heard.file, heard.cut) for heard in call.heard] == [("zh/note", False), ("zh/bye", False)]


@pytest.mark.parametrize("outcome", ["answered", "closed", "failed", "timeout", "what"])
async def test_a_transfer_answers_what_the_dialplan_says(outcome: str) -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.append(await call.transfer(TransferToAgent("retail", {"last_step": "balance"})))
        await call.end("transferred")

    async with answering(dialogue) as line:
        pbx = FakePbx(agents={"retail": (outcome, 5.0)})
        call = await pbx.dial("127.0.0.1", line.server.port)
        ended = await call.wait_ended()
        await pbx.close()
        assert answers == [TransferEnded(outcome if outcome != "what" else "failed")]
        assert call.variables["TELLERLINE_CONTEXT"] == "last_step=balance"
        if outcome == "answered":
            assert (ended.by, ended.queue, call.transferred) == (EndedBy.TRANSFER, "retail", "retail")
        else:
            assert (ended.by, call.variables["TELLERLINE_QUEUE"]) == (EndedBy.SERVER, "")


async def test_a_queue_is_told_how_long_its_callers_may_wait_and_comes_back_then() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.append(await call.transfer(TransferToAgent("retail", {}, 30.0, 90.0)))
        answers.append(dict(told(line.pbx.calls[0])))
        answers.append(await call.transfer(TransferToAgent("loans", {})))
        answers.append(dict(told(line.pbx.calls[0])))
        await call.end("done")

    def told(call: FakeCall) -> dict[str, str]:
        return {name: call.variables[f"TELLERLINE_{name}"] for name in ("POSITION", "LIMIT")}

    async with answering(dialogue, agents={"retail": ("timeout", 5.0), "loans": ("closed", 0.0)}) as line:
        call = await line.dial()
        ended = await call.wait_ended()
    assert answers == [
        TransferEnded("timeout"),
        {"POSITION": "30", "LIMIT": "90"},
        TransferEnded("closed"),
        {"POSITION": "", "LIMIT": ""},
    ]
    assert ended.at_s == pytest.approx(90.0, abs=1.0)


async def test_a_caller_who_hangs_up_on_the_agent_has_left() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.append(await call.transfer(TransferToAgent("retail", {})))

    async with answering(dialogue) as line:
        call = await line.dial()
        assert await call.wait_transferred() == "retail"
        await call.hang_up()
        await call.wait_ended()
        assert answers == [PartyLeft()]
        assert line.calls[0].session.outcome is Why.TRANSFERRED


def test_an_agent_is_told_no_secret_and_one_line() -> None:
    context: dict[str, Value] = {
        "party": {"name": "Wang\nX-Evil: 1", "pin": SecretHandle("abc")},
        "amounts": (Money.parse("5.00 CNY"), None),
        "last_step": "send\0now",
    }
    assert context_text(context) == "party.name=Wang X-Evil: 1; amounts.1=5.00 CNY; last_step=send now"
    assert len(context_text({"x": "y" * 5000})) == 1000


async def test_the_call_can_be_answered_here_where_the_dialplan_has_not() -> None:
    async def dialogue(call: Call) -> None:
        assert await call.answer() is None
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.pbx.dial("127.0.0.1", line.server.port, answered=False)
        await call.wait_ended()
        assert call.channel.state == 6
