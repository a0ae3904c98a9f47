"""Callers who leave messages, and queues that nobody answers, on a real Asterisk."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core_client.domain.secret import Secret
from core_client.services.call import OperationResult
from flows.dialogue import Channel, Party, PartyLeft, Prompt, Record, RecordingEnded, Say, Trigger
from flows.runner import Ended, Runner
from flows.store import FlowStore
from flows.testing import MemorySessions
from flows.vault import Vault
from ivr.ami import AmiClient, AmiSettings
from ivr.call import Call, CallSettings
from ivr.server import FastAgiServer
from ivr.session import AgiSession
from tellerline.trying.asterisk_config import WATCH_USER, deploy_folder
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.asterisk_host import AsteriskHost
from tests.peers.asterisk.exchange import BANK, WANG
from tests.unit.flows.core import HandClock, ToldCore

pytestmark = pytest.mark.peer("asterisk")

MESSAGE = Record(20.0, 2.0)
SPEAKS = "vm-intro&silence/9"  # five and a half seconds of speech, and then only silence
Dialogue = Callable[[Call], Awaitable[None]]


def files_for(say: Say, _catalogue: object = None) -> list[str]:
    return [f"{say.language}/{item.id}" for item in say.items if isinstance(item, Prompt)]


class Exchange:
    """An Asterisk, and a server whose calls are one dialogue."""

    def __init__(self, host: AsteriskHost, ami: AmiClient) -> None:
        self.host = host
        self.ami = ami
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.calls: list[Call] = []
        self.began = asyncio.Event()

    @property
    def messages(self) -> Path:
        return self.host.site.messages

    async def call(self, talk: str, *, hangs_up_after_s: float | None = None) -> None:
        """Let a caller say ``talk`` to the bank's line, and wait until the dialogue has ended."""
        await self.ami.perform(
            "Originate",
            {
                "Channel": f"Local/{BANK}@tellerline/n",
                "Context": "test-talk",
                "Exten": "s",
                "Priority": "1",
                "CallerID": WANG,
                "Variable": f"TALK={talk}",
                "Async": "true",
            },
        )
        async with asyncio.timeout(40):
            if hangs_up_after_s is not None:
                await self.began.wait()
                await asyncio.sleep(hangs_up_after_s)
                channel = self.calls[0].session.header["agi_channel"].replace(";2", ";1")
                await self.ami.perform("Hangup", {"Channel": channel, "Cause": "16"})
            await self.done


@asynccontextmanager
async def answering(
    asterisk: Asterisk, dialogue: Dialogue, *, agents: str | None = None, prefix: str = "spool/tellerline"
) -> AsyncIterator[Exchange]:
    if not any((asterisk.data / "sounds").glob("en*/vm-intro.*")):
        pytest.skip("this Asterisk has no English core sounds, which callers here speak with")
    found: list[Exchange] = []
    vault = Vault()

    async def on_call(session: AgiSession) -> None:
        exchange = found[0]
        folder = str(exchange.host.site.folder / prefix)
        call = Call(session, files_for, vault, CallSettings(sound_prefix="tellerline", record_prefix=folder))
        exchange.calls.append(call)
        exchange.began.set()
        try:
            await dialogue(call)
        finally:
            exchange.done.set_result(None)

    async with (
        FastAgiServer(on_call) as server,
        AsteriskHost(asterisk, servers=(f"127.0.0.1:{server.port}",), agents=agents) as host,
        AmiClient(AmiSettings(WATCH_USER, Secret(host.site.watch_secret), port=host.ami_port)) as ami,
    ):
        await ami.ready(10)
        found.append(Exchange(host, ami))
        yield found[0]


class Voicemail:
    def __init__(self, wait: Record = MESSAGE) -> None:
        self.wait = wait
        self.answers: list[object] = []

    async def __call__(self, call: Call) -> None:
        self.answers.append(await call.record(self.wait))
        await call.end("done")

    def kept(self, exchange: Exchange) -> float:
        """Answer how many seconds are in the file that the answer names."""
        [answer] = self.answers
        assert isinstance(answer, RecordingEnded)
        assert (answer.outcome, Path(answer.recording).parent) == ("ok", exchange.messages)
        with wave.open(f"{answer.recording}.wav") as file:
            seconds: float = file.getnframes() / file.getframerate()
        assert answer.seconds == pytest.approx(seconds, abs=0.6)
        return seconds


