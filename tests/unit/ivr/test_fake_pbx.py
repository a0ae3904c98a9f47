"""The test exchange is a product: what testers and the terminal phone build on."""

from __future__ import annotations

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import ivr.agi
import ivr.testing
from ivr.errors import RemoteProtocolError
from ivr.testing import (
    CallEnded,
    CallEvent,
    CallWentElsewhere,
    CommandSeen,
    EndedBy,
    FakeCall,
    FakePbx,
    KeyPressed,
    Playing,
    SoundLibrary,
    Stopped,
    Transferred,
)


class Scripted:
    """A server that sends what a test tells it to, one command after another, and keeps the replies."""

    def __init__(self, *commands: str, goodbye: str = "SET VARIABLE TELLERLINE_COMPLETED 1") -> None:
        self.commands = [*commands, goodbye] if goodbye else list(commands)
        self.header: list[str] = []
        self.replies: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while line := (await reader.readline()).decode().strip():
                self.header.append(line)
            for command in self.commands:
                writer.write(f"{command}\n".encode())
                line = "HANGUP"
                while line == "HANGUP":
                    line = (await reader.readline()).decode().strip()
                self.replies.append(line)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def called(script: Scripted, pbx: FakePbx) -> AsyncIterator[FakeCall]:
    async with script.listening() as port, pbx:
        yield await pbx.dial("127.0.0.1", port, caller="+8613900000001", called="95500")


@pytest.mark.parametrize("package", [ivr.agi, ivr.testing])
def test_everything_public_is_there_and_sorted(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]  # a package
    assert sorted(names, key=lambda name: (not name.isupper(), name)) == list(names)
    assert all(hasattr(package, name) for name in names)


async def test_the_header_is_asterisks() -> None:
    script = Scripted()
    async with script.listening() as port, FakePbx() as pbx:
        call = await pbx.dial(
            "127.0.0.1",
            port,
            caller=None,
            called="95500",
            script=None,
            arguments=["a", "b"],
            headers={"agi_rdnis": "1"},
        )
        await call.wait_ended()
        assert script.header[0] == "agi_network: yes"
        assert not any(line.startswith("agi_network_script") for line in script.header)
        for line in (
            f"agi_request: agi://127.0.0.1:{port}",
            "agi_callerid: unknown",
            "agi_callingpres: 67",
            "agi_extension: 95500",
            "agi_rdnis: 1",
            "agi_arg_2: b",
        ):
            assert line in script.header


async def test_time_stands_still_while_a_test_thinks() -> None:
    async with called(Scripted("STREAM FILE a 1"), FakePbx(SoundLibrary(unknown_s=1.0))) as call:
        heard = await call.hear("a")
        await asyncio.sleep(0.05)
        assert heard.playing
        assert call.now < 0.05
        await call.silence(0.5)
        assert heard.playing
        await call.silence(600.0)
        assert heard.ended_s == pytest.approx(heard.started_s + 1.0)


@pytest.mark.looptime
async def test_at_speed_one_a_call_takes_as_long_as_it_takes() -> None:
    script = Scripted("STREAM FILE a 1", "WAIT FOR DIGIT 3000")
    async with called(script, FakePbx(SoundLibrary(unknown_s=2.0), speed=1.0)) as call:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await call.wait_ended()
        assert loop.time() - began == pytest.approx(5.0, abs=0.01)
        assert script.replies[:2] == ["200 result=0 endpos=16000", "200 result=0"]


@pytest.mark.looptime
async def test_a_fast_exchange_runs_so_many_times_faster() -> None:
    async with called(Scripted("STREAM FILE a 1"), FakePbx(SoundLibrary(unknown_s=20.0), speed=10.0)) as call:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await call.hear("a")
        await call.press("1", reaction_s=10.0)
        await call.wait_ended()
        assert loop.time() - began == pytest.approx(1.0, abs=0.01)
        assert call.heard[0].ended_s == pytest.approx(10.0, abs=0.1)


async def test_what_is_waited_for_in_vain_tells_what_was_heard() -> None:
    async with called(Scripted("STREAM FILE a 1", "STREAM FILE b 1"), FakePbx()) as call:
        await call.hear("b")
        with pytest.raises(CallWentElsewhere, match=r"'a' was not heard(.|\n)*0.00s a\n(.|\n)*ended by server"):
            await call.hear("a")
    async with called(Scripted("WAIT FOR DIGIT -1"), FakePbx()) as call:
        with pytest.raises(CallWentElsewhere, match="nothing was heard"):
            await call.hear("a")
        with pytest.raises(CallWentElsewhere, match="still goes on after 9 s"):
            await call.wait_ended(9.0)
        with pytest.raises(CallWentElsewhere, match="not handed to people"):
            await call.wait_transferred(9.0)
        await call.wait_for_prompt()


