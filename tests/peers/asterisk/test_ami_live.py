"""The manager interface of a real Asterisk, with the user of deploy/asterisk and with the tests' own."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from core_client.domain.secret import Secret
from ivr.agi import Reply
from ivr.ami import AmiClient, AmiLoginRefused, AmiMessage, AmiRefused, AmiSettings, AmiState, AmiUnavailable
from ivr.server import FastAgiServer
from ivr.session import AgiSession
from tellerline.trying.asterisk_config import DEPLOY_USER, WATCH_USER
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.asterisk_host import AsteriskHost
from tellerline.trying.voiceprints import Voiceprints
from tests.peers.asterisk.exchange import BANK, WANG, complete, exchange, hear_all, play

pytestmark = pytest.mark.peer("asterisk")
CANARY = "8421637"


def deploy_user(host: AsteriskHost, secret: str | None = None) -> AmiSettings:
    return AmiSettings(DEPLOY_USER, Secret(secret or host.site.deploy_secret), port=host.ami_port)


def watcher(host: AsteriskHost) -> AmiSettings:
    return AmiSettings(WATCH_USER, Secret(host.site.watch_secret), port=host.ami_port)


async def handled(ami: AmiClient) -> None:
    """Return when every event that has come was given to its handlers."""
    async with asyncio.timeout(5):
        while ami._handlers._waiting.qsize():  # noqa: ASYNC110 - an asyncio.Queue tells nobody that it is empty
            await asyncio.sleep(0.01)


async def test_the_deployed_user_sees_calls_begin_and_end_and_none_of_the_keys(
    asterisk: Asterisk, made_sounds: Path, made_prints: Voiceprints
) -> None:
    seen: list[AmiMessage] = []
    keyed: list[str] = []
    asking = asyncio.Event()

    async def collect(session: AgiSession) -> None:
        asking.set()
        while len(keyed) < len(CANARY):
            reply = await session.command("WAIT FOR DIGIT", "5000", within_s=6)
            assert isinstance(reply, Reply)
            if not reply.number:
                break
            keyed.append(chr(reply.number))
        await play(session, "zh/short")
        await complete(session)

    async with FastAgiServer(collect) as server:
        port = f"127.0.0.1:{server.port}"
        async with (
            exchange(asterisk, made_sounds, made_prints, port, verbose=3) as (host, callers),
            AmiClient(deploy_user(host)) as ami,
        ):
            await ami.ready(10)
            ami.on("*", seen.append)
            caller = await callers.call(WANG, BANK)
            async with asyncio.timeout(5):
                await asking.wait()
            await caller.press(CANARY)
            await hear_all(caller)
            await ami.perform("Ping", idempotent=True)  # what came before its answer has come
            await handled(ami)
            logs = host.log_text()
    assert "".join(keyed) == CANARY
    of_bank = [event for event in seen if event.get("Channel", "").startswith("PJSIP/carrier-")]
    assert {"Newchannel", "Newstate", "Hangup"} <= {event.name for event in of_bank}
    assert {event["CallerIDNum"] for event in of_bank if event.name == "Newchannel"} == {WANG}
    classes = {name for event in seen for name in event.get("Privilege", "").split(",")}
    assert classes <= {"call", "system", "all"}
    assert not [event for event in seen if "dtmf" in event.name.lower() or event.name.startswith("AGI")]
    everything = "\n".join(f"{key}: {value}" for event in seen for key, value in event.items())
    for digits in (CANARY, " ".join(CANARY)):
        assert digits not in everything
        assert digits not in logs


async def test_the_deployed_user_can_do_nothing(asterisk: Asterisk) -> None:
    async with AsteriskHost(asterisk) as host, AmiClient(deploy_user(host)) as ami:
        await ami.ready(10)
        with pytest.raises(AmiRefused, match="Permission denied"):
            await ami.originate(f"PJSIP/{BANK}@caller", {"Application": "Wait", "Data": "1"})
        for action, fields in (
            ("Command", {"Command": "core show channels"}),
            ("Hangup", {"Channel": "x"}),
            ("GetConfig", {"Filename": "manager.conf"}),
            ("Setvar", {"Variable": "TELLERLINE_SERVERS", "Value": "192.0.2.1:4573"}),
            ("UserEvent", {"UserEvent": "x"}),
            ("AGI", {"Channel": "x", "Command": "NOOP"}),
        ):
            with pytest.raises(AmiRefused, match="Permission denied"):
                await ami.perform(action, fields)
        assert ami.state is AmiState.READY
        assert (await host.command("core show channels count")).startswith("0 active channels")


async def test_a_wrong_secret_is_refused_by_name(asterisk: Asterisk) -> None:
    async with AsteriskHost(asterisk) as host, AmiClient(deploy_user(host, "wrong")) as ami:
        with pytest.raises(AmiLoginRefused, match=DEPLOY_USER):
            await ami.ready(10)


async def test_originate_through_a_real_exchange_answers_once_and_keeps_the_connection(asterisk: Asterisk) -> None:
    async with AsteriskHost(asterisk) as host, AmiClient(watcher(host)) as ami:
        await ami.ready(10)
        begun: list[str] = []
        ami.on("Newchannel", lambda event: begun.append(event["Uniqueid"]))
        answered = await ami.originate("Local/s@test-wait", {"Application": "Wait", "Data": "5"})
        nobody = await ami.originate("Local/404@test-nowhere", {"Application": "Wait", "Data": "5"}, ring_s=5)
        channels = await ami.listing("CoreShowChannels")
        assert answered.answered
        assert not nobody.answered
        assert answered.channel_id in {channel["Uniqueid"] for channel in channels}
        assert begun.count(answered.channel_id) == 1
        assert ami.state is AmiState.READY


async def test_an_exchange_that_dies_is_noticed_and_the_client_comes_back_to_the_next_one(asterisk: Asterisk) -> None:
    async with AsteriskHost(asterisk) as host:
        settings = watcher(host)
        async with AmiClient(settings) as ami:
            await ami.ready(10)
            os.kill(host.pid, signal.SIGKILL)
            async with asyncio.timeout(10), ami._changed:
                await ami._changed.wait_for(lambda: ami.state is AmiState.CONNECTING)
            with pytest.raises(AmiUnavailable):
                await ami.perform("Ping")
