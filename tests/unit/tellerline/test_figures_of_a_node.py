"""What a node counted is in the store when it has stopped, and soon after while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.valkey import reach_store
from flows.figures import FiguresRead, VersionFigures
from ivr.testing import FakePbx
from tellerline.bootstrap import Node, Seams, running
from tellerline.config import Agi, Bank, Config, Server
from tellerline.trying.fastagi import sounds_of

CHEAP = PinCost(memory_kib=64, passes=1)


def a_config(folder: Path) -> Config:
    return Config(server=Server(state_dir=folder / "state", drain_s=5.0), agi=Agi(port=0), bank=Bank(demo=True))


async def leave_at_the_pin(node: Node) -> None:
    """Call, ask for the balance, and hang up instead of giving the PIN."""
    async with FakePbx(sounds_of(node.catalogue)) as pbx:
        call = await pbx.dial("127.0.0.1", node.agi_port)
        await call.hear("zh/main_menu")
        await call.press("2")
        await call.hear("zh/enter_pin")
        await call.hang_up()
        await call.wait_ended()


async def read(folder: Path, version: str) -> VersionFigures:
    async with reach_store(None, folder / "state") as store:
        return await FiguresRead(store.redis).of("retail", version)


async def test_a_stop_loses_nothing_that_was_counted(tmp_path: Path) -> None:
    async with running(a_config(tmp_path), Seams(pin_cost=CHEAP)) as node:
        version = node.flows.current("retail").version
        await leave_at_the_pin(node)
        await node.drain()
    found = await read(tmp_path, version)
    assert (found.begun, found.ended) == ({"voice": 1}, {"party_left": 1})
    assert (found.steps["pin"].visits, found.steps["pin"].hangups) == (1, 1)
    assert found.steps["main"].ways[("key", "2")] == 1
    assert all(step.standing == 0 for step in found.steps.values())


async def test_a_second_after_a_call_others_see_what_happened_in_it(tmp_path: Path) -> None:
    async with running(a_config(tmp_path), Seams(pin_cost=CHEAP)) as node:
        reading = FiguresRead(node.store.redis)
        version = node.flows.current("retail").version
        await leave_at_the_pin(node)
        async with asyncio.timeout(3):
            while not (await reading.of("retail", version)).ended:
                pass  # asked again and again, until the node's next hand-over
        assert (await reading.of("retail", version)).steps["pin"].hangups == 1
