"""People's rules through the whole gateway, over SMPP: what a customer reads when a text is held back, and what not."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from core_client.testing.sim_swaps import ScriptedSims
from sms.messages import Purpose, State
from sms.people.settings import Rate
from tests.unit.sms.sms_world import AWAKE, ENGLISH, STRANGER, WANG, sms_world

SETTLED, FRESH = math.inf, 3.0


async def test_a_customer_with_a_fresh_sim_reads_that_no_code_is_sent_and_no_money_moves(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        world.bank.sims.hours.update({WANG: FRESH, ENGLISH: 71.9})
        assert "无法向该号码发送验证码，您的资金没有变动" in await world.ask("转账 20 LILEI", WANG)
        answer = await world.ask("SEND 20 LILEI", ENGLISH)
        assert "cannot send a code" in answer
        assert "No money has moved" in answer
        assert "SIM" not in answer  # what gave it away is not told
        world.bank.sims.hours[ENGLISH] = 72.0
        assert "reply within 10 minutes" in await world.ask("SEND 20 LILEI", ENGLISH)
        assert "8,000.00" in await world.ask("BAL", ENGLISH)


class SwappedMeanwhile(ScriptedSims):
    """The SIM is fresh from the second question on."""

    async def hours_since_swap(self, number: str) -> float | None:
        self.asked.append(number)
        return SETTLED if len(self.asked) == 1 else FRESH


async def test_a_code_whose_sim_is_swapped_while_it_waits_is_not_sent_and_the_customer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sms_world(tmp_path) as world:
        monkeypatch.setattr(world.bank.sims, "hours_since_swap", SwappedMeanwhile().hours_since_swap)
        answer = await world.ask("SEND 20 LILEI", ENGLISH)
        assert "cannot send a code" in answer
        assert not world.smsc.waiting


async def test_more_codes_than_anybody_needs_are_refused_in_words(tmp_path: Path) -> None:
    settings = dataclasses.replace(AWAKE, to_number={Purpose.CODE: (Rate(2, 600),)})
    async with sms_world(tmp_path, manners=settings) as world:
        for _ in range(2):
            assert "within 10 minutes" in await world.ask("SEND 20 LILEI", ENGLISH)
        assert "cannot send a code" in await world.ask("SEND 20 LILEI", ENGLISH)


async def test_a_flood_gets_its_answers_one_warning_and_silence_and_nobody_else_is_silenced(tmp_path: Path) -> None:
    settings = dataclasses.replace(AWAKE, answers=Rate(3, 600))
    async with sms_world(tmp_path, manners=settings) as world:
        for _ in range(3):
            assert "8,000.00" in await world.ask("BAL", ENGLISH)
        assert "many messages" in await world.ask("BAL", ENGLISH)
        for _ in range(4):
            await world.text("BAL", ENGLISH)
        assert "12,345.67" in await world.ask("BAL", WANG)
        await world.gateway.drain(5)
        assert not world.smsc.waiting


@pytest.mark.parametrize(("number", "warned", "silenced"), [(ENGLISH, "STOP", "BLOCK"), (WANG, "挂失", "TD")])
async def test_stop_and_a_lost_card_are_carried_out_even_in_a_flood_and_not_answered(
    tmp_path: Path, number: str, warned: str, silenced: str
) -> None:
    settings = dataclasses.replace(AWAKE, answers=Rate(1, 600))
    async with sms_world(tmp_path, manners=settings) as world:
        await world.ask("BAL", number)
        warning = await world.ask(warned, number)
        assert "many messages" in warning or "过于频繁" in warning
        await world.text("BAL", number)
        await world.text(silenced, number)
        assert await world.gateway.drain(5) == 0
        assert not world.smsc.waiting
        ports = world.bank.bank.ports
        assert await world.bank.bank.messaging.has_stopped(number)
        customer = await ports.registry.customer_by_line(number)
        assert customer is not None
        assert [card.state for card in await ports.registry.cards(customer.id)] == ["blocked"]


async def test_stop_stops_alerts_and_campaigns_to_any_number_and_start_brings_them_back(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        for number in (ENGLISH, STRANGER):
            await world.ask("STOP", number)
            for purpose in (Purpose.CAMPAIGN, Purpose.ALERT):
                name = f"{number}-{purpose}"
                await world.gateway.send(number, "an offer", name, purpose)
            await world.gateway.send(number, "paid", f"{number}-result", Purpose.RESULT)
            assert (await world.smsc.receive(to=number)).text == "paid"
            assert "on again" in await world.ask("START", number)
            await world.gateway.send(number, "a new offer", f"{number}-again", Purpose.CAMPAIGN)
            assert (await world.smsc.receive(to=number)).text == "a new offer"
            life = await world.gateway.lives.life(f"{number}-campaign")
            assert life is not None
            assert [(one.state, one.detail) for one in life.changes][-1] == (State.REJECTED, "stopped")


async def test_a_missed_calls_balance_is_the_same_text_as_a_texted_one(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        asked = await world.ask("余额", WANG)
        await world.gateway.begin(WANG, "balance", "missed-1")
        assert (await world.smsc.receive(to=WANG)).text == asked
