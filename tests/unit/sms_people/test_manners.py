"""What becomes of a text: STOP, the night, rates over all nodes, sender ids, and codes to SIMs that are fresh."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import Store, open_store
from core_client.errors import Unavailable
from core_client.testing.world import world
from flows.zones import zone_of
from sms.messages import Outgoing, Purpose
from sms.operators import Operator
from sms.people.floods import Answering
from sms.people.manners import Manners
from sms.people.quiet import NEVER, QuietHours
from sms.people.settings import MannersSettings, Rate
from sms.people.verdicts import SEND, Reason, Refuse, Verdict, Wait
from sms.store.journal import Journal

LI, WANG = "+8613900000003", "+8613900000001"
NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=zone_of("Asia/Shanghai")).timestamp()
NIGHT = NOON + 10 * 3600
MORNING = NOON + 20 * 3600
SEALER = Sealer(bytes(range(32)))
UNASKED = (Purpose.RESULT, Purpose.ALERT, Purpose.CAMPAIGN)
LOOSE = MannersSettings(to_number={}, senders=("95500",))


def text(purpose: Purpose, id_: str = "t1", number: str = LI, source: str = "95500", operator: str = "") -> Outgoing:
    return Outgoing(id_, source, number, "words", purpose, 1, NOON, NOON + 86_400, operator=operator)


class Word:
    """A bank's word on numbers."""

    def __init__(self) -> None:
        self.stopped: set[str] = set()
        self.fresh: set[str] = set()
        self.down = False
        self.asked = 0

    async def has_stopped(self, number: str) -> bool:
        self.asked += 1
        if self.down:
            raise Unavailable("down")
        return number in self.stopped

    async def may_have_code(self, number: str) -> bool:
        return number not in self.fresh


class Watch:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@dataclasses.dataclass
class Bench:
    """A judge, and what it asks."""

    store: Store
    journal: Journal
    word: Word
    watch: Watch

    def manners(self, settings: MannersSettings = LOOSE, *operators: Operator) -> Manners:
        return Manners(settings, operators, self.word, self.journal, SEALER, clock=self.watch)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_store(None, tmp_path) as store:
        journal = Journal(store.redis)
        async with journal.running():
            yield Bench(store, journal, Word(), Watch())


# --- STOP ---


async def test_stop_stops_what_heeds_it_and_nothing_that_was_asked_for(bench: Bench) -> None:
    bench.word.stopped.add(LI)
    manners = bench.manners()
    for purpose in Purpose:
        expected: Verdict = Refuse(Reason.STOPPED) if purpose in (Purpose.ALERT, Purpose.CAMPAIGN) else SEND
        assert await manners.judge(text(purpose), NOON) == expected
        assert await manners.judge(text(purpose, number=WANG), NOON) == SEND


async def test_stop_takes_effect_for_a_text_that_waited_over_the_night(bench: Bench) -> None:
    manners = bench.manners()
    assert await manners.judge(text(Purpose.CAMPAIGN), NIGHT) == Wait(MORNING, "quiet_hours")
    bench.word.stopped.add(LI)
    bench.watch.now += MORNING - NIGHT
    assert await manners.judge(text(Purpose.CAMPAIGN), MORNING) == Refuse(Reason.STOPPED)


async def test_what_the_bank_said_is_believed_for_seconds_and_forgotten_on_demand(bench: Bench) -> None:
    manners = bench.manners()
    for _ in range(5):
        assert await manners.judge(text(Purpose.ALERT), NOON) == SEND
    assert bench.word.asked == 1
    bench.word.stopped.add(LI)
    bench.watch.now += LOOSE.stop_cache_s
    assert await manners.judge(text(Purpose.ALERT), NOON) == Refuse(Reason.STOPPED)
    bench.word.stopped.clear()
    manners.forget(LI)
    assert await manners.judge(text(Purpose.ALERT), NOON) == SEND


async def test_a_start_that_another_node_heard_counts_at_once_for_a_refusal_is_for_good(bench: Bench) -> None:
    manners = bench.manners()
    bench.word.stopped.add(LI)
    assert await manners.judge(text(Purpose.CAMPAIGN), NOON) == Refuse(Reason.STOPPED)
    bench.word.stopped.clear()  # START, and nobody told this node to forget
    assert await manners.judge(text(Purpose.CAMPAIGN, "t2"), NOON) == SEND


