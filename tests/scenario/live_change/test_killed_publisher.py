"""kill -9 in the middle of a publication, operator and store at once: the old version is live, or the new one."""

from __future__ import annotations

import asyncio
import datetime
import os
import random
import sys
from pathlib import Path

import pytest

from core_client.adapters.valkey import open_store
from flows.releases.library import Board, Library
from flows.releases.register import Releases, State
from tests.scenario.live_change.marked_line import CATALOGUE, NAME, publish, version

ROOT = Path(__file__).parents[3]
ROUNDS = 40 if os.environ.get("TELLERLINE_PROOF") else 4
LONGEST_S = 0.6  # that an operator lives

# label -> the version that is live afterwards: 1 before, 2 after the first publication, 3 after the approval
LIVE_AFTER = {
    "audio_kept": 1,
    "published": 2,
    "waits": 2,
    "approving": 2,
    "approved": 3,
    "rolling_back": 3,
    "rolled_back": 2,
}


async def _killed(folder: Path, label: str, after_s: float | None = None) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.scenario.live_change.crash_publisher", str(folder), label, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            if after_s is not None:
                assert await process.stdout.readline() == b"ready\n"
                await asyncio.sleep(after_s)
                process.kill()
            assert await process.wait() == -9
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _live(folder: Path) -> tuple[str, list[State], int]:
    """Answer what a node finds live, having checked that the register is whole."""
    async with open_store(None, folder) as store:
        releases = Releases(store.redis)
        library = Library(Board(releases, [NAME], lambda: datetime.datetime.now(datetime.UTC)), releases, CATALOGUE)
        await library.open(lambda name: pytest.fail(f"{name} cannot be run"))
        log = await releases.log(NAME, 1000)
        live = library.current(NAME).version
        entry, pending = await releases.live_entry(NAME), await releases.pending(NAME)
        assert library.state[NAME].refused is None
        assert [each.version for each in log if each.state is State.LIVE] == [live]
        assert entry is not None
        assert entry.version == live == await releases.live(NAME)
        assert [each for each in log if each.state is State.PENDING] == ([pending] if pending else [])
        assert [each.number for each in log] == list(range(log[0].number, log[-1].number - 1, -1)), "none is half there"
        for each in {each.version for each in log}:
            await releases.get(NAME, each)
        return live, [each.state for each in log], log[0].number


async def _begin(folder: Path) -> None:
    async with open_store(None, folder) as store:
        await publish(Releases(store.redis), version(1))


@pytest.mark.parametrize("label", LIVE_AFTER)
async def test_an_operator_killed_at_a_point_leaves_the_old_or_the_new_version_live(label: str, tmp_path: Path) -> None:
    await _begin(tmp_path)
    await _killed(tmp_path, label)
    live, states, _ = await _live(tmp_path)
    assert live == version(LIVE_AFTER[label]).version
    assert states.count(State.PENDING) == (label in ("waits", "approving"))


@pytest.mark.proof
@pytest.mark.timeout(900)
async def test_an_operator_killed_at_any_moment_leaves_a_whole_register(tmp_path: Path) -> None:
    await _begin(tmp_path)
    chance = random.Random(20260302)
    acts: list[int] = []
    while len(acts) < ROUNDS or (acts[-1] <= ROUNDS and len(acts) < 5 * ROUNDS):  # a slow machine publishes later
        await _killed(tmp_path, "always", chance.uniform(0, LONGEST_S * (1 + len(acts) / ROUNDS)))
        acts.append((await _live(tmp_path))[2])
    assert acts == sorted(acts), "what was acknowledged stays"
    assert acts[-1] > ROUNDS, "they did publish"
    print(f"\n{len(acts)} kills between {acts[-1]} acts")
