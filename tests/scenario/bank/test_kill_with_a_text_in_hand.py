"""kill -9 with a text handed over and not yet written down: the next node hands it over again, and it is sent once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sms.testing.fake_smsc import FakeSmsc
from tests.scenario.bank.dying_teller import LAST
from tests.unit.sms.sms_world import WANG

TEXT_LABELS = ("result.texted", "notice.handed_over")
_WORDS = {"result.texted": "已成功", "notice.handed_over": "支出"}
_ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def node(url: str, folder: Path, smsc: FakeSmsc, label: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.scenario.bank.dying_teller", url, str(folder), str(smsc.port), label,
        cwd=_ROOT, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("label", TEXT_LABELS)
async def test_a_text_that_was_handed_over_when_its_node_was_killed_comes_once(
    label: str, bank_url: str, tmp_path: Path
) -> None:
    async with FakeSmsc() as smsc:
        async with node(bank_url, tmp_path, smsc, label) as first, asyncio.timeout(30):
            assert await first.wait() == -signal.SIGKILL
        async with node(bank_url, tmp_path, smsc, ""):
            last = await smsc.receive(to=WANG, contains=LAST, timeout_s=30)
            assert last.text == LAST
            texts = [text.text for text in smsc.waiting]
            assert len(set(texts)) == 1, texts
            assert _WORDS[label] in texts[0]
            assert len(texts) == 1
