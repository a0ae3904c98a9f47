"""Nodes: one process a name, and what a dead one left is worked on once, by its successor or by another."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import Store, open_store
from sms.sending.queue import put_from_outside
from sms.store import nodes as of_nodes
from sms.store.journal import Journal
from sms.store.nodes import NameLost, NameTaken, Nodes
from tests.unit.sms.store_world import KEY, Between, StoreNode, node_of, nodes_on, outgoing, text, until

ROOT = Path(__file__).parents[3]
QUICK = {"lease_s": 0.4, "beat_s": 0.05, "grace_s": 0.2}


def named(node: StoreNode, **settings: Any) -> Nodes:
    return Nodes(node.journal, node.name, node.inbox, node.outbox, **{**QUICK, **settings})


async def lapse(store: Store, name: str) -> None:
    """Let a node's lease end, as time does."""
    await store.redis.delete(f"tellerline:{{sms}}:node:{name}")


async def texts_of(store: Store, name: str) -> tuple[int, int]:
    redis = store.redis
    return await redis.xlen(f"tellerline:{{sms}}:inbox:{name}"), await redis.xlen(f"tellerline:{{sms}}:outbox:{name}")


async def leave(store: Store, name: str, texts: int = 3) -> list[str]:
    """Be a node that dies with texts in and out; answer their names."""
    async with nodes_on(store, name) as (node,):
        async with named(node, lease_s=100.0).running():
            await node.take(*(text(b"%s %d" % (name.encode(), number)) for number in range(texts)))
            await node.outbox.put([outgoing(f"{name}-{number}") for number in range(texts)])
        await lapse(store, name)
        return [inbound.name for inbound in node.texts] + [kept.id for kept in node.kept]


