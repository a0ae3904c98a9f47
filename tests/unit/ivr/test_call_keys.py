"""Which keys belong to which question."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from flows.dialogue import DigitsReceived, GatherDigits, InputTimedOut
from ivr.call import ANY_KEY, MAX_DROPPED_KEYS, Call
from ivr.testing import FakeCall
from tests.unit.ivr.line import answering, ask, say


async def _answer_to(wait: GatherDigits, keys: str, *, gap_s: float = 0.2) -> object:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.append(await call.gather(wait))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.press(keys, gap_s=gap_s)
        await call.wait_ended()
    return answers[0]


@pytest.mark.parametrize(
    ("wait", "keys", "answer"),
    [
        (ask(), "5", DigitsReceived("5")),
        (ask(1, 4), "5", DigitsReceived("5")),
        (ask(2, 4), "5", InputTimedOut(1)),
        (ask(2, 4), "", InputTimedOut(0)),
        (ask(4, 4), "1234", DigitsReceived("1234")),
        (ask(1, 9, terminators="#"), "500#", DigitsReceived("500", ended_by="#")),
        (ask(1, 9, terminators="#"), "#", DigitsReceived("", ended_by="#")),
        (ask(1, 3, terminators="#"), "500", DigitsReceived("500")),
        (ask(6, 6, escapes="*"), "*", DigitsReceived("*")),
        (ask(6, 6, escapes="*"), "12*456", DigitsReceived("12*456")),
        (ask(1, 9, terminators="#", escapes="*0"), "10#", DigitsReceived("10", ended_by="#")),
        (ask(1, 9, terminators="#"), "1A2#", DigitsReceived("1A2", ended_by="#")),
    ],
)
async def test_keys_make_an_answer(wait: GatherDigits, keys: str, answer: object) -> None:
    assert await _answer_to(wait, keys) == answer


async def test_a_slow_caller_has_as_long_between_two_keys_as_the_question_says() -> None:
    assert await _answer_to(ask(4, 4, inter_s=3.0), "1234", gap_s=2.9) == DigitsReceived("1234")
    assert await _answer_to(ask(4, 4, inter_s=3.0), "1234", gap_s=3.1) == InputTimedOut(1)


async def test_a_pin_is_a_secret_that_opens_once_and_stands_nowhere_else() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await call.say(say("pin"))
        answers.append(await call.gather(ask(6, 6, secret=True)))
        await call.end("done")

    with capture_logs() as logs:
        async with answering(dialogue) as line:
            call = await line.dial()
            await call.hear("zh/pin")
            await call.press("739154")
            await call.wait_ended()
            [answer] = answers
            assert isinstance(answer, DigitsReceived)
            assert answer.digits == ""
            assert answer.secret is not None
            assert line.vault.open(answer.secret).reveal() == "739154"
            written = f"{call.commands} {call.variables} {logs} {answers} {line.calls[0].session.facts}"
            assert "739154" not in written
            assert not any(digit in command for command in call.commands[1:-1] for digit in ["7391", "9154"])


@pytest.mark.parametrize(("keys", "ended_by"), [("#", "#"), ("12#", "#")])
async def test_a_secret_that_is_too_short_is_no_secret(keys: str, ended_by: str) -> None:
    assert await _answer_to(ask(6, 8, terminators="#", secret=True), keys) == DigitsReceived("", ended_by=ended_by)


async def _pin_then_menu(call: Call, answers: list[object]) -> None:
    await call.say(say("pin"))
    answers.append(await call.gather(ask(6, 6)))
    await call.say(say("menu"))
    answers.append(await call.gather(ask()))
    await call.end("done")


@pytest.mark.parametrize("media", [True, False])
@pytest.mark.parametrize("rest", ["8", "#", "82", "##1"])
async def test_the_rest_of_a_burst_is_no_answer_to_the_next_question(rest: str, media: bool) -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await _pin_then_menu(call, answers)

    async with answering(dialogue) as line:
        call = await line.dial(media=media)
        await call.hear("zh/pin")
        await call.press("739154")
        await call.burst(rest)
        await call.hear("zh/menu")
        await call.press("2", reaction_s=2.0)
        await call.wait_ended()
        assert answers == [DigitsReceived("739154"), DigitsReceived("2")], call.transcript()


@pytest.mark.looptime
async def test_a_key_that_a_channel_without_media_hands_out_late_is_no_answer() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await call.say(say("pin"))
        answers.append(await call.gather(ask(6, 6)))
        await asyncio.sleep(5.0)  # the bank works; no frame comes, so Asterisk keeps the key
        await call.say(say("menu"))
        answers.append(await call.gather(ask()))
        await call.end("done")

    async with answering(dialogue, speed=1.0) as line:
        call = await line.dial(media=False)
        await call.hear("zh/pin")
        await call.press("739154")
        await call.burst("8")
        await call.hear("zh/menu")
        await call.press("2", reaction_s=2.0)
        await call.wait_ended()
        assert answers == [DigitsReceived("739154"), DigitsReceived("2")]


async def test_a_prompt_that_a_dropped_key_interrupted_goes_on_where_it_was() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await _pin_then_menu(call, answers)

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.hear("zh/pin")
        await call.burst("73915488")
        await call.wait_ended()
        menu = [heard for heard in call.heard if heard.file == "zh/menu"]
        resumed = [command for command in call.commands if command.startswith("STREAM FILE zh/menu")]
        assert len(menu) == 3
        assert [len(command.split()) for command in resumed] == [4, 5, 5]
        played_s = sum((heard.ended_s or 0) - heard.started_s for heard in menu)
        assert played_s == pytest.approx(3.0, abs=0.01)
        assert answers[1] == InputTimedOut(0)


async def test_a_person_who_knows_the_menu_is_not_slowed_down() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await _pin_then_menu(call, answers)

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.hear("zh/pin")
        await call.press("739154", gap_s=0.15)
        await call.press("3", reaction_s=0.4)  # before the menu has said what 3 is
        await call.wait_ended()
        assert answers == [DigitsReceived("739154"), DigitsReceived("3")]
        assert call.heard[-1].cut


async def test_the_rest_of_a_burst_goes_by_before_a_question_without_a_prompt() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.extend([await call.gather(ask(2, 2)), await call.gather(ask(2, 2))])
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.wait_for_prompt()
        await call.burst("12345")
        await call.silence(1.0)
        await call.press("67")
        await call.wait_ended()
        assert answers == [DigitsReceived("12"), DigitsReceived("67")]


async def test_a_key_that_is_stuck_does_not_hold_the_line_for_ever() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await call.gather(ask())
        await call.say(say("menu"))
        answers.append(await call.gather(ask(3, 3)))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.press("1" * (3 * MAX_DROPPED_KEYS), gap_s=0.11)
        await call.wait_ended()
        assert answers == [DigitsReceived("111")]


async def test_an_exchange_that_says_key_without_end_does_not_hold_the_line_for_ever() -> None:
    async def dialogue(call: Call) -> None:
        await call.gather(ask())
        await call.say(say("menu"))
        await call.end("done")

    async with answering(dialogue) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.server.port)
        writer.write(b"agi_network: yes\nagi_uniqueid: 1.1\n\n")
        commands: list[bytes] = []
        while command := await reader.readline():
            commands.append(command)
            writer.write(b"200 result=49 endpos=5\n")
        writer.close()
        await writer.wait_closed()
    assert len(commands) == 1 + MAX_DROPPED_KEYS + 1


async def test_keys_pressed_while_the_bank_works_are_lost() -> None:
    answers: list[object] = []
    pressed: list[FakeCall] = []

    async def dialogue(call: Call) -> None:
        await call.say(say("hello"))
        await pressed[0].burst("9")  # no command runs: Asterisk drops it
        await call.say(say("menu"))
        answers.append(await call.gather(ask()))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        pressed.append(call)
        await call.wait_ended()
        assert answers == [InputTimedOut(0)]


def test_every_key_of_a_telephone_interrupts() -> None:
    assert sorted(ANY_KEY) == sorted("0123456789*#")
