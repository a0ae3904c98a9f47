"""The server's deadlines, limits and endings. Time is virtual where a test waits for it (looptime)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop
from structlog.testing import capture_logs

from ivr.server import FastAgiServer, ServerLimits, ServerPrompts
from ivr.session import AgiSession, Gone, Why
from ivr.testing import EndedBy, FakePbx, SoundLibrary

HEADER = b"agi_network: yes\nagi_uniqueid: 1.1\nagi_callerid: +8613900000001\nagi_extension: 95500\n\n"


class Figures:
    """Counts what the server tells."""

    def __init__(self) -> None:
        self.began = 0
        self.ended: list[Why] = []
        self.refused = 0

    def call_began(self) -> None:
        self.began += 1

    def call_ended(self, why: Why, seconds: float) -> None:
        assert seconds >= 0
        self.ended.append(why)

    def connection_refused(self) -> None:
        self.refused += 1


async def _until_left(session: AgiSession) -> None:
    await session.left()


async def _complete(session: AgiSession) -> None:
    await session.command("STREAM FILE", "hello", "", within_s=60.0)
    if not isinstance(await session.command("SET VARIABLE", "TELLERLINE_COMPLETED", "1"), Gone):
        session.conclude(Why.COMPLETED)


OPEN: list[asyncio.StreamWriter] = []


@pytest.fixture(autouse=True)
async def _nothing_stays_open() -> AsyncIterator[None]:
    yield
    while OPEN:
        writer = OPEN.pop()
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class Exchange:
    """An exchange that answers only what a test makes it answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def dial(cls, server: FastAgiServer, header: bytes = HEADER) -> Exchange:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(header)
        OPEN.append(writer)
        return cls(reader, writer)

    async def command(self, answer: str | None = None) -> str:
        line = (await self.reader.readline()).decode().strip()
        if answer is not None:
            self.writer.write(answer.encode() + b"\n")
        return line

    async def rest(self) -> bytes:
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""


OnCall = Callable[[AgiSession], Awaitable[None]]


async def test_a_call_is_handed_over_with_its_header_and_counted() -> None:
    seen: list[AgiSession] = []
    figures = Figures()

    async def on_call(session: AgiSession) -> None:
        seen.append(session)
        assert server.calls == 1
        await _complete(session)

    async with FastAgiServer(on_call, observer=figures) as server, FakePbx() as pbx:
        call = await pbx.dial("127.0.0.1", server.port, caller="+8613900000002", arguments=["a b", ""])
        assert (await call.wait_ended()).completed
        [session] = seen
        assert session.call_id == call.header["agi_uniqueid"]
        assert session.header["agi_callerid"] == "+8613900000002"
        assert (session.header["agi_arg_1"], session.header["agi_arg_2"]) == ("a b", "")
        assert server.calls == 0
    assert (figures.began, figures.ended) == (1, [Why.COMPLETED])


async def test_one_line_a_call_is_logged_and_shows_no_full_number() -> None:
    with capture_logs() as logs:
        async with FastAgiServer(_complete) as server, FakePbx() as pbx:
            call = await pbx.dial("127.0.0.1", server.port, caller="+8613900000001")
            await call.wait_ended()
    [line] = [entry for entry in logs if entry["event"] == "call.ended"]
    assert (line["caller"], line["called"], line["ended"], line["commands"]) == (
        "+86139****0001",
        "95500",
        "completed",
        2,
    )
    assert "13900000001" not in str(logs)


async def test_a_header_that_arrives_in_pieces_is_a_header() -> None:
    async with FastAgiServer(_complete) as server:
        exchange = await Exchange.dial(server, b"")
        for index in range(0, len(HEADER), 7):
            exchange.writer.write(HEADER[index : index + 7])
            await asyncio.sleep(0)
        assert await exchange.command("200 result=0 endpos=10") == 'STREAM FILE hello ""'
        assert await exchange.command("200 result=1") == "SET VARIABLE TELLERLINE_COMPLETED 1"
        assert await exchange.rest() == b""


@pytest.mark.looptime
async def test_a_connection_without_a_header_is_dropped_at_the_deadline() -> None:
    async with FastAgiServer(_complete, limits=ServerLimits(header_timeout_s=5.0)) as server:
        loop = asyncio.get_running_loop()
        exchange = await Exchange.dial(server, HEADER[:20])
        began = loop.time()
        assert await exchange.rest() == b""
        assert 5.0 <= loop.time() - began < 7.0