@asynccontextmanager
async def killed_later(store: Store, name: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.unit.sms.leaving_node", store.url.removeprefix("unix://"), name),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            async for line in process.stdout:
                if line.startswith(b"LEFT "):
                    yield process, line.decode().split()[1:]
                    return
            raise AssertionError("it said nothing")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_second_process_of_a_name_is_refused_with_who_has_it_and_what_to_do(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "main", "main") as (first, second):
        async with named(first).running():
            with pytest.raises(NameTaken, match=r"'main': on .*, pid \d+\. Stop it, or give .* \(sms\.node\)"):
                async with named(second).running():
                    raise AssertionError("two of a name")
        async with named(second).running() as nodes:
            assert nodes.sure, "given back in order: taken at once"


async def test_the_successor_of_a_killed_process_has_its_name_and_its_texts_at_once(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "main") as (node,):
        async with killed_later(store, "main") as (process, names):
            with pytest.raises(NameTaken, match=f"pid {process.pid}"):
                async with Nodes(node.journal, "main", node.inbox, node.outbox).running():
                    raise AssertionError("it lives")
            process.kill()
            await process.wait()
            began = time.monotonic()
            async with Nodes(node.journal, "main", node.inbox, node.outbox).running():
                assert time.monotonic() - began < of_nodes.LEASE_S / 3, "its lease has not lapsed: its process is dead"
                await node.inbox.recover()
                await node.outbox.recover()
        assert [inbound.name for inbound in node.texts] == names
        assert [inbound.text for inbound in node.texts] == ["BAL", "SEND 500 LILEI"]
        assert [kept.id for kept in node.kept] == ["main-out"]


async def test_a_name_held_elsewhere_is_had_when_its_lease_lapses_and_not_before(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "main", "main") as (node, refused):
        await store.redis.hset("tellerline:{sms}:nodes", "main", '{"host": "far", "pid": 7, "place": "other/boot"}')
        await store.redis.set("tellerline:{sms}:node:main", "theirs", px=60_000)
        with pytest.raises(NameTaken, match="on far, pid 7"):
            async with named(refused).running():
                raise AssertionError("it may live")
        await store.redis.pexpire("tellerline:{sms}:node:main", 200)
        async with named(node, lease_s=5.0).running():
            assert await store.redis.get("tellerline:{sms}:node:main") != b"theirs"


async def test_what_a_dead_node_left_is_adopted_with_its_names_and_in_its_order(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        left = await leave(store, "dead", 5)
        async with nodes_on(store, "live") as (live,), live.outbox.running(), live.inbox.running():
            async with named(live, grace_s=0.0).running():
                await until(lambda: len(live.texts) + len(live.kept) == 10)
            assert [inbound.name for inbound in live.texts] + [kept.id for kept in live.kept] == left
            assert all(inbound.recovered for inbound in live.texts)
            for inbound in live.texts:
                assert await live.inbox.settle(inbound, live.outbox, ())
            assert await texts_of(store, "dead") == (0, 0)
            assert await store.redis.hkeys("tellerline:{sms}:nodes") == [b"live"]


async def test_two_nodes_that_adopt_at_once_have_each_text_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_nodes, "PAGE", 3)
    async with open_store(None, tmp_path) as store:
        left = await leave(store, "dead", 25)
        async with nodes_on(store, "one", "two") as (one, two):
            first, second = named(one, grace_s=60.0), named(two, grace_s=60.0)
            async with first.running(), second.running():
                moved = await asyncio.gather(first.adopt("dead"), second.adopt("dead"), first.adopt("dead"))
            assert sum(moved) == 50
            both = Counter(inbound.name for node in (one, two) for inbound in node.texts)
            both += Counter(kept.id for node in (one, two) for kept in node.kept)
            assert both == Counter(left)
            assert one.texts
            assert two.texts


async def test_a_node_that_lives_is_never_adopted(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "one", "two") as (one, two):
        first, second = named(one, grace_s=0.0), named(two, grace_s=0.0)
        async with first.running(), second.running():
            await two.take(text(b"BAL"))
            assert await first.adopt("two") == 0
            assert await texts_of(store, "two") == (1, 0)
            assert [(node.name, node.alive) for node in await first.all()] == [("one", True), ("two", True)]
        assert [node.alive for node in await second.all()] == [False, False]


async def test_a_node_whose_lease_is_missing_has_time_to_take_it_again(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "one", "two") as (one, two):
        async with named(one, grace_s=5.0).running(), named(two, grace_s=5.0).running() as second:
            await two.take(text(b"BAL"))
            await lapse(store, "two")  # as after an outage of the store
            async with asyncio.timeout(5):
                while not await store.redis.exists("tellerline:{sms}:node:two"):
                    pass
            assert second.sure
            assert await texts_of(store, "two") == (1, 0)
        assert one.texts == []


async def be_away(store: Store, node: StoreNode, other: Nodes, on_sure: Callable[[bool], None]) -> None:
    """Be a node whose texts another one adopts, as if it had been frozen."""
    async with named(node, beat_s=0.3, on_sure=on_sure).running():
        await node.take(text(b"BAL"))
        await node.outbox.put([outgoing("a")])
        await lapse(store, node.name)
        assert await other.adopt(node.name) == 2
        assert await node.inbox.settle(node.texts[0], node.outbox, (outgoing("b"),)) is False, "it comes too late"
        await asyncio.Event().wait()


async def test_a_node_that_was_away_too_long_is_told_that_its_texts_are_anothers(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "one", "two") as (one, two):
        heard: list[bool] = []
        async with named(two, grace_s=60.0).running() as second:
            with pytest.raises(NameLost, match="Start it again"):
                await be_away(store, one, second, heard.append)
        assert heard == [True, False]
        assert [inbound.text for inbound in two.texts] == ["BAL"]
        assert [kept.id for kept in two.kept] == ["a"]
        assert await texts_of(store, "two") == (1, 1)


async def test_what_a_node_took_after_its_name_was_lost_is_found_by_whoever_adopts(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "frozen", "other") as (frozen, other):

        async def wake_too_late() -> None:
            async with named(frozen).running():
                await lapse(store, "frozen")
                await store.redis.hdel("tellerline:{sms}:nodes", "frozen")  # adopted, with nothing left of it
                await frozen.take(text(b"late"))
                await asyncio.sleep(10)

        with pytest.raises(NameLost):
            await wake_too_late()
        async with named(other).running() as nodes:
            assert "frozen" in {node.name for node in await nodes.all()}
            await until(lambda: len(other.texts) == 1)


async def test_a_lease_is_not_sure_while_the_store_does_not_answer(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis:
            redis.connection_pool.connection_kwargs["socket_timeout"] = 0.2
            async with Journal(redis).running() as journal:
                node, changed = node_of(journal), asyncio.Event()
                nodes = named(node, on_sure=lambda _: changed.set())
                async with nodes.running():
                    changed.clear()
                    between.swallow_answers = True
                    await asyncio.wait_for(changed.wait(), 10)
                    assert not nodes.sure
                    changed.clear()
                    between.swallow_answers = False
                    await asyncio.wait_for(changed.wait(), 10)
                    assert nodes.sure, "nobody took it over meanwhile"


async def test_a_text_is_handed_over_once_and_only_to_a_node_that_lives(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "one", "two") as (one, two):
        first, second = named(one), named(two)
        async with first.running(), second.running(), two.outbox.running():
            await one.outbox.put([outgoing("a"), outgoing("b")])
            assert not await first.hand_over(one.kept[0], "three")
            moved = await asyncio.gather(*(first.hand_over(one.kept[0], "two") for _ in range(3)))
            assert moved == [True] * 3, "asked again, as after a lost answer, it is still handed over"
            await until(lambda: two.kept)
            assert [kept.outgoing for kept in two.kept] == [outgoing("a")]
            assert len(one.outbox) == 1
            assert await texts_of(store, "one") == (0, 1)


async def test_a_text_put_while_no_node_lived_is_sent_by_the_next_one(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        assert await put_from_outside(store.redis, Sealer(KEY), outgoing("a")) == "nobody"
        async with nodes_on(store, "main") as (node,), named(node).running(), node.outbox.running():
            await until(lambda: node.kept)
        assert [kept.id for kept in node.kept] == ["a"]
