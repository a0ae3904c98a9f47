"""kill -9 at every labelled point of a text's way: after a restart it is answered, once, and money moved once."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sms.testing.fake_smsc import FakeSmsc
from tests.unit.sms.sms_world import BANK, WANG

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.proof
POINTS = ["text_stored", "answer_ready", "answer_stored"]
AT_THE_BANK = ["intent.authorised", "hold.placed", "intent.held", "transfer.posted", "intent.posted"]
if not os.environ.get("TELLERLINE_PROOF"):
    AT_THE_BANK = ["hold.placed"]  # between hold and post


@asynccontextmanager
async def node(
    folder: Path, smsc: FakeSmsc, label: str = "never", times: int = 1
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.unit.sms.crash_node", str(folder), str(smsc.port), label, str(times), cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def quiet(smsc: FakeSmsc) -> None:
    """Two texts that belong together have passed: nothing older is on its way."""
    await smsc.deliver("+8613900000002", BANK, "BAL")
    await smsc.receive(to="+8613900000002", timeout_s=20)


def nothing_else(smsc: FakeSmsc, label: str, answer: str) -> bool:
    """Nothing else has come, but for an answer that was on the wire when its node died: it may come again."""
    repeated = {answer} if label == "answer_stored" else set()
    return {text.text for text in smsc.waiting} <= repeated


@pytest.mark.parametrize("label", POINTS)
async def test_a_text_is_answered_once_though_its_node_was_killed(label: str, tmp_path: Path) -> None:
    async with FakeSmsc() as smsc:
        async with node(tmp_path, smsc, label) as first:
            text = asyncio.create_task(smsc.deliver(WANG, BANK, "BAL"), name="text")
            async with asyncio.timeout(20):
                assert await first.wait() == -9
        async with node(tmp_path, smsc):
            await asyncio.wait_for(text, 20)
            answer = await smsc.receive(to=WANG, timeout_s=20)
            assert "12,345.67" in answer.text
            await quiet(smsc)
            assert nothing_else(smsc, label, answer.text)


@pytest.mark.parametrize("label", [*POINTS, *AT_THE_BANK])
async def test_money_moves_once_and_its_answer_comes_though_the_node_was_killed(label: str, tmp_path: Path) -> None:
    times = 2 if label in POINTS else 1  # the code is the second text; a hold and a posting are the first
    async with FakeSmsc() as smsc:
        async with node(tmp_path, smsc, label, times) as first:
            await smsc.deliver(WANG, BANK, "SEND 500 LILEI")
            asked = await smsc.receive(to=WANG, timeout_s=20)
            code = re.search(r"\b\d{6}\b", asked.text)
            assert code is not None
            text = asyncio.create_task(smsc.deliver(WANG, BANK, code[0]), name="code")
            async with asyncio.timeout(20):
                assert await first.wait() == -9
        async with node(tmp_path, smsc):
            await asyncio.wait_for(text, 20)
            answer = await smsc.receive(to=WANG, timeout_s=20)
            assert "11,845.67" in answer.text, answer.text
            await smsc.deliver(WANG, BANK, "BAL")
            balance = await smsc.receive(to=WANG, contains="Account ending", timeout_s=20)
            assert "11,845.67" in balance.text
            await quiet(smsc)
            assert nothing_else(smsc, label, answer.text)
