"""The number that nobody answers, in a real Asterisk: sipp sees busy and never an answer, whatever the server does."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from core_client.domain.secret import Secret
from ivr.ami.client import AmiClient, AmiSettings
from ivr.server import FastAgiServer
from ivr.session import AgiSession
from tellerline.missed_calls import ATTESTATION, SCRIPT, is_missed_call, let_go
from tellerline.trying.asterisk_config import MISSED_NUMBER, WATCH_USER
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.asterisk_host import DIES_WITH_PARENT, AsteriskHost
from tests.peers.asterisk.exchange import WANG

pytestmark = pytest.mark.peer("asterisk")
NOBODY = "127.0.0.1:9"
# An INVITE that must end in 486: sipp fails on any other final answer, and on a 200 before all.
SCENARIO = """<?xml version="1.0" encoding="us-ascii"?>
<scenario name="a missed call">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]t[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
<recv response="100" optional="true"></recv>
<recv response="180" optional="true"></recv>
<recv response="183" optional="true"></recv>
<recv response="486"></recv>
<send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]t[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0
]]></send>
</scenario>
"""


async def ring(sipp: Path, host: AsteriskHost, folder: Path, callers: list[str], number: str = MISSED_NUMBER) -> str:
    """Call once from each number at once; answer what went over the wire. Every one must be told busy."""
    (folder / "missed.xml").write_text(SCENARIO)
    (folder / "callers.csv").write_text("SEQUENTIAL\n" + "".join(f"{one}\n" for one in callers))
    command = [
        str(sipp), f"127.0.0.1:{host.sip_port}", "-sf", "missed.xml", "-inf", "callers.csv", "-s", number,
        "-m", str(len(callers)), "-l", str(len(callers)), "-r", "50", "-i", "127.0.0.1", "-timeout", "30s",
        "-nostdin", "-trace_msg", "-message_file", "wire.log",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES_WITH_PARENT, str(os.getpid()), *command,
        cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    wire = (folder / "wire.log").read_text()
    assert process.returncode == 0, output.decode(errors="replace")[-2000:]
    assert wire.count("SIP/2.0 486") >= len(callers)
    assert "SIP/2.0 200" not in wire
    return wire


async def test_the_caller_hears_busy_and_the_channel_is_never_up(
    asterisk: Asterisk, sipp: Path, tmp_path: Path
) -> None:
    headers: list[dict[str, str]] = []
    states: list[str] = []

    async def on_call(session: AgiSession) -> None:
        headers.append(dict(session.header))
        reply = await session.command("CHANNEL STATUS")
        states.append(str(getattr(reply, "number", None)))
        await let_go(session)

    async with (
        FastAgiServer(on_call) as server,
        AsteriskHost(asterisk, servers=(NOBODY, f"127.0.0.1:{server.port}")) as host,
    ):
        settings = AmiSettings(
            host="127.0.0.1", port=host.ami_port, username=WATCH_USER, secret=Secret(host.site.watch_secret)
        )
        seen: list[str] = []
        ends: list[str] = []
        async with AmiClient(settings) as ami:
            await ami.ready(timeout_s=10)
            ami.on("Newchannel", lambda event: seen.append(event["ChannelStateDesc"]))
            ami.on("Newstate", lambda event: seen.append(event["ChannelStateDesc"]))
            ami.on("Hangup", lambda event: ends.append(event["Cause"]))
            wire = await ring(sipp, host, tmp_path, [WANG, "+8613900000002", "anonymous"])
        assert (await host.command("core show channels count")).startswith("0 active channels")
    assert len(headers) == 3
    assert {one["agi_network_script"] for one in headers} == {SCRIPT}
    assert {one["agi_extension"] for one in headers} == {MISSED_NUMBER}
    assert all(is_missed_call(one, "") for one in headers)
    assert {one.get(ATTESTATION, "") for one in headers} == {""}
    assert "6" not in states  # AST_STATE_UP
    assert len(states) == 3
    assert seen
    assert "Up" not in seen
    assert set(ends) == {"17"}  # user busy: what the caller's network bills nothing for
    assert "SIP/2.0 183" not in wire  # nor was anything played before an answer


async def test_without_any_server_the_caller_hears_busy_too(asterisk: Asterisk, sipp: Path, tmp_path: Path) -> None:
    async with AsteriskHost(asterisk, servers=(NOBODY,)) as host:
        await ring(sipp, host, tmp_path, [WANG])


async def test_a_call_that_nobody_signed_is_no_call_whose_signature_failed(
    asterisk: Asterisk, sipp: Path, tmp_path: Path
) -> None:
    said: list[str] = []

    async def on_call(session: AgiSession) -> None:
        said.append(session.header.get(ATTESTATION, ""))
        await let_go(session)

    async with (
        FastAgiServer(on_call) as server,
        AsteriskHost(asterisk, servers=(f"127.0.0.1:{server.port}",)) as host,
    ):
        for module in ("res_curl.so", "res_stir_shaken.so"):
            await host.command(f"module load {module}")
        assert "STIR_SHAKEN" in await host.command("core show function STIR_SHAKEN")
        await host.command("dialplan set global TELLERLINE_STIR yes")
        await ring(sipp, host, tmp_path, [WANG])
        await host.command("dialplan set global TELLERLINE_ATTESTATION B")
        await ring(sipp, host, tmp_path, [WANG])
        log = (host.site.folder / "log" / "full").read_text(errors="replace")
    assert said == ["", "B"], "Asterisk found no identity; a trunk's own word is passed on"
    assert "STIR_SHAKEN requires" not in log
