"""A whole node with customers, staff and a bad operator: no number in full in anything that people or disks see."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from sms.messages import Purpose
from sms.smpp import Status
from tests.unit.sms.test_masking_of_sms import places
from tests.unit.tellerline.test_staff_beside_a_node import CHINA, SPAIN, Line, a_line, until

STRANGER, SILENT = "+8613911112222", "+8613922223333"
NUMBERS = (CHINA, SPAIN, STRANGER, SILENT)
SETTINGS = """
[server]
state_dir = "{state}"
[bank]
demo = true
[sms.people]
quiet = ""
[[sms.operators]]
name = "north"
prefixes = ["+86"]
receipts = true
[[sms.operators.binds]]
host = "127.0.0.1"
port = {north}
[[sms.operators]]
name = "south"
[[sms.operators.binds]]
host = "127.0.0.1"
port = {south}
"""


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def assert_masked(told: dict[str, bytes]) -> None:
    for where, octets in told.items():
        for number in NUMBERS:
            assert places(number[3:], octets, alone=False) == [], f"{number[:5]}… in {where}"


async def a_bad_day(line: Line) -> None:
    """Texts that are answered, refused, throttled, never answered, and that wait."""
    assert line.node.texting is not None
    for number in NUMBERS:
        await line.north.deliver(number, "95500", "BAL")
    await line.north.deliver(CHINA, "95500", "SEND 100 LILEI")
    await line.north.deliver(CHINA, "95500", f"call me at {STRANGER}")
    line.north.behaviour.statuses = (Status.RTHROTTLED, Status.RINVDSTADR, Status.RSYSERR)
    for number, purpose in zip(NUMBERS, Purpose, strict=False):
        await line.node.texting.send(number, f"for {number}", f"unasked-{number[-4:]}-{purpose}", purpose)
    line.north.behaviour.drop_after_next_submit = True
    alert = line.text(SILENT, f"Call {SILENT}")
    await line.office.send(alert, line.olga)

    async def left() -> bool:
        return alert.id in await line.office.find(SILENT)

    await until(left)


async def pages(line: Line) -> dict[str, bytes]:
    """Answer all that the node shows by HTTP."""
    found = {}
    async with aiohttp.ClientSession() as http:
        for page in ("health/live", "health/ready", "health/detail", "metrics"):
            async with http.get(f"http://127.0.0.1:{line.node.health_port}/{page}") as answer:
                found[page] = await answer.read()
    return found


async def commands(line: Line, folder: Path) -> dict[str, bytes]:
    """Answer what the command line prints to somebody who looks, on both streams."""
    settings = folder / "tellerline.toml"
    ports = {"north": line.north.port, "south": line.south.port}
    settings.write_text(SETTINGS.format(state=folder / "state", **ports), encoding="utf-8")
    found = {}
    for arguments in (
        ("trace", CHINA),
        ("trace", SILENT, "--all", "--format", "json"),
        ("trace", "+8613933334444"),
        ("binds", "--format", "json"),
        ("outbox", "--format", "json"),
        ("send", "--to", CHINA, "--text", "x", "--dry-run", "--format", "json"),
        ("replay", "--state", "rejected", "--state", "unknown", "--dry-run"),
    ):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tellerline", "sms", *arguments, "--config", str(settings)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        assert b"Traceback" not in printed, printed.decode()[-2000:]
        found[" ".join(("sms", *(one for one in arguments if one not in NUMBERS)))] = printed
    return found


async def test_no_number_stands_in_full_in_logs_files_figures_pages_or_on_a_terminal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("smpplib", "redis", "asyncio", "aiohttp", "sms", "core_client", "flows", "tellerline")):
            caplog.set_level(logging.DEBUG, logger=name)
    with capture_logs() as events:
        async with a_line(tmp_path) as line:
            await a_bad_day(line)
            told = await pages(line)
            told |= await commands(line, tmp_path)
            told["figures"] = generate_latest(line.node.metrics.registry)
    told["log"] = "\n".join(map(repr, events)).encode()
    told["libraries' log"] = "\n".join(
        f"{record.getMessage()} {record.args!r} {record.__dict__!r}" for record in caplog.records
    ).encode()
    told |= everything_in(tmp_path)
    assert_masked(told)
    # The search has something to look at everywhere.
    assert b"sms.handled" in told["log"]
    assert b"+86139****0001" in told["sms trace"]
    assert json.loads(told["health/detail"])["sms"]["binds"]
    assert b"tellerline_sms_submits_total" in told["metrics"]
    assert any(b"XADD" in octets or b"life:" in octets for name, octets in told.items() if "valkey" in name)
    assert any(name.startswith("state/bank.db") and octets for name, octets in told.items()), sorted(told)
    assert places(CHINA[3:], f"to {CHINA} at noon".encode(), alone=False), "and it does see"