async def test_a_bank_that_is_down_lets_no_campaign_and_no_alert_go_and_hinders_nothing_else(bench: Bench) -> None:
    bench.word.down = True
    manners = bench.manners()
    for purpose in Purpose:
        verdict = await manners.judge(text(purpose), NOON)
        if purpose.heeds_stop:
            assert verdict == Wait(NOON + LOOSE.retry_s, "bank_down")
        else:
            assert verdict == SEND
    bench.word.down = False
    assert await manners.judge(text(Purpose.CAMPAIGN), NOON + LOOSE.retry_s) == SEND  # silence is not remembered


async def test_stop_said_to_the_bank_reaches_the_judge(bench: Bench) -> None:
    async with world() as bank:
        manners = Manners(LOOSE, (), bank.bank.messaging, bench.journal, SEALER, clock=bench.watch)
        session = (await bank.core.arrive("sms", LI)).auth_session_id
        for stopped, expected in ((True, Refuse(Reason.STOPPED)), (False, SEND)):
            await bank.perform(session, "customer.stop_messages", "sms", stopped=stopped)
            manners.forget(LI)
            assert await manners.judge(text(Purpose.CAMPAIGN), NOON) == expected


# --- the night ---


async def test_everything_but_answers_and_codes_waits_for_the_morning(bench: Bench) -> None:
    manners = bench.manners()
    for purpose in Purpose:
        expected = Wait(MORNING, "quiet_hours") if purpose in UNASKED else SEND
        assert await manners.judge(text(purpose), NIGHT) == expected
        assert await manners.judge(text(purpose), MORNING) == SEND


async def test_a_text_that_is_for_later_waits_until_then(bench: Bench) -> None:
    later = dataclasses.replace(text(Purpose.ALERT), not_before=NOON + 60)
    manners = bench.manners()
    assert await manners.judge(later, NOON) == Wait(NOON + 60, "not_before")
    assert await manners.judge(later, NOON + 60) == SEND


# --- rates ---


async def test_a_number_gets_so_many_and_the_next_when_the_first_is_old(bench: Bench) -> None:
    rates = {Purpose.ALERT: (Rate(2, 60), Rate(3, 600))}
    manners = bench.manners(MannersSettings(to_number=rates, senders=("95500",)))
    assert await manners.judge(text(Purpose.ALERT, "a"), NOON) == SEND
    assert await manners.judge(text(Purpose.ALERT, "b"), NOON + 10) == SEND
    assert await manners.judge(text(Purpose.ALERT, "c"), NOON + 20) == Wait(NOON + 60, "rate")
    assert await manners.judge(text(Purpose.ALERT, "w", WANG), NOON + 20) == SEND  # somebody else's share
    assert await manners.judge(text(Purpose.RESULT, "r"), NOON + 20) == SEND  # another purpose's share
    assert await manners.judge(text(Purpose.ALERT, "c"), NOON + 60) == SEND
    # The longer window is full now: the fourth within ten minutes.
    assert await manners.judge(text(Purpose.ALERT, "d"), NOON + 200) == Wait(NOON + 600, "rate")


async def test_a_text_that_is_judged_again_is_counted_once(bench: Bench) -> None:
    manners = bench.manners(MannersSettings(to_number={Purpose.ALERT: (Rate(2, 60),)}, senders=("95500",)))
    for _ in range(5):
        assert await manners.judge(text(Purpose.ALERT, "same"), NOON) == SEND
    assert await manners.judge(text(Purpose.ALERT, "other"), NOON) == SEND
    assert await manners.judge(text(Purpose.ALERT, "same"), NOON + 1) == SEND
    assert await manners.judge(text(Purpose.ALERT, "third"), NOON + 1) == Wait(NOON + 60, "rate")


async def test_two_nodes_share_a_rate_whatever_they_do_at_once(bench: Bench) -> None:
    settings = MannersSettings(
        to_number={Purpose.CAMPAIGN: (Rate(7, 3600),)}, quiet=QuietHours(NEVER), senders=("95500",)
    )
    async with contextlib.AsyncExitStack() as stack:
        nodes = []
        for _ in range(3):
            journal = await stack.enter_async_context(Journal(bench.store.redis).running())
            nodes.append(Manners(settings, (), bench.word, journal, SEALER, clock=bench.watch))
        judged = [nodes[i % 3].judge(text(Purpose.CAMPAIGN, f"t{i}"), NOON + i / 1000) for i in range(90)]
        verdicts = await asyncio.gather(*judged)
    assert sum(one == SEND for one in verdicts) == 7


