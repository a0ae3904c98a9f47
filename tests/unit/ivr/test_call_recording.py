"""A caller leaves a message."""

from __future__ import annotations

import asyncio
import re

import pytest
from structlog.testing import capture_logs

from flows.dialogue import DigitsReceived, InputTimedOut, PartyLeft, Record, RecordingEnded
from ivr.call import Call, CallSettings
from ivr.session import Why
from ivr.testing import FakeCall, SoundLibrary
from tests.unit.ivr.line import SAMPLES, Line, answering, ask, say

MESSAGE = Record(30.0, 3.0)
NAME = re.compile(r"/var/spool/asterisk/tellerline/[0-9a-f]{32}")


class Voicemail:
    """Records one message, and says what became of it."""

    def __init__(self, wait: Record = MESSAGE, *, before: bool = False) -> None:
        self.wait = wait
        self.before = before
        self.answers: list[object] = []

    async def __call__(self, call: Call) -> None:
        if self.before:
            await call.say(say("note"))
        self.answers.append(await call.record(self.wait))
        self.answers.append(await call.say(say("bye")))
        await call.end("done")

    @property
    def ended(self) -> RecordingEnded:
        answer = self.answers[0]
        assert isinstance(answer, RecordingEnded), answer
        return answer


async def until_beeped(line: Line) -> FakeCall:
    call = await line.dial()
    await call.hear("beep")
    await call.silence(0.5)
    return call


async def test_a_message_that_silence_ends() -> None:
    mail = Voicemail()
    async with answering(mail) as line:
        call = await until_beeped(line)
        await call.speak(6.0)
        await call.wait_ended()
    assert NAME.fullmatch(mail.ended.recording)
    assert mail.ended == RecordingEnded("ok", mail.ended.recording, 7)  # one second of the silence is kept
    assert call.messages[0].file == mail.ended.recording
    assert call.messages[0].spoken_s == pytest.approx(6.0, abs=0.1)
    assert f'RECORD FILE {mail.ended.recording} wav # 30000 BEEP "s=3"' in call.commands
    assert call.heard_files == ["beep", "zh/bye"]


async def test_a_message_that_a_key_ends_and_no_key_of_which_answers_anything() -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.append(await call.record(MESSAGE))
        await call.say(say("note"))
        answers.append(await call.gather(ask(1, 1, first_s=1.0)))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await until_beeped(line)
        await call.speak(4.0)
        await call.press("5", reaction_s=0.1)  # no terminator: part of the message
        await call.press("##", reaction_s=0.5, gap_s=0.15)
        await call.wait_ended()
    assert isinstance(answers[0], RecordingEnded)
    assert (answers[0].outcome, answers[0].seconds) == ("ok", 4)
    assert answers[1] == InputTimedOut(0)
    # The second # is the rest of a burst: the prompt that it interrupted goes on where it was.
    assert [(heard.file, heard.cut) for heard in call.heard] == [("beep", False), ("zh/note", True), ("zh/note", False)]


async def test_a_message_that_is_as_long_as_it_may_be() -> None:
    mail = Voicemail(Record(5.0, 3.0))
    async with answering(mail) as line:
        call = await until_beeped(line)
        await call.speak(60.0)
        await call.wait_ended()
    assert (mail.ended.outcome, mail.ended.seconds) == ("ok", 5)


async def test_who_hangs_up_after_speaking_has_left_a_message() -> None:
    mail = Voicemail()
    async with answering(mail) as line:
        call = await until_beeped(line)
        await call.speak(4.0)
        await call.hang_up()
        await call.wait_ended()
        assert line.calls[0].session.outcome is Why.HUNG_UP
    assert (mail.ended.outcome, mail.ended.seconds) == ("ok", 4)
    assert mail.answers[1] == PartyLeft()  # and is not there any more


@pytest.mark.parametrize("media", [True, False])
async def test_who_hangs_up_at_once_has_left(media: bool) -> None:
    mail = Voicemail()
    async with answering(mail) as line:
        call = await line.dial(media=media)
        await call.hear("beep")
        await call.silence(1.0)
        await call.hang_up()
        await call.wait_ended()
    assert mail.answers[0] == PartyLeft()


async def test_who_hangs_up_during_the_beep_has_left() -> None:
    mail = Voicemail()
    async with answering(mail) as line:
        call = await line.dial()
        await call.hear("beep")
        await call.hang_up()
        await call.wait_ended()
    assert mail.answers[0] == PartyLeft()
    assert len([command for command in call.commands if command.startswith("RECORD")]) == 1


