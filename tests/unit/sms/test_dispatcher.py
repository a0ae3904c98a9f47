from __future__ import annotations

import asyncio

import pytest

from sms.messages import Purpose, State
from tests.unit.sms.sending_world import LONG, bench, operator

pytestmark = pytest.mark.looptime


async def test_a_text_is_written_noted_and_finished() -> None:
    it = bench(operator("one"))
    async with it.dispatcher.running():
        it.up()
        text = it.say("hello")
        assert len(it.esme("one/a").written) == 1, "at once"
        await asyncio.sleep(1)
    assert it.store.states(text.id, 1) == [State.SENT, State.ACCEPTED]
    assert it.store.finished == {text.id: False}
    assert len(it.dispatcher) == 0


async def test_a_long_text_goes_whole_and_in_order() -> None:
    it = bench(operator("one", window=1))
    async with it.dispatcher.running():
        it.up()
        text = it.say(LONG)
        await asyncio.sleep(1)
    assert [one.body[5] for one in it.written] == [1, 2, 3]
    assert sorted(it.store.accepted[text.id]) == [(n, 3, f"one/a-{n - 1}") for n in (1, 2, 3)]


async def test_a_code_overtakes_ten_thousand_campaign_texts() -> None:
    it = bench(operator("one", per_second=100.0))
    async with it.dispatcher.running():
        it.up()
        for _ in range(10_000):
            it.say("buy", purpose=Purpose.CAMPAIGN)
        await asyncio.sleep(5)
        before = len(it.written)
        code = it.say("123456", purpose=Purpose.CODE)
        at = asyncio.get_running_loop().time()
        await asyncio.sleep(0.5)
        mine = next(one for one in it.written if one.to == code.destination[1:])
        assert mine.at - at < 0.05
        assert 400 < before < 600