async def test_a_server_that_hangs_fails_the_test_with_the_reason() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server, FakePbx(patience_s=0.02) as pbx:
        call = await pbx.dial("127.0.0.1", server.sockets[0].getsockname()[1])
        with pytest.raises(CallWentElsewhere, match="sent no command for"):
            await call.wait_ended()
        await call.close()
        assert (await call.wait_ended()).by is EndedBy.REFUSED


async def test_recordings_are_reported_one_by_one_when_they_are_over() -> None:
    async with called(Scripted('STREAM FILE a ""', "STREAM FILE b 1"), FakePbx()) as call:
        first = await call.next_heard()
        assert first is not None
        assert (first.file, first.cut) == ("a", False)
        assert await call.next_heard(0.5) is None
        await call.press("1", reaction_s=0.1)
        second = await call.next_heard()
        assert second is not None
        assert (second.file, second.cut) == ("b", True)
        assert await call.next_heard() is None


async def test_an_observer_is_told_everything_in_order() -> None:
    seen: list[tuple[FakeCall, CallEvent]] = []
    of_call: list[CallEvent] = []
    script = Scripted("STREAM FILE a 1", "SET VARIABLE TELLERLINE_QUEUE retail", "GOSUB tellerline-agent s 1")
    pbx = FakePbx(observer=lambda call, event: seen.append((call, event)))
    async with script.listening() as port, pbx:
        call = await pbx.dial("127.0.0.1", port, observer=of_call.append)
        await call.hear("a")
        await call.press("1", reaction_s=0.1)
        await call.wait_ended()
    kinds = [type(event) for event in of_call]
    assert kinds == [
        CommandSeen, Playing, KeyPressed, Stopped, CommandSeen, CommandSeen, Transferred, CommandSeen, CallEnded,
    ]  # fmt: skip
    assert [event for _, event in seen] == of_call
    assert script.replies[2] == "100 result=0 Trying..."


async def test_a_server_that_dies_in_mid_call_leaves_the_call_to_the_next() -> None:
    async with called(Scripted("STREAM FILE a 1", goodbye=""), FakePbx()) as call:
        ended = await call.wait_ended()
        assert (ended.by, ended.completed) == (EndedBy.DROPPED, False)


async def test_commands_sent_ahead_are_run_in_order() -> None:
    replies: list[str] = []

    async def ahead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readline()).strip():
            pass
        writer.write(b'STREAM FILE a ""\nNOOP\nCHANNEL STATUS\n')
        replies.extend([(await reader.readline()).decode().strip() for _ in range(3)])
        writer.close()

    server = await asyncio.start_server(ahead, "127.0.0.1", 0)
    async with server, FakePbx() as pbx:
        await (await pbx.dial("127.0.0.1", server.sockets[0].getsockname()[1])).wait_ended()
    assert replies == ["200 result=0 endpos=8000", "200 result=0", "200 result=6"]


async def test_a_line_longer_than_asterisks_buffer_ends_the_call() -> None:
    async with called(Scripted("VERBOSE " + "x" * 9000), FakePbx()) as call:
        assert (await call.wait_ended()).by is EndedBy.REFUSED
        assert call.commands == []
    assert issubclass(RemoteProtocolError, Exception)


async def test_nobody_listening_is_a_refusal() -> None:
    async with Scripted().listening() as port:
        pass
    async with FakePbx() as pbx:
        with pytest.raises(OSError, match="Connect"):
            await pbx.dial("127.0.0.1", port)


async def test_pressing_what_is_no_key_is_a_mistake_and_pressing_after_the_end_is_nothing() -> None:
    async with called(Scripted("WAIT FOR DIGIT 1000"), FakePbx()) as call:
        with pytest.raises(ValueError, match="is no key"):
            await call.burst("x")
        await call.wait_ended()
        await call.press("1")
        await call.hang_up()
        assert call.ended is not None
        assert call.ended.by is EndedBy.SERVER


def test_recordings_last_as_long_as_their_wav_says(tmp_path: Path) -> None:
    (tmp_path / "zh").mkdir()
    for name, rate in (("zh/narrow", 8000), ("zh/wide", 16_000)):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as recording:
            recording.setnchannels(1)
            recording.setsampwidth(2)
            recording.setframerate(rate)
            recording.writeframes(b"\0\0" * rate * 2)
    library = SoundLibrary(tmp_path, samples={"zh/known": 5}, prefix="/var/lib/sounds/")
    assert library.samples("/var/lib/sounds/zh/narrow") == 16_000
    assert library.samples("zh/wide") == 16_000
    assert library.samples("zh/known") == 5
    assert library.samples("zh/nowhere") is None
    assert library.samples("../secret") is None
    assert library.name("/var/lib/sounds/zh/narrow") == "zh/narrow"
    assert SoundLibrary(unknown_s=0.5).samples("anything") == 4000
