"""Texts that trip us while they are sent, and a process that was away: nothing stands still, nothing goes twice."""

from __future__ import annotations

import asyncio

import pytest

from core_client.errors import Unavailable
from sms.messages import Outgoing, Purpose, State
from sms.people.verdicts import SEND, Verdict
from sms.sending.dispatcher import JUDGED_AHEAD
from tests.unit.sms.sending_world import Rules, Store, bench, operator, outgoing


@pytest.mark.looptime
async def test_a_text_that_cannot_be_written_is_given_up_and_the_next_to_its_number_goes() -> None:
    it = bench(operator("north", prefixes=("+",)))
    messages = it.dispatcher._writers["north"].messages

    def trip(text: Outgoing, now: float) -> object:
        if text.id == "trips":
            raise ValueError("hello")
        return messages(text, now)

    it.dispatcher._writers["north"].messages = trip  # type: ignore[method-assign, assignment]
    async with it.dispatcher.running():
        it.up()
        it.say(id="trips", to="+8613900000001")
        it.say(id="next", to="+8613900000001")
        await asyncio.sleep(1)
        assert [one.to for one in it.written] == ["8613900000001"]
        assert it.store.states("trips")[-1:] == [State.REJECTED]
        assert len(it.dispatcher) == 0


@pytest.mark.looptime
async def test_texts_about_which_nobody_answers_keep_no_others_from_being_asked_about_and_grow_too_old() -> None:
    def verdict(text: Outgoing, now: float) -> Verdict:
        if text.id.startswith("stuck"):
            raise Unavailable("the bank")
        return SEND

    it = bench(operator("north", prefixes=("+",)), rules=Rules(verdict))
    async with it.dispatcher.running():
        it.up()
        for number in range(JUDGED_AHEAD + 6):
            it.say(id=f"stuck-{number}", purpose=Purpose.ALERT)
        good = it.say(purpose=Purpose.ALERT)
        await asyncio.sleep(5)
        assert State.ACCEPTED in it.store.states(good.id)
        await asyncio.sleep(620)
        assert it.store.states("stuck-0")[-1] is State.EXPIRED
        assert len(it.dispatcher) == 0


@pytest.mark.looptime
async def test_a_process_that_was_away_writes_nothing_before_its_name_is_surely_its_own() -> None:
    sure = True
    it = bench(operator("north", prefixes=("+",)), store=Store(delay_s=1.0), is_sure=lambda: sure)
    async with it.dispatcher.running():
        it.up()
        text = it.say(purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(0.5)  # it is being noted as sent
        sure = False
        it.say()
        await asyncio.sleep(5)
        assert it.written == []
        assert it.store.states(text.id) == [State.SENT], "whoever has it now tells of it"
        sure = True
        await asyncio.sleep(5)
        assert len(it.written) == 2


@pytest.mark.looptime
async def test_a_text_that_may_have_been_sent_and_grew_too_old_unseen_is_unknown() -> None:
    it = bench(operator("north", prefixes=("+",)))
    async with it.dispatcher.running():
        first = it.say(to="+8613900000001", purpose=Purpose.CAMPAIGN)
        late = outgoing(to="+8613900000001", purpose=Purpose.CAMPAIGN)
        it.send(late, {1: State.SENT})
        await asyncio.sleep(700)
        assert it.store.states(first.id)[-1] is State.EXPIRED
        assert it.store.states(late.id)[-1] is State.UNKNOWN
