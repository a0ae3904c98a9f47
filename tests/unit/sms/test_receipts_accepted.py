"""A receipt is acknowledged when the store has it, and never lost on the way there."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from sms.messages import Change, Purpose, State
from sms.observing import Nobody
from sms.sending.receipts import QUIET_S, Receipts
from sms.smpp import Address, Message, Status, Tag
from sms.store.heard import Became
from sms.store.journal import JournalDown
from tests.unit.sms.lives_world import NUMBER, OPERATOR, LivesWorld, lives_world, operator, outgoing


class Watching(Nobody):
    """Remembers which states texts reached."""

    def __init__(self) -> None:
        self.reached: list[tuple[Purpose, State]] = []

    def changed(self, purpose: Purpose, state: State) -> None:
        self.reached.append((purpose, state))


class Link:
    """What a bind gives: messages in, statuses out."""

    def __init__(self, world: LivesWorld, **more: object) -> None:
        self.now = 0.0
        self.watching = Watching()
        self.receipts = Receipts(world.lives, observer=self.watching, clock=lambda: self.now)
        self.otherwise = 0

    async def brings(self, message: Message, by: object = OPERATOR) -> int | None:
        """Answer the status; None when it was taken for a customer's text."""
        answered: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

        def otherwise() -> None:
            self.otherwise += 1
            answered.set_result(None)

        self.receipts.accept(by, message, answered.set_result, bind="alpha/1", otherwise=otherwise)  # type: ignore[arg-type]  # an operator
        return await asyncio.wait_for(answered, 20)


def says(id_: str, word: str = "DELIVRD", esm_class: int = 4, source: str = NUMBER[1:], **more: object) -> Message:
    text = f"id:{id_} sub:001 dlvrd:001 submit date:2603021015 done date:2603021016 stat:{word} err:000 text:"
    return Message(Address(source, 1, 1), Address("95500"), text.encode(), esm_class=esm_class, **more)  # type: ignore[arg-type]  # fields of a message


