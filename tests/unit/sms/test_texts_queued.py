"""Texts to send: stored once, handed on once, whoever puts them, and forgotten when they are dealt with."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import open_store
from sms.messages import Change, Kept, Outgoing, Purpose, State
from sms.sending import bodies
from sms.sending.bodies import UnreadableBody
from sms.sending.queue import Outbox, put_from_outside
from sms.store.journal import Journal, JournalDown
from sms.store.lives import Lives
from tests.unit.sms.store_world import KEY, NUMBER, Between, node_of, nodes_on, one_node, outgoing, stored_bytes


async def test_texts_are_handed_on_in_order_when_they_are_stored(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, store):
        await node.outbox.put([outgoing(str(number)) for number in range(200)])
        assert [kept.id for kept in node.kept] == [str(number) for number in range(200)]
        assert len(node.outbox) == await store.redis.xlen(node.outbox.stream) == 200
        await node.outbox.put([])
        for kept in node.kept:
            await node.outbox.finish(kept)
        assert len(node.outbox) == await store.redis.xlen(node.outbox.stream) == 0


async def test_a_text_that_is_put_again_is_there_once(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            node = node_of(journal)
            await node.outbox.put([outgoing("first")])
            between.lose_answer = True
            with pytest.raises(JournalDown):
                await node.outbox.put([outgoing("a"), outgoing("b")])
            await node.outbox.put([outgoing("a"), outgoing("b")])
            await node.outbox.recover()
            await node.outbox.recover()
            assert [kept.id for kept in node.kept] == ["first", "a", "b"]
            assert await store.redis.xlen(node.outbox.stream) == 3


async def test_what_a_former_process_left_comes_first_with_what_happened_to_its_parts(tmp_path: Path) -> None:
    async def parts_of(id_: str) -> dict[int, State]:
        return {1: State.ACCEPTED, 2: State.SENT} if id_ == "b" else {}

    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        sent = [outgoing(name, "x" * 400, not_before=5.0, operator="east", origin="in-1") for name in "abc"]
        await node_of(journal).outbox.put(sent)
        found: list[Kept] = []
        outbox = Outbox(journal, Sealer(KEY), found.append, parts_of=parts_of)
        async with outbox.running():
            assert [kept.outgoing for kept in found] == sent
            assert [kept.parts for kept in found] == [{}, {1: State.ACCEPTED, 2: State.SENT}, {}]
            assert len(outbox) == 3


async def test_what_others_put_is_handed_on_in_half_a_second_though_nothing_else_happens(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        coming: asyncio.Queue[Kept] = asyncio.Queue()
        outbox = Outbox(journal, Sealer(KEY), coming.put_nowait)
        await store.redis.hset("tellerline:{sms}:nodes", "main", "{}")
        await store.redis.set("tellerline:{sms}:node:main", "token")
        async with outbox.running():
            await outbox.put([outgoing("mine")])
            assert (await coming.get()).id == "mine"
            for name in ("one", "two"):
                assert await put_from_outside(store.redis, Sealer(KEY), outgoing(name)) == "main"
                async with asyncio.timeout(0.5 * 4):  # half a second, on a machine that does much else
                    kept = await coming.get()
                assert kept.outgoing == outgoing(name)
            await put_from_outside(store.redis, Sealer(KEY), outgoing("two"))
            await outbox.recover()
            assert coming.empty(), "put twice, and read again, it is still there once"
            assert await store.redis.llen("tellerline:{sms}:life:two") == 1


async def test_a_text_that_is_dealt_with_while_the_store_is_away_is_forgotten_when_it_is_back(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            node = node_of(journal)
            async with node.outbox.running():
                await node.outbox.put([outgoing("a"), outgoing("b")])
                between.lose_request = True
                lost = node.outbox.finish(node.kept[0])
                await between.lost.wait()
                between.lost.clear()
                between.lose_answer = True
                done = node.outbox.finish(node.kept[1])
                await asyncio.wait_for(asyncio.gather(lost, done), 10)
                assert await store.redis.xlen(node.outbox.stream) == 0
                assert len(node.outbox) == 0
                assert [kept.id for kept in node.kept] == ["a", "b"], "and never handed on again"


async def test_a_text_is_not_forgotten_before_its_last_line_is_stored(tmp_path: Path) -> None:
    kept: list[Kept] = []
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            lives = Lives(journal, Sealer(KEY))
            outbox = Outbox(journal, Sealer(KEY), kept.append, names=lives, unwritten=lives.waits, look_s=0.01)
            async with lives.running(), outbox.running():
                await outbox.put([outgoing("one"), outgoing("two")])
                between.lose_request = True
                lives.tell("one", Change(1_001.0, State.ACCEPTED, 1, "main/one", "1F"), 1)
                async with asyncio.timeout(5):
                    while not lives.waits("one"):  # noqa: ASYNC110 - a connection that goes tells the journal alone
                        await asyncio.sleep(0)
                    forgotten = outbox.finish(kept[0])
                    await outbox.finish(kept[1])  # of which no line waits
                    assert not forgotten.done()
                    await forgotten
                life = await lives.life("one")
    assert life is not None
    assert life.state is State.ACCEPTED


async def test_what_cannot_be_opened_is_logged_and_kept_and_the_rest_is_sent(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, store):
        former = json.dumps({"from": "95500", "to": NUMBER, "text": "739154"}).encode()
        await store.redis.xadd(node.outbox.stream, {b"old": Sealer(KEY).seal(former, b"old")})
        await store.redis.xadd(node.outbox.stream, {b"moved": Sealer(KEY).seal(former, b"elsewhere")})
        await store.redis.xadd(node.outbox.stream, {b"a": Sealer(KEY).seal(bodies.pack(outgoing("a")), b"a")})
        with capture_logs() as logs:
            assert await node.outbox.recover() == 1
            assert await node.outbox.recover() == 0
        assert [log["event"] for log in logs] == ["sms.unsealable"] * 2
        assert "739154" not in str(logs)
        assert [kept.id for kept in node.kept] == ["a"]
        assert await store.redis.xlen(node.outbox.stream) == 3


async def test_a_text_from_outside_waits_for_a_node_and_is_nowhere_in_clear(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        secret = outgoing("a", "code 805162", operator="east")
        assert await put_from_outside(store.redis, Sealer(KEY), secret) == "nobody"
        seen = await stored_bytes(store)
        assert b"805162" not in seen
        assert NUMBER.encode() not in seen


async def test_a_text_from_outside_goes_to_a_node_that_lives(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "b") as (node,):
        for name in "abc":
            await store.redis.hset("tellerline:{sms}:nodes", name, "{}")
        await store.redis.set("tellerline:{sms}:node:b", "token")
        assert await put_from_outside(store.redis, Sealer(KEY), outgoing("x")) == "b"
        await node.outbox.recover()
        assert [kept.id for kept in node.kept] == ["x"]


def test_a_body_is_read_as_it_was_written() -> None:
    for purpose in Purpose:
        one = Outgoing("i", "95500", "+8613900000001", "text", purpose, 65535, 1.5, 2.5, 3.5, "east", "in-1")
        assert bodies.unpack("i", bodies.pack(one)) == one
    odd = Outgoing("i", "银行", "", "\ud83d half a pair, 余额 \x00 ✓", Purpose.CODE, 0, 0.0, 0.0)
    assert bodies.unpack("i", bodies.pack(odd)) == odd
    here_only = replace(odd, link="main/one/1", copies=("key",))
    assert bodies.unpack("i", bodies.pack(here_only)) == odd, "another process has no use for them"


def test_a_body_of_another_form_is_told() -> None:
    packed = bodies.pack(outgoing("a"))
    former = b'{"from": "x", "to": "y", "text": "z", "ref": 1, "at": 2, "copies": []}'
    for other in (b"", packed[:20], former, b"\x09" + packed[1:], packed[:1] + b"\x63" + packed[2:]):
        with pytest.raises(UnreadableBody):
            bodies.unpack("a", other)