async def test_one_sender_has_a_rate_over_all_numbers(bench: Bench) -> None:
    settings = dataclasses.replace(LOOSE, from_sender={Purpose.CAMPAIGN: (Rate(5, 60),)}, senders=("95500", "BANK"))
    manners = bench.manners(settings)
    numbers = [f"+86139000010{i:02d}" for i in range(8)]
    verdicts = [await manners.judge(text(Purpose.CAMPAIGN, f"t{n}", n), NOON) for n in numbers]
    assert verdicts == [SEND] * 5 + [Wait(NOON + 60, "rate")] * 3
    assert await manners.judge(text(Purpose.CAMPAIGN, "b", source="BANK"), NOON) == SEND


async def test_the_store_knows_no_number_and_forgets_what_is_old(bench: Bench) -> None:
    manners = bench.manners(MannersSettings(senders=("95500",)))
    for purpose in Purpose:
        assert await manners.judge(text(purpose), NOON) == SEND
    keys = [key.decode() async for key in bench.store.redis.scan_iter()]
    assert keys
    for key in keys:
        assert LI[-8:] not in key
        assert await bench.store.redis.ttl(key) > 0


async def test_a_store_that_is_down_lets_nothing_go_that_is_counted(bench: Bench) -> None:
    broken = Journal(bench.store.redis)
    async with broken.running():
        pass  # stopped: every change is refused
    settings = MannersSettings(senders=("95500",))
    manners = Manners(settings, (), bench.word, broken, SEALER, clock=bench.watch)
    assert await manners.judge(text(Purpose.CAMPAIGN), NOON) == Wait(NOON + settings.retry_s, "store_down")
    assert await manners.judge(text(Purpose.ANSWER), NOON) == SEND


# --- codes ---


async def test_a_code_never_goes_to_a_fresh_sim_and_says_which_prompt_tells_it(bench: Bench) -> None:
    bench.word.fresh.add(LI)
    manners = bench.manners()
    verdict = await manners.judge(text(Purpose.CODE), NOON)
    assert verdict == Refuse(Reason.SIM_FRESH)
    assert verdict.reason.prompt == "refused_sim_fresh"
    assert await manners.judge(text(Purpose.CODE, number=WANG), NOON) == SEND
    assert await manners.judge(text(Purpose.RESULT), NOON) == SEND  # only codes are a secret


async def test_codes_without_end_are_refused_rather_than_late(bench: Bench) -> None:
    manners = bench.manners(MannersSettings(to_number={Purpose.CODE: (Rate(2, 600),)}, senders=("95500",)))
    verdicts = [await manners.judge(text(Purpose.CODE, f"c{i}"), NOON) for i in range(3)]
    assert verdicts == [SEND, SEND, Refuse(Reason.TOO_MANY)]


# --- sender ids ---


async def test_only_declared_sender_ids_are_used_and_the_refusal_says_which(bench: Bench) -> None:
    alpha, beta = Operator("alpha", (), senders=("BANK",)), Operator("beta", (), senders=("955",))
    manners = bench.manners(LOOSE, alpha, beta, Operator("gamma", ()))
    for source in ("", "BANK", "955", "95500"):
        assert await manners.judge(text(Purpose.RESULT, source=source), NOON) == SEND
    verdict = await manners.judge(text(Purpose.RESULT, source="B4NK"), NOON)
    assert isinstance(verdict, Refuse)
    assert verdict.reason is Reason.SENDER
    assert "'B4NK'" in verdict.detail
    assert "955, 95500, BANK" in verdict.detail
    # One that must go by an operator has a sender id of that operator, or the bank's own.
    assert await manners.judge(text(Purpose.RESULT, source="BANK", operator="alpha"), NOON) == SEND
    assert await manners.judge(text(Purpose.RESULT, source="95500", operator="alpha"), NOON) == SEND
    assert isinstance(await manners.judge(text(Purpose.RESULT, source="955", operator="alpha"), NOON), Refuse)
    assert await manners.judge(text(Purpose.RESULT, source="955", operator="gamma"), NOON) == SEND


async def test_a_refusal_shows_no_number_in_full(bench: Bench) -> None:
    verdict = await bench.manners().judge(text(Purpose.RESULT, source=WANG), NOON)
    assert isinstance(verdict, Refuse)
    assert WANG not in verdict.detail
    assert WANG[1:] not in verdict.detail


# --- answers ---


async def test_a_flood_from_one_number_is_answered_so_often_warned_once_and_then_not(bench: Bench) -> None:
    manners = bench.manners(dataclasses.replace(LOOSE, answers=Rate(4, 60)))
    assert [manners.allow_answer(LI) for _ in range(7)] == [True] * 5 + [False] * 2  # the fifth is the warning
    assert manners.answering(LI) is Answering.NOT_AT_ALL
    bench.watch.now += LOOSE.silence_s
    assert manners.answering(LI) is Answering.AS_EVER