async def test_a_bare_connect_and_close_harms_nobody() -> None:
    async with FastAgiServer(_complete) as server, FakePbx() as pbx:
        for data in (b"", b"agi_network: yes\n", b"GET / HTTP/1.1\r\n\r\n"):
            await Exchange.dial(server, data)
        call = await pbx.dial("127.0.0.1", server.port)
        assert (await call.wait_ended()).completed


@pytest.mark.looptime
async def test_an_exchange_that_stops_answering_ends_the_call_at_the_commands_deadline() -> None:
    answers: list[object] = []

    async def on_call(session: AgiSession) -> None:
        answers.append(await session.command("WAIT FOR DIGIT", "6000", within_s=6.0))
        answers.append(await session.command("NOOP"))

    figures = Figures()
    async with FastAgiServer(on_call, limits=ServerLimits(command_timeout_s=10.0), observer=figures) as server:
        loop = asyncio.get_running_loop()
        exchange = await Exchange.dial(server)
        began = loop.time()
        assert await exchange.command() == "WAIT FOR DIGIT 6000"
        assert await exchange.rest() == b""
        assert 16.0 <= loop.time() - began < 18.0
    assert answers == [Gone(Why.STALLED)] * 2
    assert figures.ended == [Why.STALLED]


@pytest.mark.looptime
async def test_a_dialogue_that_does_not_notice_the_hangup_is_cancelled_but_not_what_it_shields() -> None:
    moved: list[str] = []
    ended: list[str] = []

    async def move_money() -> None:
        await asyncio.sleep(60.0)
        moved.append("500.00 CNY")

    tasks: list[asyncio.Task[None]] = []

    async def on_call(session: AgiSession) -> None:
        tasks.append(asyncio.ensure_future(move_money()))
        try:
            await asyncio.shield(tasks[0])
        finally:
            ended.append("dialogue")

    async with FastAgiServer(on_call, limits=ServerLimits(after_left_s=30.0)) as server:
        loop = asyncio.get_running_loop()
        exchange = await Exchange.dial(server)
        await asyncio.sleep(0.1)
        exchange.writer.write(b"HANGUP\n")
        began = loop.time()
        assert await exchange.rest() == b""
        assert 30.0 <= loop.time() - began < 32.0
        assert (ended, moved) == (["dialogue"], [])
        await tasks[0]
        assert moved == ["500.00 CNY"]


@pytest.mark.parametrize(
    "goodbye", [b"HANGUP\n", b"HANGUP\n200 result=-1 endpos=99\n", b"200 result=-1 endpos=99\nHANGUP\n", b""]
)
async def test_a_hangup_reaches_the_dialogue_at_once(goodbye: bytes) -> None:
    answers: list[object] = []

    async def on_call(session: AgiSession) -> None:
        answers.append(await session.command("STREAM FILE", "hello", "", within_s=60.0))
        await session.left()
        answers.append(await session.command("STREAM FILE", "hello", ""))

    async with FastAgiServer(on_call) as server:
        exchange = await Exchange.dial(server)
        await exchange.command()
        exchange.writer.write(goodbye)
        if not goodbye:
            exchange.writer.close()
        assert await server.drain(1.0) == 0
    why = Why.HUNG_UP if goodbye else Why.LOST
    assert answers[-1] == Gone(why)
    assert answers[0] == Gone(why) or goodbye.startswith(b"200")


async def test_variables_can_still_be_set_after_a_hangup() -> None:
    answers: list[object] = []

    async def on_call(session: AgiSession) -> None:
        await session.left()
        answers.append(await session.command("GET VARIABLE", "HANGUPCAUSE"))

    async with FastAgiServer(on_call) as server, FakePbx() as pbx:
        call = await pbx.dial("127.0.0.1", server.port)
        await asyncio.sleep(0)
        await call.hang_up()
        await call.wait_ended()
    assert getattr(answers[0], "note", None) == "16"


async def test_a_peer_that_breaks_the_protocol_is_dropped_and_the_others_go_on() -> None:
    figures = Figures()
    async with FastAgiServer(_complete, observer=figures) as server, FakePbx() as pbx:
        good = await pbx.dial("127.0.0.1", server.port)
        bad = await Exchange.dial(server)
        await bad.command("result=739154")
        assert await bad.rest() == b""
        assert (await good.wait_ended()).completed
    assert sorted(figures.ended) == [Why.BROKEN, Why.COMPLETED]


