"""The voice channel's line on a real Asterisk, with real RTP and real RFC 4733 keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from flows.dialogue import (
    DigitsReceived,
    GatherDigits,
    InputTimedOut,
    PartyLeft,
    Prompt,
    Say,
    TransferEnded,
    TransferToAgent,
)
from flows.vault import Vault
from ivr.call import Call, CallSettings
from ivr.server import FastAgiServer
from ivr.session import AgiSession, Why
from tellerline.trying.asterisk_caller import Caller
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.driver import EndedBy
from tellerline.trying.voiceprints import Voiceprints
from tests.peers.asterisk.exchange import BANK, WANG, exchange, hear_all

pytestmark = pytest.mark.peer("asterisk")

Dialogue = Callable[[Call], Awaitable[None]]


def _say(*prompts: str, barge_in: bool = True) -> Say:
    return Say(tuple(map(Prompt, prompts)), "zh", barge_in)


def _ask(digits: int, *, secret: bool = False, first_s: float = 4.0) -> GatherDigits:
    return GatherDigits(digits, digits, "", "*", first_s, 2.0, secret)


@asynccontextmanager
async def _line(
    asterisk: Asterisk, sounds: Path, prints: Voiceprints, dialogue: Dialogue, *, agents: str | None = None
) -> AsyncIterator[tuple[Caller, list[Call]]]:
    vault = Vault()
    calls: list[Call] = []

    def files_for(say: Say, _catalogue: object = None) -> list[str]:
        return [f"{say.language}/{item.id}" for item in say.items if isinstance(item, Prompt)]

    async def on_call(session: AgiSession) -> None:
        calls.append(Call(session, files_for, vault, CallSettings(sound_prefix="tellerline")))
        await dialogue(calls[-1])

    async with (
        FastAgiServer(on_call) as server,
        exchange(asterisk, sounds, prints, f"127.0.0.1:{server.port}", agents=agents) as (_, callers),
    ):
        yield await callers.call(WANG, BANK), calls


@pytest.mark.parametrize("keys", ["1234567", "123456#", "12345678#"])
async def test_the_rest_of_a_burst_is_no_answer_to_the_next_question(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints, keys: str
) -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.append(await call.gather(_ask(6)))
        await call.say(_say("long"))
        answers.append(await call.gather(_ask(1, first_s=0.5)))
        await call.end("done")

    async with _line(asterisk, made_sounds, made_prints, dialogue) as (caller, _):
        await caller.press(keys)
        await hear_all(caller)
    assert answers == [DigitsReceived("123456"), InputTimedOut(0)]


async def test_a_key_ends_a_prompt_and_begins_the_answer_and_a_pin_stays_secret(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        await call.say(_say("long"))
        answers.append(await call.gather(_ask(6, secret=True)))
        await call.end("done")

    with capture_logs() as logs:
        async with _line(asterisk, made_sounds, made_prints, dialogue) as (caller, _):
            await caller.silence(1.0)
            await caller.press("739154")
            heard = await hear_all(caller)
    [answer] = answers
    assert isinstance(answer, DigitsReceived)
    assert (answer.digits, answer.secret is not None) == ("", True)
    assert [(item.audio_id, item.cut) for item in heard] == [("zh/long", True)]
    assert "739154" not in f"{caller.bank.commands} {caller.bank.variables} {logs}"


async def test_a_missing_recording_is_passed_over_and_a_hangup_is_noticed(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    answers: list[object] = []

    async def dialogue(call: Call) -> None:
        answers.append(await call.say(_say("nowhere", "short")))
        answers.append(await call.say(_say("long")))

    async with _line(asterisk, made_sounds, made_prints, dialogue) as (caller, calls):
        await caller.silence(2.0)
        await caller.hang_up()
    assert answers == [None, PartyLeft()]
    assert calls[0].session.outcome is Why.HUNG_UP


@pytest.mark.parametrize("outcome", ["closed", "answered"])
async def test_a_transfer_goes_through_the_dialplan_and_comes_back(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints, outcome: str
) -> None:
    answers: list[object] = []
    agents = (
        "[tellerline-queues]\n"
        f"exten => retail,1,Set(TELLERLINE_TRANSFER={outcome})\n"
        " same => n,Playback(tellerline/zh/digits)\n"
        " same => n,Return()\n"
    )

    async def dialogue(call: Call) -> None:
        answers.append(await call.transfer(TransferToAgent("retail", {"last_step": "balance"})))
        await call.say(_say("short"))
        await call.end("done")

    async with _line(asterisk, made_sounds, made_prints, dialogue, agents=agents) as (caller, _):
        heard = await hear_all(caller)
        ended = await caller.ended(1.0)
    assert answers == [TransferEnded(outcome)]
    assert [item.audio_id for item in heard] == ["zh/digits", "zh/short"]
    assert ended is not None
    assert ended.by is (EndedBy.TRANSFER if outcome == "answered" else EndedBy.BANK)
    assert caller.bank.variables["TELLERLINE_CONTEXT"] == "last_step=balance"
