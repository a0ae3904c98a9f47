from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from flows.dialogue import GatherDigits, PartyLeft, Record, RecordingEnded, Resume, TransferEnded, TransferToAgent
from flows.vault import Vault
from tellerline.trying.conversation import Agents
from tellerline.trying.driver import CallEnded, EndedBy
from tellerline.trying.pace import LEAP, run_paced
from tellerline.trying.telephone import TALK_S, UNLIMITED_S, Telephone

WAIT = Record(max_s=20, silence_s=5)
KEYS = GatherDigits(1, 4, "#", "*", 6, 3)


def _phone(agents: Agents = Agents.ANSWER) -> Telephone:
    return Telephone(
        lambda say, catalogue: [], lambda file: 1.0, Vault(), asyncio.get_running_loop().time, lambda queue: agents
    )


async def _both(
    bank: Coroutine[object, object, Resume], caller: Coroutine[object, object, None]
) -> tuple[Resume, float]:
    """Answer what the bank heard, and after how long."""
    began_s = asyncio.get_running_loop().time()
    answered_s = 0.0

    async def listen() -> Resume:
        nonlocal answered_s
        resume = await bank
        answered_s = asyncio.get_running_loop().time() - began_s
        return resume

    async with asyncio.TaskGroup() as group:
        heard = group.create_task(listen())
        group.create_task(caller)
    return heard.result(), round(answered_s, 1)


def _recorded(*acts: str) -> tuple[Resume, float]:
    async def main() -> tuple[Resume, float]:
        phone = _phone()

        async def caller() -> None:
            for act in acts:
                word, _, rest = act.partition(" ")
                match word:
                    case "speak":
                        await phone.speak(float(rest))
                    case "silence":
                        await phone.silence(float(rest))
                    case "press":
                        await phone.press(rest)
                    case "hang_up":
                        await phone.hang_up()

        return await _both(phone.record(WAIT), caller())

    return run_paced(main, LEAP)


def test_a_message_ends_with_silence() -> None:
    assert _recorded("speak 4") == (RecordingEnded("ok", "message-1", 10), 9.6)


def test_a_message_ends_with_its_key_and_with_no_other() -> None:
    assert _recorded("speak 4", "press 5", "press #") == (RecordingEnded("ok", "message-1", 6), 5.8)


def test_who_goes_on_speaking_is_not_cut_by_an_earlier_pause() -> None:
    assert _recorded("speak 4", "silence 3", "speak 4")[1] == 17.2


def test_a_message_is_no_longer_than_allowed() -> None:
    assert _recorded("speak 60") == (RecordingEnded("ok", "message-1", 20), 20.0)


def test_silence_is_no_message() -> None:
    assert _recorded("silence 1") == (RecordingEnded("empty"), 5.0)


def test_who_hangs_up_after_speaking_has_left_a_message() -> None:
    assert _recorded("speak 4", "hang_up")[0] == RecordingEnded("ok", "message-1", 5)


def test_who_hangs_up_without_a_word_has_left() -> None:
    assert _recorded("silence 1", "hang_up")[0] == PartyLeft()


@pytest.mark.parametrize(
    ("agents", "limit_s", "outcome", "seconds", "by"),
    [
        (Agents.ANSWER, None, "answered", TALK_S, EndedBy.TRANSFER),
        (Agents.NONE, 90.0, "timeout", 90.0, EndedBy.BANK),
        (Agents.NONE, None, "timeout", UNLIMITED_S, EndedBy.BANK),
        (Agents.CLOSED, 90.0, "closed", 0.0, EndedBy.BANK),
        (Agents.FAILED, 90.0, "failed", 0.0, EndedBy.BANK),
    ],
)
def test_a_queue_ends_as_its_people_do(
    agents: Agents, limit_s: float | None, outcome: str, seconds: float, by: EndedBy
) -> None:
    async def main() -> tuple[Resume, float, CallEnded | None]:
        phone = _phone(agents)
        heard, took_s = await _both(phone.transfer(TransferToAgent("retail", {}, None, limit_s)), phone.silence(0))
        await phone.end("done")
        return heard, took_s, await phone.ended(0)

    heard, took_s, ended = run_paced(main, LEAP)
    assert (heard, took_s) == (TransferEnded(outcome), seconds)
    assert ended is not None
    assert ended.by is by


def test_what_is_asked_for_is_seen_once_every_key_is_taken() -> None:
    async def main() -> list[object]:
        phone = _phone()
        seen: list[object] = [phone.asks]
        async with asyncio.TaskGroup() as group:
            gathering = group.create_task(phone.gather(KEYS))
            await phone.quiet()
            seen.append(phone.asks)
            await phone.press("12")
            await phone.quiet()
            seen.append(phone.asks)
            await phone.press("#")
            await gathering
            seen.append(phone.asks)
        phone.over(CallEnded(EndedBy.BANK))
        await phone.quiet()
        return seen

    assert run_paced(main, LEAP) == [None, KEYS, KEYS, None]
