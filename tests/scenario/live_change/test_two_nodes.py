"""Two node processes on one store: what is published is live on both within a second, and survives kill -9."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core_client.adapters.valkey import Store, open_store
from flows.releases.register import Releases
from ivr.testing import LEAP, FakePbx, SoundLibrary
from sms.testing.fake_smsc import FakeSmsc
from tests.scenario.live_change.marked_line import NAME, folder_of, publish, version

WITHIN_S = 1.0
PATIENCE_S = 60.0
WANG, BANK = "+8613900000001", "95500"


@dataclass
class NodeProcess:
    """``tellerline serve`` in a process of its own."""

    process: asyncio.subprocess.Process
    agi_port: int = 0

    async def line(self, event: str, **said: object) -> dict[str, Any]:
        """Wait for a log line."""
        assert self.process.stderr is not None
        seen = []
        async with asyncio.timeout(PATIENCE_S):
            while text := await self.process.stderr.readline():
                seen.append(text.decode())
                told = json.loads(text) if text.startswith(b"{") else {}
                if told.get("event") == event and said.items() <= told.items():
                    return dict(told)
        raise AssertionError("".join(seen))

    async def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        await self.process.wait()


def _settings(folder: Path, store: Store, smsc: FakeSmsc | None) -> Path:
    flows = folder_of(1, folder / "flows")
    sms = f'host = "127.0.0.1"\nport = {smsc.port}\npassword = "demo"\n' if smsc is not None else ""
    file = folder / "node.toml"
    file.write_text(
        f'[server]\nstate_dir = "{folder}/state"\n[agi]\nport = 0\nflow = "{NAME}"\n[health]\nport = 0\n'
        f'[store]\nurl = "{store.url}"\n[flows]\ndir = "{flows}"\n'
        f'[sms]\nflow = "{NAME}"\n{sms}',
        encoding="utf-8",
    )
    return file


@asynccontextmanager
async def node(folder: Path, store: Store, smsc: FakeSmsc | None = None) -> AsyncIterator[NodeProcess]:
    """Start a node whose state is in ``folder``."""
    file = _settings(folder, store, smsc)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tellerline", "serve", "-c", str(file),
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    started = NodeProcess(process)
    try:
        started.agi_port = (await started.line("node.started"))["agi_port"]
        yield started
    finally:
        if process.returncode is None:
            await started.kill()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(None, tmp_path / "store") as opened:
        yield opened


async def _mark_of_a_call(to: NodeProcess) -> str:
    async with FakePbx(SoundLibrary(unknown_s=1.0, prefix="tellerline"), speed=LEAP, patience_s=PATIENCE_S) as pbx:
        call = await pbx.dial("127.0.0.1", to.agi_port)
        await call.hear("en/welcome")
        await call.hang_up()
        return call.heard_files[0].rpartition("/")[2]


async def test_what_is_published_on_one_node_is_live_on_the_other_within_a_second(tmp_path: Path, store: Store) -> None:
    releases = Releases(store.redis)
    took = []
    async with node(tmp_path / "a", store) as first, node(tmp_path / "b", store) as second:
        for mark in range(2, 7):
            made = version(mark)
            began_s = time.monotonic()
            await publish(releases, made)
            for each in (first, second):
                await each.line("flow.published", flow=NAME, version=made.version)
            took.append(time.monotonic() - began_s)
            assert await _mark_of_a_call(first) == await _mark_of_a_call(second) == str(mark)
    print(f"\nlive on both nodes after {', '.join(f'{1000 * each:.0f}' for each in took)} ms")
    assert max(took) < WITHIN_S


async def test_a_node_that_starts_finds_what_is_live_and_publishes_nothing(tmp_path: Path, store: Store) -> None:
    releases = Releases(store.redis)
    async with node(tmp_path / "a", store):
        assert await releases.live(NAME) == version(1).version
        await publish(releases, version(2))
        async with node(tmp_path / "b", store) as second:
            assert await _mark_of_a_call(second) == "2"
    assert len(await releases.log(NAME)) == 2


async def test_a_dialogue_goes_on_with_its_version_though_its_node_was_killed_and_others_are_live(
    tmp_path: Path, store: Store
) -> None:
    releases = Releases(store.redis)
    async with FakeSmsc() as smsc:
        async with node(tmp_path / "a", store, smsc) as first:
            await smsc.deliver(WANG, BANK, "GO")
            asked = await smsc.receive(to=WANG, timeout_s=PATIENCE_S)
            for mark in (2, 3):
                await publish(releases, version(mark))
                await first.line("flow.published", version=version(mark).version)
            await first.kill()
        async with node(tmp_path / "a", store, smsc):
            await smsc.deliver(WANG, BANK, "LILEI")
            answer = await smsc.receive(to=WANG, timeout_s=PATIENCE_S)
            await smsc.deliver(WANG, BANK, "BAL")
            anew = await smsc.receive(to=WANG, timeout_s=PATIENCE_S)
    assert "payee" in asked.text.lower()
    assert answer.text.startswith("1 "), f"it began on version 1: {answer.text}"
    assert anew.text.startswith("3 "), anew.text
