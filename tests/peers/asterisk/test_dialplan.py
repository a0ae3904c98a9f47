"""deploy/asterisk's dialplan, as it is, in a real Asterisk."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from ivr.agi import Reply
from ivr.server import FastAgiServer, ServerLimits, ServerPrompts
from ivr.session import AgiSession
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.driver import EndedBy
from tellerline.trying.voiceprints import Voiceprints
from tests.peers.asterisk.exchange import BANK, WANG, complete, exchange, get_variable, hear_all, names, play

pytestmark = pytest.mark.peer("asterisk")
NOBODY = "127.0.0.1:9"


async def answer(session: AgiSession) -> None:
    await play(session, "zh/short")
    await complete(session)


async def test_a_call_is_answered_by_the_server_and_the_caller_hears_it(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    headers: list[dict[str, str]] = []

    async def on_call(session: AgiSession) -> None:
        headers.append(dict(session.header))
        await answer(session)

    async with (
        FastAgiServer(on_call) as server,
        exchange(asterisk, made_sounds, made_prints, f"127.0.0.1:{server.port}") as (_, callers),
    ):
        caller = await callers.call(WANG, BANK)
        assert names(await hear_all(caller)) == ["zh/short"]
        ended = await caller.ended(1)
        assert ended is not None
        assert ended.by is EndedBy.BANK
        assert await caller.complaints() == ()
    assert headers[0]["agi_callerid"] == WANG
    assert headers[0]["agi_extension"] == BANK


async def test_a_withheld_number_reaches_the_server_as_withheld(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    numbers: list[str] = []

    async def on_call(session: AgiSession) -> None:
        numbers.append(session.header["agi_callerid"])
        await answer(session)

    async with (
        FastAgiServer(on_call) as server,
        exchange(asterisk, made_sounds, made_prints, f"127.0.0.1:{server.port}") as (_, callers),
    ):
        await hear_all(await callers.call(None, BANK))
    assert numbers == ["anonymous"]


async def test_a_refused_connection_costs_the_caller_nothing_the_next_server_answers(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    async with FastAgiServer(answer) as server:
        servers = (NOBODY, NOBODY, f"127.0.0.1:{server.port}")
        async with exchange(asterisk, made_sounds, made_prints, *servers) as (_, callers):
            heard = await hear_all(await callers.call(WANG, BANK))
    assert names(heard) == ["zh/short"]


async def test_a_server_that_never_accepts_costs_two_seconds_at_most(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf, socket.socket() as filler, socket.socket() as more:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)  # one connection fills it; the kernel leaves the next ones unanswered
        for taken in (filler, more):
            taken.setblocking(False)
            taken.connect_ex(deaf.getsockname())
        async with FastAgiServer(answer) as server:
            servers = (f"127.0.0.1:{deaf.getsockname()[1]}", f"127.0.0.1:{server.port}")
            async with exchange(asterisk, made_sounds, made_prints, *servers) as (_, callers):
                began = loop.time()
                heard = await hear_all(await callers.call(WANG, BANK))
                took_s = loop.time() - began
    assert names(heard) == ["zh/short"]
    assert 1.5 < took_s < 6


async def test_a_server_that_dies_in_mid_call_is_followed_by_the_next(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    async def die(session: AgiSession) -> None:
        await play(session, "en/short")
        session.abort()  # AGISTATUS says SUCCESS: only the missing TELLERLINE_COMPLETED tells

    async with FastAgiServer(die) as dying, FastAgiServer(answer) as living:
        servers = (f"127.0.0.1:{dying.port}", f"127.0.0.1:{living.port}")
        async with exchange(asterisk, made_sounds, made_prints, *servers) as (_, callers):
            heard = await hear_all(await callers.call(WANG, BANK))
    assert names(heard) == ["en/short", "zh/short"]


async def test_a_completed_call_goes_to_no_second_server(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    calls: list[str] = []

    async def second(session: AgiSession) -> None:
        calls.append(session.call_id)
        await answer(session)

    async with FastAgiServer(answer) as one, FastAgiServer(second) as two:
        servers = (f"127.0.0.1:{one.port}", f"127.0.0.1:{two.port}")
        async with exchange(asterisk, made_sounds, made_prints, *servers) as (_, callers):
            await hear_all(await callers.call(WANG, BANK))
    assert calls == []


async def test_a_caller_who_left_is_brought_to_no_second_server(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    calls: list[str] = []
    begun, left = asyncio.Event(), asyncio.Event()

    async def first(session: AgiSession) -> None:
        begun.set()
        await play(session, "zh/long")
        left.set()

    async def second(session: AgiSession) -> None:
        calls.append(session.call_id)

    async with FastAgiServer(first) as one, FastAgiServer(second) as two:
        servers = (f"127.0.0.1:{one.port}", f"127.0.0.1:{two.port}")
        async with exchange(asterisk, made_sounds, made_prints, *servers) as (_, callers):
            caller = await callers.call(WANG, BANK)
            async with asyncio.timeout(5):
                await begun.wait()
            await caller.hang_up()
            async with asyncio.timeout(5):
                await left.wait()
            ended = await caller.ended(5)
            assert ended is not None
            assert ended.by is EndedBy.CUSTOMER
    assert calls == []


async def test_when_no_server_answers_the_caller_is_told_in_every_language(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    async with exchange(asterisk, made_sounds, made_prints, NOBODY) as (host, callers):
        caller = await callers.call(WANG, BANK)
        assert names(await hear_all(caller)) == ["zh/try_later", "en/try_later"]
        ended = await caller.ended(1)
        assert ended is not None
        assert ended.by is EndedBy.FAILURE
        assert caller.bank.cause == "41"
        assert "no Tellerline server took the call" in host.log_text()


async def test_a_draining_server_finishes_its_call_and_new_ones_go_to_the_next(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    begun, drained = asyncio.Event(), asyncio.Event()

    async def long_call(session: AgiSession) -> None:
        begun.set()
        await play(session, "zh/digits")
        await drained.wait()
        await play(session, "en/short")
        await complete(session)

    async with FastAgiServer(long_call) as old, FastAgiServer(answer) as new:
        servers = (f"127.0.0.1:{old.port}", f"127.0.0.1:{new.port}")
        async with exchange(asterisk, made_sounds, made_prints, *servers) as (_, callers):
            first = await callers.call(WANG, BANK)
            async with asyncio.timeout(5):
                await begun.wait()
            draining = asyncio.ensure_future(old.drain(deadline_s=20))
            second = await callers.call("+8613900000002", BANK)
            assert names(await hear_all(second)) == ["zh/short"]
            drained.set()
            assert names(await hear_all(first)) == ["zh/digits", "en/short"]
            assert await draining == 0


async def test_a_full_server_says_so_and_a_full_one_without_words_leaves_it_to_the_next(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    begun, free = asyncio.Event(), asyncio.Event()

    async def hold(session: AgiSession) -> None:
        begun.set()
        await free.wait()
        await complete(session)

    for prompts, expected in ((ServerPrompts(busy="tellerline/en/short"), "en/short"), (None, "zh/short")):
        begun.clear()
        free.clear()
        limits = ServerLimits(max_calls=1)
        async with FastAgiServer(hold, limits=limits, prompts=prompts) as full, FastAgiServer(answer) as other:
            servers = (f"127.0.0.1:{full.port}", f"127.0.0.1:{other.port}")
            async with exchange(asterisk, made_sounds, made_prints, *servers) as (_, callers):
                first = await callers.call(WANG, BANK)
                async with asyncio.timeout(5):
                    await begun.wait()
                second = await callers.call("+8613900000002", BANK)
                assert names(await hear_all(second)) == [expected]
                free.set()
                assert await first.ended(5) is not None


async def test_a_missing_sound_is_no_hangup(asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints) -> None:
    outcomes: list[object] = []

    async def on_call(session: AgiSession) -> None:
        outcomes.append(await play(session, "zh/nosuchfile"))
        await answer(session)

    async with (
        FastAgiServer(on_call) as server,
        exchange(asterisk, made_sounds, made_prints, f"127.0.0.1:{server.port}") as (_, callers),
    ):
        caller = await callers.call(WANG, BANK)
        assert names(await hear_all(caller)) == ["zh/short"]
    assert outcomes[0] == Reply(200, "-1", endpos=0)


async def test_a_queue_that_leads_nowhere_is_closed_and_one_that_does_is_reached(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    told: list[str | None] = []

    async def to_people(session: AgiSession) -> None:
        for queue in ("nowhere", "retail"):
            await session.command("SET VARIABLE", "TELLERLINE_QUEUE", queue)
            await session.command("GOSUB", "tellerline-agent", "s", "1", within_s=10)
            told.append(await get_variable(session, "TELLERLINE_TRANSFER"))
        await complete(session)

    agents = (
        "[tellerline-queues]\n"
        "exten => retail,1,Playback(tellerline/zh/digits)\n"
        " same => n,Set(TELLERLINE_TRANSFER=answered)\n"
        " same => n,Return()\n"
    )
    async with FastAgiServer(to_people) as server:
        port = f"127.0.0.1:{server.port}"
        async with exchange(asterisk, made_sounds, made_prints, port, agents=agents) as (_, callers):
            caller = await callers.call(WANG, BANK)
            assert names(await hear_all(caller)) == ["zh/digits"]
    assert told == ["closed", "answered"]


async def test_a_queue_left_to_the_dialplan_is_reached_after_the_server_is_done(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    async def leave(session: AgiSession) -> None:
        await session.command("SET VARIABLE", "TELLERLINE_QUEUE", "retail")
        await complete(session)

    agents = "[tellerline-queues]\nexten => retail,1,Playback(tellerline/zh/digits)\n same => n,Return()\n"
    async with FastAgiServer(leave) as server:
        port = f"127.0.0.1:{server.port}"
        async with exchange(asterisk, made_sounds, made_prints, port, agents=agents) as (_, callers):
            caller = await callers.call(WANG, BANK)
            assert names(await hear_all(caller)) == ["zh/digits"]
            ended = await caller.ended(1)
            assert ended is not None
            assert (ended.by, ended.queue) == (EndedBy.TRANSFER, "retail")
