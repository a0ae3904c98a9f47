from __future__ import annotations

import asyncio
from pathlib import Path

from sms.messages import Change, Purpose, State
from sms.store.heard import Became
from sms.store.lives import MAX_OF_NUMBER
from tests.unit.sms.lives_world import BEGIN, NUMBER, OPERATOR, OTHER, lives_world, outgoing, receipt


async def test_a_text_is_followed_from_its_storing_to_its_delivery(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        text = outgoing(origin="m-17")
        await world.begin(text)
        assert await world.state() is State.QUEUED
        await world.sent(text)
        assert await world.state() is State.SENT
        assert await world.accepted(text, "A0F") == []
        assert await world.state() is State.ACCEPTED
        world.clock.now += 4
        outcome = await world.heard(receipt("2575", done="2603021015"))
        assert (outcome.became, outcome.id, outcome.purpose) == (Became.MATCHED, "t1", Purpose.ALERT)
        assert (outcome.before, outcome.after) == (State.ACCEPTED, State.DELIVERED)
        assert world.outcomes == [outcome]
        life = await world.lives.life("t1")
        assert life is not None
        assert (life.received, life.number, life.address) == (False, "+86139****0001", "95500")
        assert (life.purpose, life.origin, life.of, life.parts) == (Purpose.ALERT, "m-17", 1, ((1, State.DELIVERED),))
        assert [change.state for change in life.changes] == [
            State.QUEUED,
            State.SENT,
            State.ACCEPTED,
            State.DELIVERED,
        ]
        last = life.changes[-1]
        assert (last.remote_id, last.bind, last.detail) == ("A0F", "alpha/1", "DELIVRD err 000 at 2603021015")
        assert last.at == world.clock.now


async def test_a_text_of_a_customer_and_its_answers_lead_to_each_other(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        first = world.lives.received(
            "1-0", NUMBER, "95500", 5.0, parts=3, bind="alpha/1", kind="balance", handled_at=6.5, answers=("t1", "t2")
        )
        await world.journal.write(BEGIN, first.keys, *first.arguments)
        await world.begin(outgoing("t1", origin="1-0"))
        life = await world.lives.life("1-0")
        assert life is not None
        assert life.handled is not None
        assert (life.received, life.of, life.bind, life.at) == (True, 3, "alpha/1", 5.0)
        assert (life.handled.kind, life.handled.at, life.answers) == ("balance", 6.5, ("t1", "t2"))
        answer = await world.lives.life("t1")
        assert answer is not None
        assert answer.origin == "1-0"
        assert await world.lives.find(NUMBER) == ["t1", "1-0"]


async def test_texts_are_found_by_number_by_id_and_by_the_operators_id(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        one, two, three = outgoing("t1"), outgoing("t2"), outgoing("t3", OTHER)
        await world.begin(one, two, three)
        await world.accepted(one, "00A0F")
        assert await world.lives.find(NUMBER) == ["t2", "t1"]
        assert await world.lives.find("t3") == ["t3"]
        assert await world.lives.find("2575", ["beta", "alpha"]) == ["t1"]
        assert await world.lives.find("a0f", ["alpha"]) == ["t1"]
        assert await world.lives.find("a0f", ["beta"]) == []
        assert await world.lives.find("+8613900000009") == []
        assert await world.lives.life("nobody") is None


async def test_lines_that_meet_in_one_round_trip_are_all_written_in_order(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        texts = [outgoing(f"t{n}") for n in range(300)]
        await world.begin(*texts)
        futures = [world.lives.note(text.id, Change(1.0, State.SENT, 1)) for text in texts]
        futures += [world.lives.accepted(text, 1, 1, OPERATOR, "alpha/1", f"r{text.id}", 2.0) for text in texts]
        for future in futures:
            assert await future == []
        for text in texts:
            life = await world.lives.life(text.id)
            assert life is not None
            assert [change.state for change in life.changes] == [State.QUEUED, State.SENT, State.ACCEPTED]


async def test_no_more_is_kept_of_a_number_than_may_be_and_nothing_for_ever(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        texts = [outgoing(f"t{n}") for n in range(MAX_OF_NUMBER + 30)]
        await world.begin(*texts)
        await world.accepted(texts[-1], "77")
        await world.heard(receipt("78"))
        found = await world.lives.find(NUMBER)
        assert (len(found), found[0]) == (MAX_OF_NUMBER, texts[-1].id)
        for key in await world.store.redis.keys("*"):
            assert await world.store.redis.ttl(key) > 0, key


async def test_what_was_stored_twice_begins_once(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        text = outgoing()
        await world.begin(text, text)
        await world.sent(text)
        life = await world.lives.life("t1")
        assert life is not None
        assert [change.state for change in life.changes] == [State.QUEUED, State.SENT]
        assert await world.lives.find(NUMBER) == ["t1"]


async def test_a_life_whose_beginning_is_gone_still_tells_what_it_has(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        await world.sent(outgoing())
        life = await world.lives.life("t1")
        assert life is not None
        assert (life.state, life.number, life.purpose) == (State.SENT, "", None)
        assert await world.lives.parts("t1") == {1: State.SENT}


async def test_nothing_is_in_clear(tmp_path: Path) -> None:
    async with lives_world(tmp_path) as world:
        text = outgoing(origin="m-1")
        await world.begin(text)
        await world.sent(text)
        await world.accepted(text, "SAR-8613900000001-1eedf843-1")
        outcome = await world.heard(receipt("SAR-8613900000001-1EEDF843-1"))
        assert (outcome.became, await world.state()) == (Became.MATCHED, State.DELIVERED)
        await world.heard(receipt("SAR-8613900000001-77"))
        stored = await world.everything()
        for secret in (b"13900000001", b"00000001", b"271828", b"SECRET"):
            assert secret not in stored


async def test_a_line_that_waits_for_the_next_one_is_written_with_it_after_a_moment_or_at_the_end(
    tmp_path: Path,
) -> None:
    async with lives_world(tmp_path) as world:
        async with world.lives.running():
            for id_ in ("t1", "t2", "t3"):
                await world.begin(outgoing(id_))
            world.lives.soon("t1", Change(1.0, State.SENT, 1), 2)
            world.lives.soon("t1", Change(1.0, State.SENT, 2), 2)
            assert await world.state("t1") is State.QUEUED
            await world.lives.accepted(outgoing("t1"), 1, 2, OPERATOR, "alpha/1", "7", 2.0)
            assert await world.lives.parts("t1") == {1: State.ACCEPTED, 2: State.SENT}
            assert await world.store.redis.llen("test:{sms}:life:t1") == 2, "in one step"
            world.lives.soon("t2", Change(1.0, State.SENT, 1))
            async with asyncio.timeout(10):
                while await world.state("t2") is not State.SENT:
                    pass
            world.lives.soon("t3", Change(1.0, State.SENT, 1))
        assert await world.state("t3") is State.SENT
        assert (await world.heard(receipt("7"))).after is State.SENT
        assert await world.lives.operator_of("t1") == "alpha"