async def test_a_message_is_kept_as_it_was_spoken_and_ends_with_silence(asterisk: Asterisk) -> None:
    mail = Voicemail()
    async with answering(asterisk, mail) as exchange:
        await exchange.call(SPEAKS)
        assert mail.kept(exchange) == pytest.approx(6.0, abs=0.7)


async def test_who_hangs_up_after_speaking_has_left_a_message(asterisk: Asterisk) -> None:
    mail = Voicemail()
    async with answering(asterisk, mail) as exchange:
        await exchange.call(SPEAKS, hangs_up_after_s=3.0)
        assert mail.kept(exchange) == pytest.approx(2.5, abs=0.5)


@pytest.mark.parametrize(("talk", "left"), [("silence/9", False), ("silence/9", True)])
async def test_who_says_nothing_leaves_none(asterisk: Asterisk, talk: str, left: bool) -> None:
    mail = Voicemail()
    async with answering(asterisk, mail) as exchange:
        await exchange.call(talk, hangs_up_after_s=0.8 if left else None)
    assert mail.answers == [PartyLeft() if left else RecordingEnded("empty")]


async def test_an_asterisk_without_a_beep_records_all_the_same(asterisk: Asterisk) -> None:
    mail = Voicemail(Record(3.0, 2.0))
    with capture_logs() as logs:
        async with answering(asterisk, mail) as exchange:
            english = exchange.host.site.folder / "data" / "sounds" / "en"
            core = english.resolve()
            english.unlink()
            english.mkdir()
            (english / "vm-intro.wav").symlink_to(core / "vm-intro.wav")
            await exchange.call("vm-intro")
            assert mail.kept(exchange) == pytest.approx(3.0, abs=0.3)
    assert [log["file"] for log in logs if log["event"] == "sound.missing"] == ["beep"]


async def test_a_folder_that_asterisk_cannot_write_to_is_told_as_failed(asterisk: Asterisk) -> None:
    mail = Voicemail()
    async with answering(asterisk, mail, prefix="spool/nowhere") as exchange:
        await exchange.call(SPEAKS)
    assert mail.answers == [RecordingEnded("failed")]


FLOW = """\
flow: line
languages: [en]
start: main
defaults: {on_fail: bye}
steps:
  main:
    transfer: {queue: retail, position: 30s, callback_after: 2s}
    on: {answered: bye, closed: bye, failed: bye, timeout: later}
  later: {record: {limit: 10s, silence: 1s}, save: m, on: {ok: ask, empty: ask, failed: bye}}
  ask: {callback: {queue: retail, recording: m.recording}, on: {ok: thanks, refused: bye, down: bye}}
  thanks: {say: [thanks], next: bye}
  bye: {say: [goodbye], hangup: true}
"""


def shipped_example() -> str:
    """Answer agents.conf with its example in force, as a bank would begin."""
    text = (deploy_folder() / "agents.conf").read_text()
    return text.replace(";exten =>", "exten =>").replace("; same =>", " same =>")


async def test_a_queue_that_nobody_answers_in_time_leads_to_a_callback(asterisk: Asterisk, tmp_path: Path) -> None:
    (tmp_path / "line.yaml").write_text(FLOW)
    core = ToldCore(told={"service.request_callback": OperationResult("ok", {"reference": "1"})})
    clock, vault, ended = HandClock(), Vault(), list[str]()
    runner = Runner(FlowStore(tmp_path), MemorySessions(), core, vault, clock)
    waited: list[float] = []
    loop = asyncio.get_running_loop()

    async def dialogue(call: Call) -> None:
        began = loop.time()
        party = Party(WANG, identified=True, language="en")
        trigger = Trigger("line", Channel.VOICE, party, call.session.call_id, "a1", clock.now())
        outcome = await runner.start(trigger, call)
        assert isinstance(outcome, Ended)
        ended.append(outcome.reason)
        waited.append(loop.time() - began)

    async with answering(asterisk, dialogue, agents=shipped_example()) as exchange:
        host = exchange.host
        (host.site.etc / "queues.conf").write_text(
            "[general]\n[retail]\nstrategy = ringall\ntimeout = 30\njoinempty = yes\nmember => Local/s@test-busy/n\n"
        )
        await host.command("dialplan add extension s,1,Wait,60 into test-busy")
        assert "Loaded" in await host.command("module load app_queue.so")
        await exchange.call(SPEAKS)
    assert ended == ["done"]
    assert [call.operation for call in core.calls] == ["service.request_callback"]
    assert str(core.calls[0].arguments["recording"]).startswith(str(exchange.messages))
    assert 2.0 <= waited[0] < 15.0