async def test_a_receipt_is_written_then_acknowledged_and_told_of(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        link = Link(world)
        await world.begin(outgoing())
        await world.accepted(outgoing(), "A0F")
        assert await link.brings(says("2575")) == Status.ROK
        assert await world.state() is State.DELIVERED
        assert await link.brings(says("2575")) == Status.ROK
        assert link.watching.reached == [(Purpose.ALERT, State.DELIVERED)], "told of once"
        assert link.receipts.counts == {"matched": 1, "repeated": 1, "recorded": 2}
        assert link.receipts.by_operator["alpha", "matched"] == 1


async def test_an_early_receipt_is_told_of_when_its_text_comes(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        link = Link(world)
        await world.begin(outgoing())
        assert await link.brings(says("7")) == Status.ROK
        assert link.watching.reached == []
        await world.accepted(outgoing(), "7")
        assert link.watching.reached == [(Purpose.ALERT, State.DELIVERED)]


@pytest.mark.parametrize("store", ["was gone", "went as it was asked"])
async def test_a_receipt_that_the_store_does_not_take_comes_again(tmp_path: Path, store: str) -> None:
    async with lives_world(tmp_path) as world:
        link = Link(world)
        await world.accepted(outgoing(), "7")
        stopping = asyncio.create_task(world.store.redis.shutdown(nosave=True))
        if store == "was gone":
            with contextlib.suppress(RedisError):
                await stopping
        assert await link.brings(says("7")) in (Status.RX_T_APPN, Status.ROK)
        assert await link.brings(says("8")) == Status.RX_T_APPN
        assert link.receipts.recorded <= 1
        with contextlib.suppress(RedisError):
            await stopping


async def test_a_line_is_written_when_the_store_is_back(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        await world.begin(outgoing())
        refuse = await world.store.redis.config_get("maxmemory")
        await world.store.redis.config_set("maxmemory", 1)  # every script that writes is refused
        noted = world.lives.note("t1", Change(1.0, State.SENT, 1))
        taken = world.lives.accepted(outgoing(), 1, 1, OPERATOR, "alpha/1", "7", 2.0)
        done, _ = await asyncio.wait((noted, taken), timeout=0.05)
        assert not done
        await world.store.redis.config_set("maxmemory", refuse["maxmemory"] or "0")
        await asyncio.wait_for(asyncio.gather(noted, taken), 20)
        life = await world.lives.life("t1")
        assert life is not None
        assert [change.state for change in life.changes] == [State.QUEUED, State.SENT, State.ACCEPTED]


async def test_a_line_that_no_store_takes_is_told_of_at_the_end(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        lives = world.lives
    with pytest.raises(JournalDown):
        await lives.note("t1", Change(1.0, State.SENT, 1))


async def test_a_store_that_was_killed_still_has_what_was_acknowledged(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        link = Link(world)
        await world.begin(outgoing("t1"), outgoing("t2"))
        await world.accepted(outgoing("t1"), "7")
        assert await link.brings(says("7")) == Status.ROK
        assert await link.brings(says("8")) == Status.ROK  # it waits
        with contextlib.suppress(RedisError):
            await world.store.redis.shutdown(nosave=True, now=True, force=True)
    async with lives_world(tmp_path) as world:
        assert await world.state("t1") is State.DELIVERED
        await world.accepted(outgoing("t2"), "8")
        assert await world.state("t2") is State.DELIVERED


async def test_a_node_that_dies_between_an_answer_and_its_line_leaves_a_receipt_that_waits(tmp_path: Path) -> None:
    # The part was taken, the node died before it wrote so; its successor sends it again, under another id.
    async with lives_world(tmp_path, park_s=600) as world:
        await world.begin(outgoing())
        await world.sent(outgoing())
        link = Link(world)
        assert await link.brings(says("71")) == Status.ROK
        await world.sent(outgoing())
        await world.accepted(outgoing(), "72")
        assert await link.brings(says("72")) == Status.ROK
        assert await world.state() is State.DELIVERED
        world.clock.now += 700
        world.lives.give_up()
        await world.state()
        assert link.receipts.counts["unmatched"] == 1


@pytest.mark.parametrize("tlvs", [(), ((int(Tag.MESSAGE_STATE), b"\x02"),)])
async def test_what_only_looks_like_a_receipt_is_one_when_a_text_has_its_id_and_number(
    tmp_path: Path, tlvs: tuple[tuple[int, bytes], ...]
) -> None:
    async with lives_world(tmp_path) as world:
        link = Link(world)
        await world.begin(outgoing())
        await world.accepted(outgoing(), "7")
        looks = says("7", esm_class=0, tlvs=tlvs)
        assert link.receipts.concerns(looks)
        assert await link.brings(says("8", esm_class=0)) is None, "a customer who writes like an operator"
        assert await link.brings(says("7", esm_class=0, source="8613900000002")) is None
        assert await link.brings(says("7", esm_class=0, source="BANK")) is None
        assert await world.state() is State.ACCEPTED
        assert await link.brings(looks) == Status.ROK
        assert await world.state() is State.DELIVERED
        assert await link.brings(looks) == Status.ROK, "and so it is when it comes again"
        assert link.otherwise == 3


async def test_a_parameter_that_names_a_message_of_ours_makes_a_receipt_whatever_else_it_says(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        link = Link(world)
        named = says("7", esm_class=0, tlvs=((int(Tag.RECEIPTED_MESSAGE_ID), b"7\x00"),))
        assert link.receipts.concerns(named)
        assert await link.brings(named) == Status.ROK
        assert link.receipts.counts["parked"] == 1


async def test_a_report_that_cannot_be_read_is_acknowledged_counted_and_told_of_once_a_minute(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        link = Link(world)
        with capture_logs() as logs:
            for _ in range(5):
                assert await link.brings(Message(Address("8613900000001"), Address("95500"), b"x", esm_class=8)) == 0
            link.now += QUIET_S
            assert await link.brings(Message(Address("8613900000001"), Address("95500"), b"x", esm_class=8)) == 0
        assert [(line["event"], line["count"]) for line in logs] == [
            ("receipt.unreadable", 1),
            ("receipt.unreadable", 5),
        ]
        assert link.receipts.counts["unreadable"] == 6


async def test_receipts_for_nothing_are_told_of_once_for_each_operator_and_minute(tmp_path: Path) -> None:
    async with lives_world(tmp_path, park_s=600) as world:
        link = Link(world)
        for n in range(6):
            await link.brings(says(f"4{n}"), operator(name="alpha" if n % 2 else "beta"))
        world.clock.now += 700
        with capture_logs() as logs:
            world.lives.give_up()
            await world.state()
        assert sorted((line["event"], line["operator"]) for line in logs) == [
            ("receipt.unmatched", "alpha"),
            ("receipt.unmatched", "beta"),
        ]
        assert link.receipts.counts["unmatched"] == 6


async def test_a_receipt_that_fits_two_texts_is_acknowledged_counted_and_says_what_to_do(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        link = Link(world)
        for id_, remote_id in (("t1", "100"), ("t2", "64")):
            await world.begin(outgoing(id_))
            await world.accepted(outgoing(id_), remote_id)
        with capture_logs() as logs:
            assert await link.brings(says("100")) == Status.ROK
        assert (logs[0]["event"], "receipt_ids" in logs[0]["mend"]) == ("receipt.ambiguous", True)
        assert link.receipts.counts[Became.AMBIGUOUS] == 1
        assert link.watching.reached == []