async def test_a_stranger_is_refused_and_logged_once_a_second() -> None:
    figures = Figures()
    with capture_logs() as logs:
        allow = [ipaddress.ip_network("10.0.0.0/8")]
        async with FastAgiServer(_complete, allow=allow, observer=figures) as server:
            for _ in range(5):
                exchange = await Exchange.dial(server)
                assert await exchange.rest() == b""
    assert (figures.began, figures.refused) == (0, 5)
    assert [entry["event"] for entry in logs] == ["connection.refused"]


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("", False),
        ("fe80::1%eth0", False),
    ],
)
def test_who_may_connect(peer: str, allowed: bool) -> None:
    assert FastAgiServer(_complete)._allowed(peer) is allowed


async def test_one_call_too_many_hears_that_the_lines_are_busy() -> None:
    figures = Figures()
    server = FastAgiServer(
        _until_left,
        limits=ServerLimits(max_calls=1),
        prompts=ServerPrompts(busy="zh/busy"),
        observer=figures,
    )
    async with server, FakePbx() as pbx:
        first = await pbx.dial("127.0.0.1", server.port)
        second = await pbx.dial("127.0.0.1", server.port)
        assert (await second.wait_ended()).by is EndedBy.SERVER
        assert second.heard_files == ["zh/busy"]
        assert second.variables["TELLERLINE_BUSY"] == "1"
        await first.hang_up()
        await first.wait_ended()
        third = await pbx.dial("127.0.0.1", server.port)
        await third.hang_up()
        assert (await third.wait_ended()).by is EndedBy.CALLER
    assert figures.ended == [Why.BUSY, Why.HUNG_UP, Why.HUNG_UP]


async def test_one_call_too_many_goes_to_the_next_server_where_no_busy_prompt_is_set() -> None:
    async with FastAgiServer(_until_left, limits=ServerLimits(max_calls=1)) as server, FakePbx() as pbx:
        first = await pbx.dial("127.0.0.1", server.port)
        second = await pbx.dial("127.0.0.1", server.port)
        ended = await second.wait_ended()
        assert not ended.completed
        await first.hang_up()
        await first.wait_ended()


async def test_even_the_busy_prompt_has_a_limit() -> None:
    figures = Figures()
    limits = ServerLimits(max_calls=1, max_waiting=1)
    server = FastAgiServer(_until_left, limits=limits, prompts=ServerPrompts(busy="zh/busy"), observer=figures)
    async with server, FakePbx() as pbx:
        first = await pbx.dial("127.0.0.1", server.port)
        second = await pbx.dial("127.0.0.1", server.port)
        third = await pbx.dial("127.0.0.1", server.port)
        assert (await third.wait_ended()).by is EndedBy.REFUSED
        assert figures.refused == 1
        assert (await second.wait_ended()).completed
        await first.hang_up()
        await first.wait_ended()


async def test_while_draining_new_calls_are_refused_and_those_in_progress_finish() -> None:
    async with FastAgiServer(_complete) as server, FakePbx() as pbx:
        call = await pbx.dial("127.0.0.1", server.port)
        await call.hear("hello")
        draining = asyncio.ensure_future(server.drain(5.0))
        await asyncio.sleep(0)
        assert not server.accepting
        with pytest.raises(OSError, match="Connect"):
            await pbx.dial("127.0.0.1", server.port)
        assert (await call.wait_ended()).completed
        assert await draining == 0


@pytest.mark.looptime
async def test_a_drain_waits_no_longer_than_its_deadline_and_close_ends_the_rest() -> None:
    figures = Figures()
    async with FastAgiServer(_until_left, observer=figures) as server:
        loop = asyncio.get_running_loop()
        exchange = await Exchange.dial(server)
        await asyncio.sleep(0.1)
        began = loop.time()
        assert await server.drain(60.0) == 1
        assert 60.0 <= loop.time() - began < 61.0
        await server.close()
        assert await exchange.rest() == b""
    assert figures.ended == [Why.DRAINED]