async def test_silence_is_no_message() -> None:
    mail = Voicemail()
    async with answering(mail) as line:
        call = await until_beeped(line)
        await call.wait_ended()
    assert mail.ended == RecordingEnded("empty")


async def test_a_telephone_that_sends_no_sound_leaves_none() -> None:
    mail = Voicemail(Record(5.0, 3.0))
    async with answering(mail) as line:
        call = await line.dial(media=False)
        await call.wait_ended()
    assert mail.ended == RecordingEnded("empty")


async def test_the_end_key_during_the_beep_leaves_none() -> None:
    mail = Voicemail()
    async with answering(mail) as line:
        call = await line.dial()
        await call.hear("beep")
        await call.press("#", reaction_s=0.1)
        await call.wait_ended()
    assert mail.ended == RecordingEnded("empty")


async def test_a_breath_is_no_message() -> None:
    mail = Voicemail()
    async with answering(mail) as line:
        call = await until_beeped(line)
        await call.press("#", reaction_s=0.3)
        await call.wait_ended()
    assert mail.ended == RecordingEnded("empty")


async def test_keys_that_skip_the_prompt_do_not_end_the_message() -> None:
    mail = Voicemail(before=True)
    async with answering(mail) as line:
        call = await line.dial()
        await call.hear("zh/note")
        await call.press("###", gap_s=0.15)
        await call.hear("beep")
        await call.silence(0.5)
        await call.speak(3.0)
        await call.wait_ended()
    assert (mail.ended.outcome, mail.ended.seconds) == ("ok", 4)


async def test_an_exchange_without_a_beep_records_without_one_and_says_so() -> None:
    mail = Voicemail()
    samples = {name: length for name, length in SAMPLES.items() if name != "beep"}
    with capture_logs() as logs:
        async with answering(mail, sounds=SoundLibrary(samples=samples)) as line:
            call = await line.dial()
            await call.silence(0.5)
            await call.speak(4.0)
            await call.wait_ended()
    assert (mail.ended.outcome, mail.ended.seconds) == ("ok", 5)
    assert [log["file"] for log in logs if log["event"] == "sound.missing"] == ["beep"]


async def test_a_folder_that_is_not_there_fails_and_the_call_goes_on() -> None:
    mail = Voicemail()
    with capture_logs() as logs:
        async with answering(mail, settings=CallSettings(record_prefix="/nonexistent/")) as line:
            call = await line.dial()
            await call.wait_ended()
    assert mail.ended == RecordingEnded("failed")
    assert mail.answers[1] is None
    failed = [log for log in logs if log["event"] == "recording.failed"]
    assert len(failed) == 1
    assert failed[0]["why"] == "writefile"


async def test_no_two_messages_have_one_name_and_a_prefix_is_not_needed() -> None:
    names: list[str] = []

    async def dialogue(call: Call) -> None:
        for _ in range(3):
            answer = await call.record(Record(3.0, 2.0, "", beep=False))
            assert isinstance(answer, RecordingEnded)
            names.append(answer.recording)
        await call.end("done")

    async with answering(dialogue, settings=CallSettings(record_prefix="")) as line:
        call = await line.dial()
        await call.speak(60.0)
        await call.wait_ended()
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in names)
    assert call.heard_files == []


async def test_an_answer_before_the_message_is_not_its_end() -> None:
    """A ``#`` that follows the last digit of the answer before is the rest of a burst."""
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.append(await call.gather(ask(2, 2)))
        answers.append(await call.record(MESSAGE))
        await call.end("done")

    async with answering(dialogue) as line:
        call = await line.dial()
        await call.wait_for_prompt()
        await call.press("12#", gap_s=0.15)
        await call.hear("beep")
        await call.silence(0.5)
        await call.speak(3.0)
        await call.wait_ended()
    assert answers[0] == DigitsReceived("12")
    assert isinstance(answers[1], RecordingEnded)
    assert answers[1].outcome == "ok"


async def test_a_hangup_that_is_told_before_the_message_does_not_lose_it() -> None:
    mail = Voicemail()
    async with answering(mail) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.server.port)
        writer.write(b"agi_network: yes\nagi_uniqueid: 1.1\n\n")
        assert (await reader.readline()).startswith(b"RECORD FILE ")
        writer.write(b"HANGUP\n")
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"200 result=-1 (hangup) endpos=32000\n")
        assert await reader.readline() == b"SET VARIABLE TELLERLINE_COMPLETED 1\n"
        writer.write(b"200 result=1\n")
        assert await reader.readline() == b""
        writer.close()
    assert (mail.ended.outcome, mail.ended.seconds) == ("ok", 4)
