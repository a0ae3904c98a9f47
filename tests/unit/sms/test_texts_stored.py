"""A text that came: stored, acknowledged, handed on once, answered once, whatever the store does meanwhile."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import open_store
from sms.receiving import bodies
from sms.receiving.bodies import Body, UnreadableBody
from sms.smpp import Status, Tag
from sms.store.journal import Journal, JournalDown
from sms.store.lives import Names
from tests.unit.sms.store_world import (
    BANK,
    KEY,
    LINK,
    NUMBER,
    Between,
    node_of,
    nodes_on,
    one_node,
    outgoing,
    stored_bytes,
    text,
)


async def test_a_text_is_shown_at_receipt_and_handed_on_once_it_is_stored(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, store):
        answer = node.accept(text(b"BAL"), "east", "east/one/3")
        (inbound,) = node.received
        assert (inbound.text, inbound.stored, inbound.id) == ("BAL", False, "")
        assert node.texts == []
        assert await answer == Status.ROK
        assert node.texts == [inbound], "the same object"
        assert inbound.stored
        assert (inbound.source, inbound.destination, inbound.operator) == (NUMBER, BANK, "east")
        assert (inbound.link, inbound.at, inbound.parts) == ("east/one/3", node.now, 1)
        assert await store.redis.xlen(node.inbox.stream) == 1


async def test_a_copy_is_acknowledged_and_dropped_until_its_window_ends(tmp_path: Path) -> None:
    async with one_node(tmp_path, duplicate_window_s=0.2) as (node, _):
        await node.take(text(b"BAL"), text(b"BAL"))
        assert len(node.texts) == 1
        assert node.dropped == [node.received[1]]
        assert not node.dropped[0].stored
        async with asyncio.timeout(5):
            while len(node.texts) == 1:
                await node.take(text(b"BAL"))
        assert len({inbound.name for inbound in node.texts}) == 2


@pytest.mark.parametrize(
    "other",
    [
        text(b"BAM"),
        text(b"BAL", "8613900000002"),
        text(b"BAL", data_coding=1),
        text(b"BAL", tlvs=((int(Tag.USER_MESSAGE_REFERENCE), b"\x00\x01"),)),
        text(b"", tlvs=((int(Tag.MESSAGE_PAYLOAD), b"BAL"),)),
    ],
)
async def test_what_differs_in_one_octet_is_no_copy(other: Any, tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, _):
        await node.take(text(b"BAL"), other)
        assert len(node.texts) == 2


async def test_a_whole_answer_on_the_questions_connection_ends_the_window_for_what_comes_after_it(
    tmp_path: Path,
) -> None:
    async with one_node(tmp_path) as (node, _):
        await node.take(text(b"BAL"))
        (inbound,) = node.texts
        assert await node.inbox.settle(inbound, node.outbox, (outgoing("a", copies=inbound.copies),))
        (kept,) = node.kept
        # In the order of the wire: a copy that came before the answer was taken, the answer, an equal text after it.
        answers = [node.accept(text(b"BAL"))]
        finished = node.outbox.finish(kept, proven=True)
        answers.append(node.accept(text(b"BAL")))
        await finished
        assert await asyncio.gather(*answers) == [Status.ROK, Status.ROK]
        assert len(node.texts) == 2
        assert node.dropped == [node.received[1]], "the one that came before"


async def test_an_answer_that_proves_nothing_leaves_the_window_open(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, _):
        await node.take(text(b"BAL"))
        await node.inbox.settle(node.texts[0], node.outbox, (outgoing("a", copies=node.texts[0].copies),))
        await node.outbox.finish(node.kept[0])
        await node.take(text(b"BAL"))
        assert len(node.texts) == 1


@pytest.mark.parametrize("busy", [Status.RX_T_APPN, Status.RMSGQFUL])
async def test_overload_is_told_and_nothing_is_dropped(busy: Status, tmp_path: Path) -> None:
    async with one_node(tmp_path, max_backlog=3, busy_status=busy) as (node, _):
        messages = [text(b"%d" % number) for number in range(6)]
        answers = await asyncio.gather(*(node.accept(message) for message in messages))
        assert answers == [Status.ROK] * 3 + [busy] * 3
        assert node.dropped == node.received[3:]
        for inbound in list(node.texts):
            await node.inbox.settle(inbound, node.outbox, ())
        await node.take(*messages[3:])
        assert [inbound.text for inbound in node.texts] == list("012345")


async def test_a_journal_that_is_full_refuses_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with one_node(tmp_path) as (node, _):
        monkeypatch.setattr("sms.store.journal.MAX_QUEUED", 1)
        first, second = node.accept(text(b"1")), node.accept(text(b"2"))
        assert second.done()
        assert (await first, await second) == (Status.ROK, Status.RX_T_APPN)


async def test_a_text_whose_storing_was_not_heard_of_is_refused_and_worked_on_once(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            node = node_of(journal)
            await node.take(text(b"first"))
            between.lose_answer = True
            assert await node.accept(text(b"BAL")) == Status.RX_T_APPN
            assert node.dropped == [node.received[1]]
            await node.take(text(b"BAL"))  # the centre comes again: a copy of what is stored
            assert [inbound.text for inbound in node.texts] == ["first"]
            assert await node.inbox.recover() == 1
            assert [(inbound.text, inbound.recovered) for inbound in node.texts] == [("first", False), ("BAL", True)]
            assert await node.inbox.recover() == 0


async def test_an_answer_whose_storing_was_not_heard_of_is_stored_once_and_sent_once(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            node = node_of(journal)
            await node.take(text(b"BAL"))
            answer = outgoing("a")
            between.lose_answer = True
            with pytest.raises(JournalDown):
                await node.inbox.settle(node.texts[0], node.outbox, (answer,))
            assert await node.inbox.settle(node.texts[0], node.outbox, (answer,)) is False, "done before"
            assert node.kept == []
            assert await node.outbox.recover() == 1
            assert [kept.outgoing for kept in node.kept] == [answer]
            assert len(node.inbox) == 0
            assert await store.redis.xlen(node.inbox.stream) == 0
            assert await store.redis.xlen(node.outbox.stream) == 1
            assert await store.redis.llen("tellerline:{sms}:life:a") == 1


async def test_looking_again_never_brings_a_text_back_that_is_answered_meanwhile(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, _):
        await node.take(*(text(b"%d" % number) for number in range(20)))
        looking = asyncio.ensure_future(node.inbox.recover())
        await asyncio.sleep(0)
        settled = [node.inbox.settle(inbound, node.outbox, ()) for inbound in node.texts]
        await asyncio.gather(*settled)
        assert await looking == 0
        assert len(node.texts) == 20
        assert await node.inbox.recover() == 0


async def test_a_text_keeps_its_name_through_a_restart_and_no_two_have_the_same(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        async with nodes_on(store, "main") as (first,):
            await first.take(text(b"1"), text(b"2"))
            names = [inbound.name for inbound in first.texts]
        async with nodes_on(store, "main") as (second,):
            assert await second.inbox.recover() == 2
            await second.take(text(b"3"))
            assert [inbound.name for inbound in second.texts[:2]] == names
            assert [inbound.recovered for inbound in second.texts] == [True, True, False]
            assert len({inbound.name for inbound in second.texts}) == 3
            assert second.texts[0].text == "1"


async def test_what_cannot_be_opened_is_logged_and_kept(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, store):
        sealer, print_ = Sealer(KEY), b"f" * 32
        former = json.dumps({"from": NUMBER, "to": BANK, "coding": 0, "octets": "42414c"}).encode()
        await store.redis.xadd(node.inbox.stream, {print_: sealer.seal(former, print_)})
        await store.redis.xadd(node.inbox.stream, {print_: Sealer(bytes(32)).seal(b"x", print_)})
        await store.redis.xadd(node.inbox.stream, {b"odd": b""})
        with capture_logs() as logs:
            await node.inbox.recover()
            await node.take(text(b"BAL"))
        assert [log["event"] for log in logs if log["log_level"] == "error"] == ["sms.unsealable"] * 3
        assert [inbound.text for inbound in node.texts] == ["BAL"]
        assert await store.redis.xlen(node.inbox.stream) == 4


async def test_nothing_of_a_text_or_its_number_is_in_the_store_or_in_a_log(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, store):
        with capture_logs() as logs:
            await node.take(text(b"739154 LILEI"), text(b"739154 LILEI"))
            await node.inbox.settle(node.texts[0], node.outbox, (outgoing("a", "code 805162"),))
        seen = await stored_bytes(store) + str(logs).encode() + repr((node.texts, node.kept)).encode()
        for secret in (b"739154", b"LILEI", b"805162", NUMBER.encode(), NUMBER[2:].encode()):
            assert secret not in seen


async def test_the_lives_of_a_text_and_of_its_answer_begin_with_it(tmp_path: Path) -> None:
    async with one_node(tmp_path) as (node, store):
        await node.take(text(b"BAL"))
        names = Names(Sealer(KEY))
        life = names.received("in-1", f"+{NUMBER}", BANK, 1_000.0, kind="command", handled_at=1_001.0, answers=("a",))
        answers = (outgoing("a"), outgoing("b"))
        assert await node.inbox.settle(node.texts[0], node.outbox, answers, (life,))
        assert [kept.id for kept in node.kept] == ["a", "b"]
        for id_ in ("in-1", "a", "b"):
            assert await store.redis.llen(f"tellerline:{{sms}}:life:{id_}") == 1
            assert await store.redis.ttl(f"tellerline:{{sms}}:life:{id_}") > 86_400
        assert await store.redis.lrange(names.of(f"+{NUMBER}"), 0, -1) == [b"in-1", b"b", b"a"]


def test_a_body_is_read_as_it_was_written() -> None:
    for body in (
        Body(1.5, 1, 0, NUMBER, BANK, "main", "main-1", LINK, b"BAL"),
        Body(0.0, 255, bodies.UNREADABLE, "", "", "", "", "", b""),
        Body(1e9, 5, 0x0102_0000, "BÄNK", "x" * 65, "运营商", "n", "l" * 200, bytes(range(256)) * 250),
    ):
        assert bodies.unpack(bodies.pack(body)) == body


def test_a_body_of_another_form_is_told_at_every_length() -> None:
    packed = bodies.pack(Body(1.5, 1, 0, NUMBER, BANK, "main", "main-1", LINK, b""))
    for length in range(len(packed)):
        with pytest.raises(UnreadableBody):
            bodies.unpack(packed[:length])
    for other in (b'{"from": "x", "to": "y", "coding": 0}', b"\x03" + packed[1:]):
        with pytest.raises(UnreadableBody, match="form"):
            bodies.unpack(other)