@pytest.mark.looptime
async def test_the_longest_call_is_ended_politely() -> None:
    answers: list[object] = []

    async def on_call(session: AgiSession) -> None:
        while not answers:
            reply = await session.command("WAIT FOR DIGIT", "60000", within_s=60.0)
            if isinstance(reply, Gone):
                answers.append(reply)

    figures = Figures()
    limits = ServerLimits(call_limit_s=100.0)
    prompts = ServerPrompts(limit="zh/limit")
    async with FastAgiServer(on_call, limits=limits, prompts=prompts, observer=figures) as server:
        exchange = await Exchange.dial(server)
        assert await exchange.command() == "WAIT FOR DIGIT 60000"
        await asyncio.sleep(60.0)
        exchange.writer.write(b"200 result=0\n")
        assert await exchange.command() == "WAIT FOR DIGIT 60000"
        assert answers == []
        await asyncio.sleep(41.0)
        assert answers == [Gone(Why.LIMIT)]
        await asyncio.sleep(19.0)
        exchange.writer.write(b"200 result=0\n")
        assert await exchange.command("200 result=0 endpos=8000") == 'STREAM FILE zh/limit ""'
        assert await exchange.command("200 result=1") == "SET VARIABLE TELLERLINE_COMPLETED 1"
        assert await exchange.rest() == b""
    assert figures.ended == [Why.LIMIT]


async def test_a_dialogue_that_raises_ends_its_own_call_only() -> None:
    figures = Figures()

    async def on_call(session: AgiSession) -> None:
        if session.header["agi_callerid"] == "+8613900000009":
            raise ZeroDivisionError("a defect")
        await _complete(session)

    with capture_logs() as logs:
        async with FastAgiServer(on_call, observer=figures) as server, FakePbx() as pbx:
            bad = await pbx.dial("127.0.0.1", server.port, caller="+8613900000009")
            good = await pbx.dial("127.0.0.1", server.port)
            assert not (await bad.wait_ended()).completed
            assert (await good.wait_ended()).completed
    assert figures.ended == [Why.FAILED, Why.COMPLETED]
    assert [entry["error"] for entry in logs if entry["event"] == "call.failed"] == ["ZeroDivisionError"]


async def test_a_command_waits_for_the_reply_of_one_that_was_abandoned() -> None:
    answers: list[object] = []

    async def on_call(session: AgiSession) -> None:
        abandoned = asyncio.ensure_future(session.command("STREAM FILE", "hello", ""))
        await asyncio.sleep(0)
        abandoned.cancel()
        first, second = await asyncio.gather(session.command("NOOP"), session.command("CHANNEL STATUS"))
        answers.extend([first, second])

    async with FastAgiServer(on_call) as server:
        exchange = await Exchange.dial(server)
        assert await exchange.command("200 result=0 endpos=8000") == 'STREAM FILE hello ""'
        replies = {"NOOP": "200 result=0", "CHANNEL STATUS": "200 result=6"}
        for _ in range(2):
            line = await exchange.command()
            exchange.writer.write(f"{replies[line]}\n".encode())
        await exchange.rest()
    assert [getattr(answer, "result", None) for answer in answers] == ["0", "6"]


async def test_small_commands_do_not_wait_for_each_other_on_the_wire() -> None:
    options: list[int] = []

    async def on_call(session: AgiSession) -> None:
        assert session._transport is not None
        wire = session._transport.get_extra_info("socket")
        options.append(wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async with FastAgiServer(on_call) as server, FakePbx() as pbx:
        await (await pbx.dial("127.0.0.1", server.port)).wait_ended()
    assert options[0] != 0


def test_calls_are_taken_on_uvloop_too() -> None:
    async def one_call() -> tuple[bool, int]:
        nodelay: list[int] = []

        async def on_call(session: AgiSession) -> None:
            assert session._transport is not None
            wire = session._transport.get_extra_info("socket")
            nodelay.append(wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            await _complete(session)

        async with FastAgiServer(on_call) as server, FakePbx() as pbx:
            call = await pbx.dial("127.0.0.1", server.port)
            return (await call.wait_ended()).completed, nodelay[0]

    completed, nodelay = uvloop.run(one_call())
    assert completed
    assert nodelay != 0


async def test_a_burst_of_calls_is_accepted_at_once() -> None:
    async with FastAgiServer(_complete) as server, FakePbx(SoundLibrary(unknown_s=0.1)) as pbx:
        calls = await asyncio.gather(*(pbx.dial("127.0.0.1", server.port) for _ in range(300)))
        ended = await asyncio.gather(*(call.wait_ended() for call in calls))
        assert all(end.completed for end in ended)
