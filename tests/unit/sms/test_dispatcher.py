"""Who sends texts, between operators that do as they are told: speed, order, ways, and what is done twice or never."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from sms.binds.leases import Lease
from sms.messages import Kept, Outgoing, Purpose, State
from sms.operators import Alphabet, Mode
from sms.people.verdicts import SEND, Reason, Refuse, Verdict, Wait
from sms.smpp import Status
from tests.unit.sms.sending_world import LONG, Rules, Store, bench, operator, outgoing, wall

pytestmark = pytest.mark.looptime

RANKED = sorted(Purpose, key=lambda purpose: purpose.rank)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_text_is_written_at_once_noted_and_finished() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        text = it.say("hello")
        assert len(it.esme("one/a").written) == 1, "at once"
        await asyncio.sleep(1)
    assert it.store.states(text.id, 1) == [State.SENT, State.ACCEPTED]
    assert it.store.finished == {text.id: False}
    assert len(it.dispatcher) == 0


async def test_a_text_that_is_known_is_not_taken_twice() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        text = outgoing()
        it.dispatcher.take(Kept("1-0", text, {}))
        it.dispatcher.take(Kept("1-0", text, {}))
        it.up()
        await asyncio.sleep(1)
    assert len(it.written) == 1


# --- speed and order -------------------------------------------------------------------------------------------------


async def test_what_is_promised_is_counted_by_pdu() -> None:
    it = bench(operator("one", per_second=30.0, window=50))
    async with it.dispatcher.running():
        it.up()
        for _ in range(40):
            it.say(LONG)
        await asyncio.sleep(2)
        times = [one.at for one in it.written]
        assert 60 <= len(times) <= 60 + 4
        assert all(after - before > 0.03 for before, after in pairwise(times[4:])), "evenly"
        await asyncio.sleep(2.2)
    assert len(it.written) == 120


async def test_a_code_overtakes_ten_thousand_campaign_texts() -> None:
    it = bench(operator("one", per_second=100.0))
    async with it.dispatcher.running():
        it.up()
        for _ in range(10_000):
            it.say("buy", purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(5)
        before = len(it.written)
        code = it.say("123456", purpose=Purpose.CODE)
        began = now()
        await asyncio.sleep(0.5)
        mine = next(one for one in it.written if one.to == code.destination[1:])
        assert mine.at - began < 0.05
        assert 400 < before < 600


async def test_the_more_urgent_purpose_goes_first() -> None:
    it = bench(operator("one", window=1))
    async with it.dispatcher.running():
        it.up()
        it.say("the window is full")
        for purpose in reversed(RANKED):
            for _ in range(3):
                it.say(purpose.value, purpose=purpose)
        await asyncio.sleep(2)
    assert [one.body.decode() for one in it.written[1:]] == [purpose.value for purpose in RANKED for _ in range(3)]


async def test_texts_to_one_number_go_one_after_another_and_others_beside_them() -> None:
    it = bench(operator("one", window=50))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: (1.0, 0)
        for number in range(5):
            it.say(f"text {number}", to="+8613900000001")
        others = [it.say("other") for _ in range(20)]
        assert len(it.written) == 21, "one to the number, and all others"
        await asyncio.sleep(10)
    mine = [one for one in it.written if one.to == "8613900000001"]
    assert [one.body.decode() for one in mine] == [f"text {number}" for number in range(5)]
    assert all(after.at - before.at >= 1.0 for before, after in pairwise(mine))
    assert all(text.id in it.store.finished for text in others)


async def test_a_text_that_is_given_up_lets_the_next_one_to_its_number_begin() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: (0.01, Status.RINVDSTADR if written.body == b"bad" else 0)
        bad = it.say("bad", to="+8613900000001")
        good = it.say("good", to="+8613900000001")
        await asyncio.sleep(1)
    assert it.store.states(bad.id, 1)[-1] is State.REJECTED
    assert it.store.states(good.id, 1)[-1] is State.ACCEPTED
    assert set(it.store.finished) == {bad.id, good.id}


async def test_a_code_to_a_number_does_not_wait_for_a_campaign_text_to_it_that_is_held_up() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: None if written.body == b"buy" else (0.01, 0)
        it.say("buy", to="+8613900000001", purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(0.1)
        code = it.say("123456", to="+8613900000001", purpose=Purpose.CODE)
        await asyncio.sleep(0.1)
        assert code.id in it.store.finished


async def test_two_routes_that_share_a_bind_both_get_on() -> None:
    it = bench(operator("one", window=1, prefixes=("+86", "+44")))
    async with it.dispatcher.running():
        for number in range(50):
            it.say("x", to=f"+861390000{number:04}")
            it.say("x", to=f"+447700900{number:03}")
        it.up()
        await asyncio.sleep(0.305)
        by = [one.to[:2] for one in it.written]
        assert min(by.count("86"), by.count("44")) >= 10


# --- ways ------------------------------------------------------------------------------------------------------------


async def test_a_receiver_is_never_used_for_sending() -> None:
    it = bench(operator("one", "rx", mode=Mode.RECEIVER), operator("two"))
    async with it.dispatcher.running():
        it.up()
        texts = [it.say() for _ in range(20)]
        await asyncio.sleep(1)
    assert not it.esme("one/rx").written
    assert set(it.store.finished) == {text.id for text in texts}


async def test_texts_go_by_another_operator_while_theirs_is_down_and_back_when_it_has_been_up_for_a_while() -> None:
    it = bench(operator("cheap", cost=1), operator("dear", cost=9))
    async with it.dispatcher.running():
        it.up()

        async def feed(seconds: float) -> list[str]:
            before = len(it.written)
            for _ in range(int(seconds * 10)):
                it.say()
                await asyncio.sleep(0.1)
            return [one.bind for one in it.written[before:]]

        assert set(await feed(2)) == {"cheap/a"}
        it.esme("cheap/a").down()
        over = it.say()
        assert set(await feed(2)) == {"dear/a"}
        it.esme("cheap/a").up()
        assert set(await feed(4)) == {"dear/a"}, "it may go down again at once"
        assert (await feed(4))[-1] == "cheap/a"
        for _ in range(3):  # it flaps: it is believed less and less
            it.esme("cheap/a").down()
            it.esme("cheap/a").up()
        assert set(await feed(30)) == {"dear/a"}
        await asyncio.sleep(60)
        assert set(await feed(1)) == {"cheap/a"}
    details = [line.detail for line in it.store.lines[over.id] if line.state is State.SENT]
    assert details == ["cheap is down"], "a trace tells why"


async def test_a_bind_that_flaps_is_used_where_there_is_no_other() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        for _ in range(6):
            it.esme("one/a").up()
            it.esme("one/a").down()
        text = it.say()
        it.esme("one/a").up()
        await asyncio.sleep(0.1)
        assert text.id in it.store.finished


async def test_one_bind_that_is_throttled_does_not_keep_the_other_from_flowing() -> None:
    it = bench(operator("one", "a", "b"))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: (0.01, Status.RTHROTTLED)
        texts = [it.say() for _ in range(300)]
        await asyncio.sleep(5)
        assert set(it.store.finished) == {text.id for text in texts}
        assert len(it.esme("one/a").written) < 40
        assert len(it.esme("one/b").written) >= 300


@pytest.mark.parametrize("status", [Status.RTHROTTLED, Status.RMSGQFUL])
async def test_a_busy_operator_is_never_given_up_and_backed_off_from(status: Status) -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        esme = it.esme("one/a")
        esme.script = lambda written: (0.01, status if now() < 300 else 0)
        text = it.say()
        await asyncio.sleep(301)
        assert 10 < len(esme.written) < 30, "pauses grow to half a minute"
        await asyncio.sleep(40)
        assert text.id in it.store.finished
        assert it.store.states(text.id, 1)[-3:] == [State.QUEUED, State.SENT, State.ACCEPTED]


async def test_an_operator_that_is_too_busy_for_long_is_passed_over() -> None:
    it = bench(operator("cheap", cost=1), operator("dear", cost=9))
    async with it.dispatcher.running():
        it.up()
        it.esme("cheap/a").script = lambda written: (0.01, Status.RTHROTTLED)
        texts = [it.say() for _ in range(20)]
        await asyncio.sleep(60)
        assert set(it.store.finished) == {text.id for text in texts}
        assert it.esme("dear/a").written


async def test_all_parts_go_by_one_operator_even_when_it_goes_down_between_them() -> None:
    it = bench(operator("cheap", "a", "b", cost=1, window=1), operator("dear", cost=9))
    async with it.dispatcher.running():
        it.esme("cheap/a").up()
        it.esme("dear/a").up()
        text = it.say(LONG)
        await asyncio.sleep(0.005)
        it.esme("cheap/a").script = lambda written: None
        await asyncio.sleep(0.1)
        it.esme("cheap/a").down()
        await asyncio.sleep(5)
        assert not it.esme("dear/a").written, "the operator has a part already"
        it.esme("cheap/b").up()
        await asyncio.sleep(1)
    assert text.id in it.store.finished
    assert {one.bind for one in it.written} == {"cheap/a", "cheap/b"}
    assert it.store.accepted[text.id][0][0] == 1


async def test_an_answer_goes_by_the_bind_that_brought_the_question() -> None:
    it = bench(operator("cheap", "a", "b", cost=1), operator("dear", cost=9))
    async with it.dispatcher.running():
        it.up()
        for bind in ("dear/a", "cheap/b", "cheap/a"):
            for _ in range(5):
                it.say(link=it.esme(bind).link_name)
            assert len(it.esme(bind).written) == 5
        it.esme("cheap/b").down()
        it.say(link=f"cheap/b/old/{1}")
        assert it.esme("cheap/a").written[-1].at == now(), "the same operator's other bind"
        await asyncio.sleep(1)


async def test_a_text_that_must_go_by_an_operator_waits_for_it() -> None:
    it = bench(operator("one"), operator("two"))
    async with it.dispatcher.running():
        it.esme("one/a").up()
        text = it.say(operator="two")
        await asyncio.sleep(5)
        assert not it.written
        it.esme("two/a").up()
        await asyncio.sleep(1)
        assert text.id in it.store.finished


async def test_a_text_for_which_there_is_no_operator_waits_until_it_is_too_old() -> None:
    it = bench(operator("one", prefixes=("+44",)))
    async with it.dispatcher.running():
        it.up()
        text = it.say(expires_at=wall() + 30)
        await asyncio.sleep(40)
    assert it.store.states(text.id) == [State.EXPIRED]
    assert text.id in it.store.finished


# --- twice, or never -------------------------------------------------------------------------------------------------


async def test_what_may_not_be_repeated_is_noted_durably_before_it_is_written() -> None:
    it = bench(operator("one"), store=Store(delay_s=0.5))
    async with it.dispatcher.running():
        it.up()
        campaign = it.say("buy", purpose=Purpose.CAMPAIGN)
        answer = it.say("balance")
        await asyncio.sleep(0.4)
        assert [one.body for one in it.written] == [b"balance"], "noted while it is on its way"
        await asyncio.sleep(0.2)
        assert [one.body for one in it.written] == [b"balance", b"buy"]
        await asyncio.sleep(2)
    assert set(it.store.finished) == {campaign.id, answer.id}


async def test_a_place_in_the_window_is_kept_for_what_is_being_noted() -> None:
    it = bench(operator("one", window=2), store=Store(delay_s=0.5))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: (10.0, 0)
        for _ in range(2):
            it.say("buy", purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(0.1)
        it.say("balance")
        assert not it.written
        await asyncio.sleep(0.5)
        assert [one.body for one in it.written] == [b"buy", b"buy"]


async def test_what_may_not_be_repeated_is_not_written_where_the_note_fails() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        it.store.down = True
        text = it.say("buy", purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(5)
        assert not it.written
        it.store.down = False
        await asyncio.sleep(5)
    assert len(it.written) == 1
    assert text.id in it.store.finished


async def test_a_campaign_text_whose_answer_is_lost_is_unknown_and_never_written_again() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: None
        text = it.say("buy", purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(0.1)
        it.esme("one/a").down()
        it.esme("one/a").up()
        await asyncio.sleep(60)
    assert len(it.written) == 1
    assert it.store.states(text.id, 1) == [State.SENT, State.UNKNOWN]
    assert it.store.finished == {text.id: False}


async def test_a_code_whose_answer_is_lost_is_written_again_until_it_is_taken() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        esme = it.esme("one/a")
        esme.script = lambda written: None if len(esme.written) < 4 else (0.01, 0)
        text = it.say("123456", purpose=Purpose.CODE)
        for _ in range(3):
            await asyncio.sleep(0.1)
            esme.down()
            esme.up()
        await asyncio.sleep(1)
    assert len(esme.written) == 4
    assert it.store.states(text.id, 1)[-1] is State.ACCEPTED


async def test_an_answer_that_never_comes_makes_a_code_go_again_later_and_later() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        esme = it.esme("one/a")
        esme.script = lambda written: (10.0, None)  # the response timer
        it.say("123456", purpose=Purpose.CODE)
        await asyncio.sleep(200)
    gaps = [after.at - before.at for before, after in pairwise(esme.written)]
    assert gaps[:3] == pytest.approx([10.5, 11.0, 12.0])
    assert gaps[-1] > 20


async def test_a_short_code_text_whose_operator_died_under_it_goes_by_another() -> None:
    it = bench(operator("cheap", cost=1), operator("dear", cost=9))
    async with it.dispatcher.running():
        it.up()
        it.esme("cheap/a").script = lambda written: None
        text = it.say("123456", purpose=Purpose.CODE)
        await asyncio.sleep(0.1)
        it.esme("cheap/a").down()
        await asyncio.sleep(0.1)
    assert [one.bind for one in it.written] == ["cheap/a", "dear/a"]
    assert text.id in it.store.finished


async def test_a_part_that_is_unknown_does_not_keep_the_others_of_a_campaign_text_from_going() -> None:
    it = bench(operator("one", window=1))
    async with it.dispatcher.running():
        it.up()
        esme = it.esme("one/a")
        esme.script = lambda written: (10.0, None) if written.body[5] == 2 else (0.01, 0)
        text = it.say(LONG, purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(30)
    assert [one.body[5] for one in esme.written] == [1, 2, 3]
    assert [it.store.states(text.id, part)[-1] for part in (1, 2, 3)] == [
        State.ACCEPTED,
        State.UNKNOWN,
        State.ACCEPTED,
    ]
    assert it.store.finished == {text.id: False}


@pytest.mark.parametrize(
    ("purpose", "parts", "written", "states"),
    [
        (Purpose.CODE, {1: State.SENT}, [1, 2, 3], {}),
        (Purpose.CODE, {1: State.ACCEPTED, 2: State.SENT}, [2, 3], {}),
        (Purpose.CODE, {1: State.ACCEPTED, 2: State.UNKNOWN}, [2, 3], {}),
        (Purpose.CODE, {1: State.DELIVERED, 2: State.ACCEPTED, 3: State.ACCEPTED}, [], {}),
        (Purpose.CAMPAIGN, {1: State.QUEUED}, [1, 2, 3], {}),
        (Purpose.CAMPAIGN, {1: State.SENT}, [2, 3], {1: State.UNKNOWN}),
        (Purpose.CAMPAIGN, {1: State.ACCEPTED, 2: State.SENT, 3: State.SENT}, [], {2: State.UNKNOWN, 3: State.UNKNOWN}),
        (Purpose.CAMPAIGN, {1: State.ACCEPTED, 2: State.UNKNOWN}, [3], {}),
        (Purpose.CAMPAIGN, {1: State.REJECTED}, [], {}),
    ],
)
async def test_after_a_restart_only_what_may_be_is_written_again(
    purpose: Purpose, parts: dict[int, State], written: list[int], states: dict[int, State]
) -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        text = it.send(outgoing(LONG, purpose=purpose, link=it.esme("one/a").link_name), parts)
        await asyncio.sleep(1)
    assert sorted(one.body[5] for one in it.written) == written
    assert {part: it.store.states(text.id, part)[0] for part in states} == states
    assert it.store.finished == {text.id: False}, "no proof: another process's connection may have taken the rest"


async def test_after_a_restart_the_parts_that_are_left_go_by_the_operator_that_has_the_others() -> None:
    first = bench(operator("cheap", cost=1), operator("dear", cost=9, window=1))
    async with first.dispatcher.running():
        first.esme("dear/a").up()
        first.esme("dear/a").script = lambda written: (0.01, 0) if written.body[5] == 1 else None
        text = first.say(LONG)
        await asyncio.sleep(1)
    second = bench(operator("cheap", cost=1), operator("dear", cost=9), store=first.store)
    async with second.dispatcher.running():
        second.up()
        second.send(text, {1: State.ACCEPTED, 2: State.SENT})
        await asyncio.sleep(1)
    assert not second.esme("cheap/a").written
    assert [one.body[5] for one in second.esme("dear/a").written] == [2, 3]


async def test_texts_that_a_former_process_left_keep_their_order() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        it.send(outgoing("first", to="+8613900000001"), {1: State.SENT})
        it.send(outgoing("second", to="+8613900000001"))
        await asyncio.sleep(1)
    assert [one.body for one in it.written] == [b"first", b"second"]


async def test_what_a_former_process_sent_and_is_too_old_by_now_is_unknown_and_not_expired() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        text = it.send(outgoing(expires_at=wall() + 5), {1: State.SENT})
        await asyncio.sleep(10)
    assert not it.written
    assert it.store.states(text.id) == [State.UNKNOWN, State.UNKNOWN]  # of its part, and of the whole
    assert text.id in it.store.finished


async def test_a_part_that_was_sent_has_a_last_word_though_another_part_failed_before_the_restart() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        text = it.send(outgoing(LONG), {1: State.SENT, 2: State.REJECTED})
        await asyncio.sleep(1)
    assert not it.written
    assert it.store.states(text.id, 1) == [State.UNKNOWN]
    assert text.id in it.store.finished


async def test_what_was_sent_and_then_throttled_is_unknown_when_it_is_too_old() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        esme = it.esme("one/a")
        esme.script = lambda written: (0.01, None if len(esme.written) == 1 else Status.RTHROTTLED)
        text = it.send(outgoing(expires_at=wall() + 5))
        await asyncio.sleep(60)
    assert len(it.written) > 1
    assert it.store.states(text.id)[-1] is State.UNKNOWN, "the operator may have it from the first time"


async def test_changes_follow_each_other_though_the_clock_is_set_back() -> None:
    it = bench(operator("one"))
    it.dispatcher._wall_clock = lambda: wall() - 1000 * int(now() > 5)
    async with it.dispatcher.running():
        it.up()
        esme = it.esme("one/a")
        esme.script = lambda written: (4.0, Status.RTHROTTLED) if len(esme.written) == 1 else (4.0, 0)
        text = it.say("buy", purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(20)
    times = [line.at for line in it.store.lines[text.id]]
    assert times == sorted(times), "their times tell after a crash whether it was sent last, or queued again"


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_a_refusal_for_good_ends_the_text_and_its_other_parts_are_not_sent() -> None:
    it = bench(operator("one", window=1))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: (0.01, Status.RINVDSTADR if written.body[5] == 2 else 0)
        text = it.say(LONG)
        await asyncio.sleep(5)
    assert [one.body[5] for one in it.written] == [1, 2]
    assert it.store.states(text.id, 2)[-1] is State.REJECTED
    assert it.store.lines[text.id][-1].detail == "ESME_RINVDSTADR"
    assert it.store.finished == {text.id: False}


async def test_a_refusal_that_may_pass_is_tried_some_times_also_by_another_operator() -> None:
    it = bench(operator("cheap", cost=1), operator("dear", cost=9))
    async with it.dispatcher.running():
        it.up()
        for esme in it.binds.esmes.values():
            esme.script = lambda written: (0.01, Status.RSYSERR)
        text = it.say()
        await asyncio.sleep(120)
    assert len(it.written) == 8
    assert {one.bind for one in it.written} == {"cheap/a", "dear/a"}
    assert it.store.states(text.id, 1)[-1] is State.REJECTED
    gaps = [after.at - before.at for before, after in pairwise(it.written)]
    assert gaps == sorted(gaps)


async def test_a_status_of_a_vendor_refuses_for_good() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: (0.01, 0x0405)
        text = it.say()
        await asyncio.sleep(5)
    assert len(it.written) == 1
    assert it.store.lines[text.id][-1].detail == "0x00000405"


async def test_a_text_that_the_operators_alphabets_lack_is_rejected() -> None:
    it = bench(operator("one", alphabets=(Alphabet.GSM,)))
    async with it.dispatcher.running():
        it.up()
        text = it.say("余额")
        await asyncio.sleep(1)
    assert it.store.states(text.id) == [State.REJECTED]
    assert text.id in it.store.finished


# --- age -------------------------------------------------------------------------------------------------------------


async def test_what_becomes_too_old_while_nothing_can_be_sent_expires_also_behind_others() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        texts = [it.say(to="+8613900000001", expires_at=wall() + 30) for _ in range(3)]
        later = it.say(to="+8613900000001", expires_at=wall() + 300)
        await asyncio.sleep(35)
        assert all(it.store.states(text.id) == [State.EXPIRED] for text in texts)
        it.up()
        await asyncio.sleep(1)
    assert len(it.written) == 1
    assert it.store.states(later.id, 1)[-1] is State.ACCEPTED


async def test_a_code_that_may_have_arrived_does_not_end_as_expired() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: None
        text = it.say("123456", purpose=Purpose.CODE, expires_at=wall() + 30)
        await asyncio.sleep(1)
        it.esme("one/a").down()
        await asyncio.sleep(35)
    assert it.store.states(text.id, 0) == [State.UNKNOWN]


async def test_a_text_with_parts_on_their_way_ends_with_their_answers() -> None:
    it = bench(operator("one", window=1))
    async with it.dispatcher.running():
        it.up()
        it.esme("one/a").script = lambda written: (20.0, 0)
        text = it.say(LONG, expires_at=wall() + 30)
        await asyncio.sleep(35)
        assert not it.store.finished
        await asyncio.sleep(30)
    assert [one.body[5] for one in it.written] == [1, 2]
    assert it.store.states(text.id, 2)[-1] is State.ACCEPTED
    assert it.store.states(text.id, 0) == [State.EXPIRED]
    assert it.store.finished == {text.id: False}


async def test_a_text_waits_for_its_time() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        it.say("later", to="+8613900000001", not_before=wall() + 100.0, expires_at=wall() + 1000)
        it.say("now", to="+8613900000001")
        await asyncio.sleep(99)
        assert [one.body for one in it.written] == [b"now"]
        await asyncio.sleep(2)
    assert [one.body for one in it.written] == [b"now", b"later"]
    assert 100 <= it.written[1].at < 101


# --- people's rules --------------------------------------------------------------------------------------------------


async def test_all_but_answers_are_judged() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        texts = {purpose: it.say(purpose=purpose) for purpose in Purpose}
        await asyncio.sleep(1)
    assert {id_ for id_, _ in it.rules.asked} == {text.id for p, text in texts.items() if p is not Purpose.ANSWER}
    assert len(it.store.finished) == len(Purpose)


async def test_what_is_refused_by_peoples_rules_ends_and_says_why() -> None:
    it = bench(operator("one"), rules=Rules(lambda text, at: Refuse(Reason.STOPPED)))
    async with it.dispatcher.running():
        it.up()
        text = it.say(purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(1)
    assert not it.written
    assert [(line.state, line.detail) for line in it.store.lines[text.id]] == [(State.REJECTED, "stopped")]
    assert text.id in it.store.finished


async def test_what_must_wait_is_judged_again_then_and_others_to_the_number_go_meanwhile() -> None:
    def until_100(text: Outgoing, at: float) -> Verdict:
        return SEND if text.text == "urgent" or now() >= 100 else Wait(at - now() + 100, "quiet_hours")

    it = bench(operator("one"), rules=Rules(until_100))
    async with it.dispatcher.running():
        it.up()
        it.say("buy", to="+8613900000001", purpose=Purpose.ALERT)
        it.say("urgent", to="+8613900000001", purpose=Purpose.ALERT)
        await asyncio.sleep(99)
        assert [one.body for one in it.written] == [b"urgent"]
        await asyncio.sleep(3)
    assert [one.body for one in it.written] == [b"urgent", b"buy"]
    assert len(it.rules.asked) == 3


async def test_rules_are_asked_when_a_text_can_be_sent_and_again_when_it_waited_after_all() -> None:
    it = bench(operator("one", per_second=1.0))
    async with it.dispatcher.running():
        texts = [it.say(purpose=Purpose.CAMPAIGN) for _ in range(200)]
        await asyncio.sleep(50)
        assert not it.rules.asked, "nothing can be sent"
        it.up()
        await asyncio.sleep(10)
        assert len(it.rules.asked) < 100
        await asyncio.sleep(200)
    written_at = {one.to: one.at for one in it.written}
    asked_at = dict(it.rules.asked)
    for text in texts:
        if (at := written_at.get(text.destination[1:])) is not None:
            assert at - (asked_at[text.id] - wall() + now()) <= 61


async def test_rules_that_cannot_be_asked_let_nothing_pass() -> None:
    def broken(text: Outgoing, at: float) -> Verdict:
        if now() < 10:
            raise OSError("the store is away")
        return SEND

    it = bench(operator("one"), rules=Rules(broken))
    async with it.dispatcher.running():
        it.up()
        text = it.say(purpose=Purpose.CODE)
        answer = it.say()
        await asyncio.sleep(5)
        assert set(it.store.finished) == {answer.id}
        await asyncio.sleep(7)
    assert text.id in it.store.finished


async def test_slow_rules_for_campaigns_do_not_hold_up_codes() -> None:
    it = bench(operator("one"))
    it.rules.delay_s = 5.0
    async with it.dispatcher.running():
        it.up()
        for _ in range(1000):
            it.say(purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(0.1)
        it.rules.delay_s = 0.0
        answer = it.say()
        await asyncio.sleep(0.1)
        assert answer.id in it.store.finished


# --- the question's copies -------------------------------------------------------------------------------------------


async def test_only_a_whole_answer_on_the_questions_own_connection_proves_that_the_copies_may_be_forgotten() -> None:
    it = bench(operator("one", "a", "b", window=2))
    async with it.dispatcher.running():
        it.up()
        link = it.esme("one/a").link_name
        short = it.say(link=link)
        long = it.say(LONG, link=link)
        other = it.say(link="one/a/another/1")
        none = it.say()
        await asyncio.sleep(1)
        it.esme("one/a").script = lambda written: (0.01, Status.RINVDSTADR)
        refused = it.say(link=link)
        await asyncio.sleep(1)
        it.esme("one/a").script = lambda written: None
        late = it.say(link=link)
        await asyncio.sleep(1)
        it.esme("one/a").script = lambda written: (0.01, 0)
        it.esme("one/a").down()
        it.esme("one/a").up()
        await asyncio.sleep(10)
    proven = {
        short.id: True,
        long.id: True,
        other.id: False,
        none.id: False,
        refused.id: False,
        late.id: False,
    }
    assert it.store.finished == proven


async def test_parts_that_two_connections_took_prove_nothing() -> None:
    it = bench(operator("one", window=1))
    async with it.dispatcher.running():
        it.up()
        esme = it.esme("one/a")
        link = esme.link_name
        esme.script = lambda written: (0.01, 0) if written.body[5] == 1 or esme.link_name != link else None
        text = it.say(LONG, link=link)
        await asyncio.sleep(1)
        esme.down()
        esme.up()
        await asyncio.sleep(1)
    assert it.store.finished == {text.id: False}


async def test_a_text_is_finished_in_the_moment_in_which_its_last_answer_is_read() -> None:
    it = bench(operator("one"))
    order: list[str] = []
    it.store.on_finish = lambda: order.append("finish")
    async with it.dispatcher.running():
        it.up()
        esme = it.esme("one/a")
        esme.script = lambda written: None
        it.say()
        esme.answer(esme.open[0], 0)
        order.append("what the operator sent next")
    assert order == ["finish", "what the operator sent next"]


# --- other nodes, the end, and figures -------------------------------------------------------------------------------


class OtherNodes:
    def __init__(self) -> None:
        self.handed: list[tuple[str, str]] = []
        self.fails = 0

    async def hand_over(self, kept: Kept, node: str) -> bool:
        await asyncio.sleep(0.1)
        if self.fails:
            self.fails -= 1
            raise OSError("the store is away")
        self.handed.append((kept.id, node))
        return True


async def test_what_only_another_node_can_send_is_handed_over_in_order() -> None:
    nodes = OtherNodes()
    nodes.fails = 2
    it = bench(operator("one", single=True), operator("two", prefixes=("+44",)), nodes=nodes)
    way = it.binds.ways["one"][0]
    way.lease = lease = Lease(way.name, lambda held: None)
    lease.holder = "north"
    async with it.dispatcher.running():
        it.esme("two/a").up()
        texts = [it.say(f"{number}", to="+8613900000001") for number in range(4)]
        others = [it.say() for _ in range(30)]
        mine = it.say(to="+447700900001")
        await asyncio.sleep(10)
        assert mine.id in it.store.finished
        assert {id_ for id_, _ in nodes.handed} == {text.id for text in (*texts, *others)}
        assert [id_ for id_, _ in nodes.handed if id_ in {text.id for text in texts}] == [text.id for text in texts]
        assert {node for _, node in nodes.handed} == {"north"}
        assert not it.esme("one/a").written
        assert len(it.dispatcher) == 0
    assert set(it.store.finished) == {mine.id}


async def test_nothing_is_written_while_our_texts_may_be_another_nodes() -> None:
    it = bench(operator("one"), store=Store(delay_s=0.5))
    async with it.dispatcher.running():
        it.up()
        campaign = it.say("buy", purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(0.1)
        it.dispatcher.allow(False)
        it.say()
        await asyncio.sleep(5)
        assert not it.written, "nor what was being noted"
        assert it.store.states(campaign.id, 1) == [State.SENT], "whoever has it now tells of it"
        it.dispatcher.allow(True)
        await asyncio.sleep(5)
    assert len(it.written) == 2


async def test_a_drain_sends_what_can_be_sent_and_answers_how_much_is_left() -> None:
    it = bench(operator("one", per_second=10.0, prefixes=("+86",)), operator("two", prefixes=("+44",)))
    async with it.dispatcher.running():
        it.esme("one/a").up()
        for _ in range(20):
            it.say()
        it.say(to="+447700900001")
        it.say(not_before=wall() + 100.0)
        began = now()
        assert await it.dispatcher.drain(30.0) == 2
        assert now() - began < 5, "what cannot be sent is not waited for"
        assert len(it.written) == 20
        it.up()
        await asyncio.sleep(5)
        assert len(it.written) == 20, "nothing more is written"


async def test_a_drain_ends_at_its_deadline() -> None:
    it = bench(operator("one", per_second=10.0))
    async with it.dispatcher.running():
        it.up()
        for _ in range(100):
            it.say()
        began = now()
        assert await it.dispatcher.drain(2.0) in range(75, 82)
        assert now() - began == pytest.approx(2.0, abs=0.2)


async def test_figures_tell_depth_and_age_by_purpose_and_operator() -> None:
    it = bench(operator("one", prefixes=("+86",)), operator("two", prefixes=("+44",)))
    async with it.dispatcher.running():
        it.say()
        await asyncio.sleep(20)
        it.say()
        it.say(to="+447700900001", purpose=Purpose.CODE)
        it.say(not_before=wall() + 100.0)
        await asyncio.sleep(10)
        figures = {(one.purpose, one.operator): (one.texts, round(one.oldest_s)) for one in it.dispatcher.figures()}
        assert figures == {(Purpose.ANSWER, "one"): (2, 30), (Purpose.CODE, "two"): (1, 10)}
        texts, oldest_s = it.dispatcher.depths()[Purpose.ANSWER]
        assert (texts, round(oldest_s)) == (2, 30)
        it.up()
        await asyncio.sleep(1)
        assert it.dispatcher.figures() == ()


async def test_a_text_shows_why_it_goes_where_it_goes() -> None:
    it = bench(operator("cheap", cost=1), operator("dear", cost=9), operator("north", prefixes=("+86",), cost=99))
    async with it.dispatcher.running():
        it.esme("cheap/a").up()
        it.esme("dear/a").up()
        reasons = [(one.operator, one.why, one.state) for one in it.dispatcher.reasons(outgoing())]
    assert reasons == [("north", "prefix", "down"), ("cheap", "other", "well"), ("dear", "other", "well")]
