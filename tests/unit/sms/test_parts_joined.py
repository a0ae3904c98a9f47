"""Parts of long texts: whole texts, never mixed, told when parts are missing, bounded for each sender."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from core_client.adapters.valkey import open_store
from sms.messages import Kept
from sms.smpp import Address, Message, Status, Tag
from sms.store.journal import Journal, JournalDown
from tests.unit.sms.store_world import BANK, NUMBER, StoreNode, node_of, nodes_on, one_node, part, text

ROUNDS = 10_000 if os.environ.get("TELLERLINE_PROOF") else 60


def words(round_: int, sender: int, width: int, number: int) -> bytes:
    return b"<%d:%d:%d:%d>" % (round_, sender, width, number)


def interleaving(dice: random.Random, round_: int) -> tuple[list[tuple[int, Message]], dict[str, int]]:
    """Answer parts in random order, some twice, each with the node that gets it, and the whole texts."""
    coming: list[tuple[int, Message]] = []
    whole: dict[str, int] = {}
    reference, total = dice.randrange(256), dice.randint(2, 15)  # shared by most: what could be mixed up would be
    for sender in range(dice.randint(1, 50)):
        mine = total if dice.random() < 0.8 else dice.randint(2, 15)
        for wide in (False, True) if dice.random() < 0.2 else (dice.random() < 0.5,):
            parts = [
                part(words(round_, sender, wide, number), reference, mine, number, f"86139{sender:08}", wide=wide)
                for number in range(1, mine + 1)
            ]
            whole["".join(words(round_, sender, wide, number).decode() for number in range(1, mine + 1))] = sender
            parts += dice.sample(parts, dice.randint(0, 2))
            coming += [(dice.randrange(2), message) for message in parts]
    dice.shuffle(coming)
    return coming, whole


@pytest.mark.proof
@pytest.mark.timeout(3600)
async def test_every_text_of_random_interleavings_is_whole_and_none_is_mixed(tmp_path: Path) -> None:
    async with (
        open_store(None, tmp_path) as store,
        nodes_on(store, "one", "two", max_open_per_number=100) as nodes,
    ):
        await store.redis.config_set("appendfsync", "no")  # what is proven here is not what a crash leaves
        for round_ in range(ROUNDS):
            dice = random.Random(round_)
            coming, whole = interleaving(dice, round_)
            answers = [nodes[node].accept(message) for node, message in coming]
            for answer in answers:
                assert await answer == Status.ROK
            texts = [(node, inbound) for node in nodes for inbound in node.texts]
            assert {inbound.text: int(inbound.source[5:]) for _, inbound in texts} == whole, f"seed {round_}"
            assert len(texts) == len(whole), f"seed {round_}"
            for node, inbound in texts:
                assert await node.inbox.settle(inbound, node.outbox, ())
            for node in nodes:
                assert not node.missing
                node.texts.clear()
        assert await store.redis.keys("tellerline:{sms}:parts:*") == []
        assert await store.redis.zcard("tellerline:{sms}:open") == 0


async def test_equal_parts_over_two_operators_make_two_texts(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, _):
        one, two = part(b"a", 1, 2, 1), part(b"b", 1, 2, 2)
        await node.take(one, operator="east")
        await node.take(two, operator="west")
        assert node.texts == []
        await node.take(one, operator="west")
        await node.take(two, operator="east")
        assert [(inbound.text, inbound.operator) for inbound in node.texts] == [("ab", "west"), ("ab", "east")]


async def test_parts_in_sar_parameters_and_in_payload_are_joined_in_numeric_order(tmp_path: Path) -> None:
    def sar(body: bytes, number: int) -> Message:
        tlvs = (
            (int(Tag.SAR_MSG_REF_NUM), b"\x00\x07"),
            (int(Tag.SAR_TOTAL_SEGMENTS), b"\x0b"),
            (int(Tag.SAR_SEGMENT_SEQNUM), bytes((number,))),
            (int(Tag.MESSAGE_PAYLOAD), body),
        )
        return Message(Address(NUMBER, 1, 1), Address(BANK, 0, 1), b"", tlvs=tlvs)

    async with one_node(tmp_path) as (node, _):
        for number in (11, 2, 10, 1, 9, 3, 8, 4, 7, 5, 6):
            await node.take(sar(b"%x" % number, number))
        (inbound,) = node.texts
        assert inbound.text == "123456789ab"
        assert inbound.parts == 11


async def test_parts_are_joined_across_a_restart_and_across_nodes(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        async with Journal(store.redis).running() as journal:
            await node_of(journal, "one").take(part(b"a", 9, 3, 1), part(b"c", 9, 3, 3))
        async with nodes_on(store, "two") as (two,):
            await two.take(part(b"b", 9, 3, 2))
            (inbound,) = two.texts
            assert inbound.text == "abc"
            assert inbound.name.startswith("one-"), "named by its first part, wherever that came in"


async def test_a_copy_of_a_part_is_acknowledged_and_begins_no_other_text(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, store):
        await node.take(part(b"a", 1, 2, 1), part(b"a", 1, 2, 1), part(b"b", 1, 2, 2))
        await node.take(part(b"b", 1, 2, 2), part(b"a", 1, 2, 1))
        assert [inbound.text for inbound in node.texts] == ["ab"]
        assert await store.redis.zcard("tellerline:{sms}:open") == 0


async def test_missing_parts_are_told_once_by_whichever_node_looks_first(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, nodes_on(store, "one", "two", parts_expiry_s=300.0) as (one, two):
        await one.take(part(b"a", 1, 3, 1), part(b"c", 1, 3, 3))
        one.now += 299.0
        two.now += 299.0
        assert await two.inbox.sweep() == 0
        two.now += 2.0
        assert await two.inbox.sweep() == 1
        one.now += 2.0
        assert await one.inbox.sweep() == 0
        assert two.missing == [(NUMBER, BANK, "main", 2, 3)]
        assert one.missing == []
        assert await store.redis.keys("tellerline:{sms}:parts:*") == []
        assert await store.redis.keys("tellerline:{sms}:opening:*") == []


@pytest.mark.looptime
async def test_the_sweep_comes_by_time_and_outlives_a_store_that_is_away() -> None:
    class Away:
        looked = 0
        on_trouble: list[object]

        def __init__(self) -> None:
            self.on_trouble = []

        async def page(self, *_: object) -> None:
            """An empty stream."""

        def write(self, *_: object, **__: object) -> asyncio.Future[list[object]]:
            self.looked += 1
            future: asyncio.Future[list[object]] = asyncio.get_running_loop().create_future()
            if self.looked < 3:
                future.set_exception(JournalDown("away"))
            else:
                future.set_result([])
            return future

    away = Away()
    node = node_of(away)  # type: ignore[arg-type]  # only page and write are used
    async with node.inbox.running():
        await asyncio.sleep(26)
    assert away.looked == 5


async def test_a_reference_that_is_used_again_begins_a_new_text_and_mixes_nothing(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, _):
        await node.take(part(b"old1", 5, 3, 1), part(b"old3", 5, 3, 3))
        await node.take(part(b"new1", 5, 3, 1))
        assert node.missing == [(NUMBER, BANK, "main", 2, 3)]
        await node.take(part(b"new3", 5, 3, 3), part(b"new2", 5, 3, 2))
        assert [inbound.text for inbound in node.texts] == ["new1new2new3"]


async def test_no_sender_pushes_out_the_parts_of_another(tmp_path: Path) -> None:
    async with one_node(tmp_path, max_open_per_number=3, max_open_texts=5) as (node, _):
        other = "8613900000002"
        await node.take(part(b"a", 1, 2, 1, other))
        answers = [await node.accept(part(b"x", reference, 2, 1)) for reference in range(6)]
        assert answers == [Status.ROK] * 3 + [Status.RX_T_APPN] * 3, "refused, and the centre brings it again"
        await node.take(part(b"b", 1, 2, 2, other), part(b"y", 0, 2, 2))
        assert [inbound.text for inbound in node.texts] == ["ab", "xy"]
        await node.take(part(b"x", 4, 2, 1))
        assert not node.missing
        assert node.dropped == []


async def test_beyond_the_bound_of_all_open_texts_parts_of_those_that_are_open_still_come_in(tmp_path: Path) -> None:
    async with one_node(tmp_path, max_open_texts=2, busy_status=Status.RMSGQFUL) as (node, _):
        await node.take(part(b"a", 1, 2, 1), part(b"c", 2, 2, 1, "8613900000002"))
        assert await node.accept(part(b"e", 3, 2, 1, "8613900000003")) == Status.RMSGQFUL
        await node.take(part(b"b", 1, 2, 2))
        await node.take(part(b"e", 3, 2, 1, "8613900000003"))
        assert [inbound.text for inbound in node.texts] == ["ab"]


async def test_a_part_for_which_the_stream_has_no_room_is_no_copy_when_it_comes_again(tmp_path: Path) -> None:
    async with one_node(tmp_path, max_backlog=1) as (node, _):
        await node.take(part(b"a", 1, 2, 1), text(b"BAL"))
        assert await node.accept(part(b"b", 1, 2, 2)) == Status.RX_T_APPN
        await settled(node)
        await node.take(part(b"b", 1, 2, 2))
        assert [inbound.text for inbound in node.texts] == ["BAL", "ab"]


async def settled(node: StoreNode) -> list[Kept]:
    for inbound in node.texts:
        await node.inbox.settle(inbound, node.outbox, ())
    return node.kept
