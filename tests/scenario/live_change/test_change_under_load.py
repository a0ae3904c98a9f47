"""Calls go on, each on the version that it began with, while versions are published and rolled back under them."""

from __future__ import annotations

import asyncio
import datetime
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from core_client.adapters.pin_hashing import PinCost
from flows.figures import FiguresRead, VersionFigures
from flows.releases.bundle import Bundle
from flows.releases.register import Releases, State
from ivr.testing import LEAP, FakePbx
from tellerline.bootstrap import Node, Seams, open_releases, running
from tellerline.config import Flows
from tellerline.trying.fastagi import sounds_of
from tests.scenario.live_change.marked_line import NAME, folder_of, publish, settings, version

CHEAP = PinCost(memory_kib=64, passes=1)
CALLERS, PUBLISHED, ROLLED_BACK = 200, 20, 5
PATIENCE_S = 60.0  # of a caller with the server, on a busy machine
STANDS_AT_MOST = 4  # changes that a caller stands through


@dataclass
class Change:
    """How far the change of the line has come, for callers who wait through it."""

    acts: int
    done: int = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def next(self) -> None:
        """Tell that one more act was done."""
        self.done += 1
        self._moved.set()
        self._moved = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether all of it was done."""
        return self.done >= self.acts

    async def through(self, acts: int) -> None:
        """Wait until so many more acts were done, or all were."""
        until = min(self.acts, self.done + acts)
        while self.done < until:
            await self._moved.wait()


@dataclass
class Callers:
    """What callers heard: the mark of every call."""

    node: Node
    pbx: FakePbx
    change: Change
    marks: list[int] = field(default_factory=list)
    now: int = 0
    most: int = 0

    async def caller(self, seed: int) -> None:
        """Call until the change is over: hear a mark, stand somewhere through some of it, hear the mark again."""
        chance = random.Random(seed)
        while not self.change.over:
            self.now += 1
            self.most = max(self.most, self.now)
            self.marks.append(await self._call(chance.randint(0, STANDS_AT_MOST)))
            self.now -= 1

    async def _call(self, stands: int) -> int:
        call = await self.pbx.dial("127.0.0.1", self.node.agi_port)
        await call.hear("en/welcome")
        await call.press("1")
        await call.hear("en/welcome")
        await self.change.through(stands)
        await call.press("2")
        await call.hear("en/goodbye")
        ended = await call.wait_ended()
        assert ended.completed, call.transcript()
        marks = [file.rpartition("/")[2] for file in call.heard_files if file.startswith("en/n/")]
        assert len(marks) == 2, call.transcript()
        assert marks[0] == marks[1], f"a call heard two versions:\n{call.transcript()}"
        return int(marks[0])


async def test_no_call_fails_and_each_ends_on_the_version_it_began_with(tmp_path: Path) -> None:
    config = settings(tmp_path, flows=Flows(dir=folder_of(1, tmp_path / "flows"), reload_s=0.05))
    made = {mark: version(mark) for mark in range(1, PUBLISHED + 2)}
    began_s = time.monotonic()
    with structlog.testing.capture_logs() as logs:
        async with (
            running(config, Seams(pin_cost=CHEAP)) as node,
            open_releases(config) as releases,
            FakePbx(sounds_of(node.catalogue), speed=LEAP, patience_s=PATIENCE_S) as pbx,
        ):
            change = Change(PUBLISHED + ROLLED_BACK)
            world = Callers(node, pbx, change)
            async with asyncio.TaskGroup() as group:
                for seed in range(CALLERS):
                    group.create_task(world.caller(seed), name=f"caller {seed}")
                while world.now < CALLERS:  # noqa: ASYNC110 - callers have no event
                    await asyncio.sleep(0.01)
                took = await _change(releases, node, change, made)
            log = await releases.log(NAME, 100)
            began = Counter(made[mark].version for mark in world.marks)
            counted = await _counted(node, len(world.marks))
    ended = [line for line in logs if line["event"] == "call.ended"]
    assert len(ended) == len(world.marks) >= CALLERS
    assert {line["ended"] for line in ended} == {"completed"}, "no call fails"
    assert Counter(line["version"] for line in ended) == began, "each ended on the version that it had heard"
    assert {each.version: each.dialogues for each in counted} == began, "counts per version add up"
    for each in counted:
        assert each.ended == {"done": each.dialogues}
        assert all(step.standing == 0 for step in each.steps.values())
    assert world.most == CALLERS
    assert len(began) > PUBLISHED * 3 / 4, "callers were spread over the versions"
    assert sum(entry.state is State.LIVE for entry in log) == 1
    assert len(log) == 1 + PUBLISHED + ROLLED_BACK
    assert not [line for line in logs if line["log_level"] in ("error", "critical")]
    print(
        f"\n{len(ended)} calls, {CALLERS} at once, on {len(began)} versions in {time.monotonic() - began_s:.1f} s; "
        f"live on the node after {max(took) * 1000:.0f} ms at most"
    )


async def _counted(node: Node, calls: int) -> list[VersionFigures]:
    """Answer the figures of every version, when the node has handed all of them on."""
    figures = FiguresRead(node.store.redis)
    async with asyncio.timeout(20):
        while True:
            counted = [await figures.of(NAME, each) for each in await figures.versions(NAME)]
            if sum(sum(each.ended.values()) for each in counted) >= calls:
                return counted
            await asyncio.sleep(0.1)


async def _change(releases: Releases, node: Node, change: Change, made: dict[int, Bundle]) -> list[float]:
    """Publish all, and roll back between; answer how long each took to be live on the node."""
    took = []
    acts = ["publish"] * PUBLISHED
    for n in range(ROLLED_BACK):
        acts.insert((n + 1) * PUBLISHED // ROLLED_BACK + n, "rollback")
    marks = iter(range(2, PUBLISHED + 2))
    for act in acts:
        began_s = time.monotonic()
        if act == "publish":
            await publish(releases, made[next(marks)])
        else:
            await releases.rollback(NAME, None, by="li", message="m", at=datetime.datetime.now(datetime.UTC))
        live = await releases.live(NAME)
        while node.flows.current(NAME).version != live:  # noqa: ASYNC110 - what a caller sees has no event
            await asyncio.sleep(0.005)
        took.append(time.monotonic() - began_s)
        change.next()
        await asyncio.sleep(0.05)  # a few calls begin on it
    return took
