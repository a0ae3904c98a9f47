"""Receipts find their texts: in every form of an id, early, late, repeated, and never by a guess."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from sms.messages import State
from sms.operators import ReceiptIds
from sms.store.heard import Became, Receipt
from sms.store.journal import Journal
from sms.store.lives_scripts import MAX_IN_SLOT
from tests.unit.sms.lives_world import NUMBER, OTHER, LivesWorld, lives_world, make_lives, operator, outgoing, receipt

# How an operator writes an id in submit_sm_resp, and how in its receipt.
FORMS = {
    "same": ("2575", "2575"),
    "zeros in the answer": ("0000002575", "2575"),
    "zeros in the receipt": ("2575", "0000002575"),
    "upper then lower": ("00A0F", "a0f"),
    "lower then upper": ("a0f", "0A0F"),
    "hex then decimal": ("A0F", "2575"),
    "hex with zeros then decimal with zeros": ("00000a0f", "0000002575"),
    "decimal then hex": ("2575", "A0F"),
    "decimal then 0x": ("2575", "0x00000a0f"),
    "a name": ("0e999f21-81ef-4974-a414-3de98174e3c7", "E999F21-81EF-4974-A414-3DE98174E3C7"),
    "quoted": ("2575", '"2575"'),
    "ended": ("2575", "2575\0"),
}


@pytest.mark.parametrize("early", [False, True], ids=["after the answer", "before the answer"])
async def test_every_form_of_an_id_finds_its_text_early_or_late(tmp_path: Path, early: bool) -> None:
    async with lives_world(tmp_path) as world:
        for n, (given, back) in enumerate(FORMS.values()):
            by = operator(name=f"o{n}")
            text = outgoing(f"t{n}")
            await world.begin(text)
            await world.sent(text)
            if not early:
                await world.accepted(text, given, by=by)
            outcome = await world.heard(receipt(back), by=by)
            assert outcome.became is (Became.PARKED if early else Became.MATCHED)
            if early:
                assert await world.state(text.id) is State.SENT
                (outcome,) = await world.accepted(text, given, by=by)
            assert (outcome.became, outcome.id, outcome.after) == (Became.MATCHED, text.id, State.DELIVERED)
            assert await world.state(text.id) is State.DELIVERED


@pytest.mark.parametrize(
    "source",
    ["8613900000001", "+8613900000001", "008613900000001", "13900000001", "013900000001", "D0138613900000001"[3:]],
)
async def test_a_number_is_the_same_in_national_and_international_form(tmp_path: Path, source: str) -> None:
    async with lives_world(tmp_path) as world:
        text = outgoing()
        await world.accepted(text, "7")
        outcome = await world.lives.receipt(operator(), receipt("7"), (source, "95500"))
        assert outcome.became is Became.MATCHED


async def test_addresses_may_stand_as_in_the_message_and_not_turned_around(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        for n, source in enumerate(("95500", "BANK", "")):
            await world.accepted(outgoing(), f"{n + 5}")
            outcome = await world.lives.receipt(operator(), receipt(f"{n + 5}"), (source, NUMBER[1:]))
            assert outcome.became is Became.MATCHED


async def test_the_same_id_at_another_number_is_not_its_text(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        await world.begin(outgoing())
        await world.accepted(outgoing(), "2575")
        assert (await world.heard(receipt("2575"), OTHER)).became is Became.PARKED
        assert (await world.heard(receipt("A0F"), OTHER)).became is Became.PARKED
        assert await world.state() is State.ACCEPTED


async def test_the_same_id_at_another_operator_is_not_its_text(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        await world.accepted(outgoing("t1"), "7", by=operator(name="alpha"))
        await world.accepted(outgoing("t2"), "7", by=operator(name="beta"))
        outcome = await world.heard(receipt("7"), by=operator(name="beta"))
        assert (outcome.became, outcome.id) == (Became.MATCHED, "t2")
        assert await world.state("t1") is State.ACCEPTED


@pytest.mark.parametrize("source", ["", "861390000XXXX", "86139*******", "BANK"])
async def test_a_receipt_that_hides_the_number_is_believed_only_by_the_plain_id(tmp_path: Path, source: str) -> None:
    async with lives_world(tmp_path) as world:
        await world.accepted(outgoing("t1"), "2575")
        same = await world.lives.receipt(operator(), receipt("002575"), (source, "95500"))
        assert (same.became, same.id) == (Became.MATCHED, "t1")
        await world.accepted(outgoing("t2"), "BEEF")
        other = await world.lives.receipt(operator(), receipt("48879"), (source, "95500"))
        assert other.became is Became.PARKED
        by = operator(ReceiptIds.HEX_THEN_DECIMAL)
        known = await world.lives.receipt(by, receipt("48879", error="1"), (source, "95500"))
        assert (known.became, known.id) == (Became.MATCHED, "t2"), "the operator is known to write it so"


async def test_one_that_fits_two_texts_is_nobodys(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        one, two = outgoing("t1"), outgoing("t2")
        await world.begin(one, two)
        await world.accepted(one, "100")
        await world.accepted(two, "64")  # 100 in hex
        outcome = await world.heard(receipt("100"))
        assert (outcome.became, outcome.id) == (Became.AMBIGUOUS, "")
        assert await world.state("t1") is await world.state("t2") is State.ACCEPTED
        assert (await world.heard(receipt("100"), OTHER)).became is Became.PARKED, "it fits neither number"


@pytest.mark.parametrize(
    ("ids", "meant"),
    [(ReceiptIds.SAME, "t1"), (ReceiptIds.HEX_THEN_DECIMAL, "t2"), (ReceiptIds.DECIMAL_THEN_HEX, "t3")],
)
async def test_an_operator_whose_way_is_known_is_taken_at_its_word(tmp_path: Path, ids: ReceiptIds, meant: str) -> None:
    async with lives_world(tmp_path) as world:
        for id_, remote_id in (("t1", "100"), ("t2", "64"), ("t3", "256")):
            await world.begin(outgoing(id_))
            await world.accepted(outgoing(id_), remote_id)
        outcome = await world.heard(receipt("100"), by=operator(ids))
        assert (outcome.became, outcome.id) == (Became.MATCHED, meant)
        early = await world.heard(receipt("200"), by=operator(ids))
        assert early.became is Became.PARKED
        others = {"t1": "200", "t2": "c8", "t3": "512"}
        applied = {id_: await world.accepted(outgoing(id_), remote_id) for id_, remote_id in others.items()}
        assert [id_ for id_, found in applied.items() if found] == [meant]


async def test_an_operator_whose_way_is_not_what_was_thought_is_heard_when_nothing_else_came(tmp_path: Path) -> None:
    async with lives_world(tmp_path, park_s=600) as world:
        text = outgoing()
        await world.begin(text)
        await world.accepted(text, "A0F")
        assert (await world.heard(receipt("2575"), by=operator(ReceiptIds.SAME))).became is Became.PARKED
        world.clock.now += 601
        world.lives.give_up()
        await world.lives.life("t1")
        assert [outcome.became for outcome in world.outcomes] == [Became.PARKED, Became.MATCHED]
        assert await world.state() is State.DELIVERED


async def test_an_operator_that_counts_anew_means_the_text_that_has_no_last_word(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        for id_ in ("t1", "t2"):
            await world.begin(outgoing(id_))
            await world.accepted(outgoing(id_), "1")
            assert (await world.heard(receipt("1"))).id == id_
        await world.accepted(outgoing("t3"), "1")
        await world.accepted(outgoing("t4"), "1")
        assert (await world.heard(receipt("1"))).became is Became.AMBIGUOUS


async def test_zeros_tell_two_ids_apart_where_an_operator_has_both(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        await world.accepted(outgoing("t1"), "0077")
        await world.accepted(outgoing("t2"), "77")
        assert (await world.heard(receipt("77"))).id == "t2"
        assert (await world.heard(receipt("0077"))).id == "t1"


async def test_a_repeated_receipt_changes_nothing_and_is_counted(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        await world.begin(outgoing())
        await world.accepted(outgoing(), "7")
        assert (await world.heard(receipt("7"))).became is Became.MATCHED
        life = await world.lives.life("t1")
        for bind in ("alpha/1", "alpha/2"):
            world.clock.now += 30
            again = await world.lives.receipt(operator(), receipt("7"), (NUMBER, "95500"), bind)
            assert (again.became, again.before, again.after) == (Became.REPEATED, State.DELIVERED, State.DELIVERED)
        assert await world.lives.life("t1") == life


async def test_a_repeated_early_receipt_waits_once(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        await world.begin(outgoing())
        found = []
        for _ in range(3):
            world.clock.now += 1
            found.append((await world.heard(receipt("7"))).became)
        assert found == [Became.PARKED, Became.REPEATED, Became.REPEATED]
        (outcome,) = await world.accepted(outgoing(), "7")
        assert outcome.after is State.DELIVERED
        assert await world.store.redis.zcard("test:{sms}:parked") == 0
        assert (await world.heard(receipt("7"))).became is Became.REPEATED


async def test_a_later_word_on_the_way_does_not_undo_a_delivery(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        await world.begin(outgoing())
        await world.accepted(outgoing(), "7")
        for word, state in (
            ("DELIVRD", State.DELIVERED),
            ("ENROUTE", State.ACCEPTED),
            ("UNDELIV", State.UNDELIVERABLE),
        ):
            await world.heard(receipt("7", word, state))
            assert await world.state() is State.DELIVERED
        life = await world.lives.life("t1")
        assert life is not None
        assert [change.detail.split()[0] for change in life.changes if change.detail] == [
            "DELIVRD",
            "ENROUTE",
            "UNDELIV",
        ]


async def test_a_text_is_delivered_when_all_its_parts_are(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        text = outgoing()
        await world.begin(text)
        for part in (1, 2, 3):
            await world.accepted(text, f"9{part}", part, 3)
        reached = []
        for part in (3, 1, 2):
            outcome = await world.heard(receipt(f"9{part}"))
            reached.append((outcome.before, outcome.after))
        assert reached == [
            (State.ACCEPTED, State.ACCEPTED),
            (State.ACCEPTED, State.ACCEPTED),
            (State.ACCEPTED, State.DELIVERED),
        ]
        text = outgoing("t2")
        for part in (1, 2, 3):
            await world.accepted(text, f"8{part}", part, 3)
        await world.heard(receipt("81"))
        assert (await world.heard(receipt("82", "UNDELIV", State.UNDELIVERABLE))).after is State.UNDELIVERABLE
        assert (await world.heard(receipt("83"))).after is State.UNDELIVERABLE


async def test_a_receipt_of_the_last_part_alone_delivers_no_text(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        text = outgoing()
        for part in (1, 2, 3):
            await world.accepted(text, f"9{part}", part, 3)
        assert (await world.heard(receipt("93"))).after is State.ACCEPTED
        assert await world.lives.parts("t1") == {1: State.ACCEPTED, 2: State.ACCEPTED, 3: State.DELIVERED}


async def test_a_part_that_was_sent_again_is_delivered_by_either_of_its_ids(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        text = outgoing()
        await world.begin(text)
        await world.accepted(text, "71")
        await world.accepted(text, "72")
        await world.heard(receipt("71", "EXPIRED", State.EXPIRED))
        assert await world.state() is State.ACCEPTED
        await world.heard(receipt("72"))
        assert await world.state() is State.DELIVERED


async def test_a_receipt_for_nothing_is_given_up_and_told_once(tmp_path: Path) -> None:
    async with lives_world(tmp_path, park_s=600) as world:
        await world.heard(receipt("404"))
        world.clock.now += 599
        world.lives.give_up()
        await world.lives.life("t1")
        assert [outcome.became for outcome in world.outcomes] == [Became.PARKED]
        world.clock.now += 2
        await world.heard(receipt("405"))
        assert [outcome.became for outcome in world.outcomes] == [Became.PARKED, Became.UNMATCHED, Became.PARKED]
        assert world.outcomes[1].operator == "alpha"
        assert await world.accepted(outgoing(), "404") == [], "given up is given up"


async def test_no_more_receipts_wait_than_may_and_the_oldest_go_first(tmp_path: Path) -> None:
    async with lives_world(tmp_path, max_parked=20) as world:
        for n in range(50):
            world.clock.now += 0.01
            await world.heard(receipt(f"x{n}"))
        waiting = await world.store.redis.zrange("test:{sms}:parked", 0, -1)
        assert len(waiting) <= 21
        assert sum(outcome.became is Became.UNMATCHED for outcome in world.outcomes) == 50 - len(waiting)
        assert len(await world.accepted(outgoing(), "x49")) == 1
        assert await world.accepted(outgoing(), "x0") == []


async def test_one_id_for_everything_stays_bounded(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        for n in range(3 * MAX_IN_SLOT):
            await world.accepted(outgoing(f"t{n}"), "0", by=operator())
            await world.heard(receipt("0", error=str(n)), OTHER)
        slot = await world.store.redis.get("test:{sms}:slot:alpha:0")
        assert isinstance(slot, bytes)
        assert slot.count(b"\n") < MAX_IN_SLOT


async def test_an_operator_gone_mad_fills_no_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sms.store import lives, lives_scripts

    monkeypatch.setattr(lives, "RECEIVE", lives_scripts.RECEIVE.replace("#lines >= 2000", "#lines >= 20"))
    async with lives_world(tmp_path) as world:
        await world.begin(outgoing())
        await world.accepted(outgoing(), "7")
        for n in range(40):
            await world.heard(receipt("7", "ENROUTE", State.ACCEPTED, error=str(n)))
        assert await world.store.redis.llen("test:{sms}:life:t1") == 20


async def test_a_receipt_that_comes_to_another_node_than_the_one_that_sent(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world, Journal(world.store.redis).running() as journal:
        other = make_lives(journal, world.clock)
        await world.begin(outgoing("t1"), outgoing("t2"))
        await world.accepted(outgoing("t1"), "A1")
        late = await other.receipt(operator(), receipt("161"), (NUMBER, "95500"), "alpha/2")
        assert (late.became, late.after) == (Became.MATCHED, State.DELIVERED)
        assert (await other.receipt(operator(), receipt("162"), (NUMBER, "95500"))).became is Became.PARKED
        (applied,) = await world.accepted(outgoing("t2"), "A2")
        assert applied.after is State.DELIVERED
        life = await other.life("t2")
        assert life is not None
        assert life.state is State.DELIVERED


async def test_both_nodes_at_once_lose_no_receipt(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world, Journal(world.store.redis).running() as journal:
        other = make_lives(journal, world.clock)
        found: list[Any] = []
        texts = [outgoing(f"t{n}", f"+86139000{n:05d}") for n in range(200)]
        await world.begin(*texts)
        for n, text in enumerate(texts):
            found.append(world.lives.accepted(text, 1, 1, operator(), "alpha/1", f"{n:X}F", 1.0))
            found.append(other.receipt(operator(), receipt(str(int(f"{n:X}F", 16))), (text.destination, "95500")))
            if n % 16 == 0:
                await asyncio.sleep(0)
        await asyncio.gather(*found)
        assert {await world.state(text.id) for text in texts} == {State.DELIVERED}


STEPS = ("sent", "accepted", "receipt", "repeat", "on the way")


@pytest.mark.parametrize("ids", [FORMS["same"], FORMS["hex then decimal"], FORMS["decimal then hex"]])
async def test_every_order_of_what_happens_comes_to_the_same_end(tmp_path: Path, ids: tuple[str, str]) -> None:
    given, back = ids

    async def step(world: LivesWorld, what: str, text: Any, by: Any) -> None:
        if what == "sent":
            await world.sent(text)
        elif what == "accepted":
            await world.accepted(text, given, by=by)
        elif what == "on the way":
            await world.heard(receipt(back, "ENROUTE", State.ACCEPTED), by=by)
        else:
            await world.heard(receipt(back), by=by)

    async with lives_world(tmp_path) as world:
        for n, order in enumerate(itertools.permutations(STEPS)):
            text, by = outgoing(f"t{n}"), operator(name=f"o{n}")
            await world.begin(text)
            for what in order:
                await step(world, what, text, by)
            life = await world.lives.life(text.id)
            assert life is not None
            assert (life.state, life.parts) == (State.DELIVERED, ((1, State.DELIVERED),)), order
            words = sorted(change.detail.split()[0] for change in life.changes if change.detail)
            assert words == ["DELIVRD", "ENROUTE"], order
        assert await world.store.redis.zcard("test:{sms}:parked") == 0


async def test_what_is_written_again_after_a_lost_answer_changes_nothing(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        text = outgoing()
        for _ in range(2):
            await world.begin(text)
            await world.sent(text)
            await world.accepted(text, "7")
        first = await world.heard(Receipt("7", "DELIVRD", "000", State.DELIVERED))
        await world.accepted(text, "7")
        again = await world.heard(Receipt("7", "DELIVRD", "000", State.DELIVERED))
        assert (first.became, again.became) == (Became.MATCHED, Became.REPEATED)
        life = await world.lives.life("t1")
        assert life is not None
        assert [change.state for change in life.changes] == [State.QUEUED, State.SENT, State.ACCEPTED, State.DELIVERED]
