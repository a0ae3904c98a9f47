"""What follows an enquiry is said the short way exactly as the engine walks it."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from core_client.domain.money import Money
from core_client.domain.values import Value
from core_client.operations import REASONS, REGISTRY, UNAUTHENTICATED, Field, Kind, Type
from flows.dialogue import SECRET_LOST, Channel, End, Facts, OperationAnswered, Party, Perform, Say, Trigger, Turn
from flows.engine import Engine
from flows.figures import Figures
from flows.model import Flow
from flows.session import Session
from flows.store import FlowStore

SHIPPED = FlowStore().current("retail")
NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
FACTS = Facts(NOON)
WORDS = st.text("abcXYZ 余额李雷'é", min_size=1, max_size=12)
BASIC: dict[Type, st.SearchStrategy[Any]] = {
    Type.MONEY: st.builds(Money, st.integers(-(10**9), 10**12), st.sampled_from(["CNY", "USD"])),
    Type.DIGITS: st.text("0123456789", min_size=4, max_size=4),
    Type.NUMBER: st.integers(0, 3),
    Type.DATE: st.dates(datetime.date(2020, 1, 1), datetime.date(2030, 1, 1)),
    Type.FLAG: st.booleans(),
}


def _value(field: Field) -> st.SearchStrategy[Any]:
    if field.type is Type.LIST:
        return st.lists(_record(field.fields or {}), max_size=3).map(tuple)
    if field.fields:
        return _record(field.fields)
    return BASIC.get(field.type, WORDS)


def _record(fields: Any) -> st.SearchStrategy[dict[str, Value]]:
    return st.fixed_dictionaries({name: _value(field) for name, field in fields.items()})


def _trigger(flow: Flow, step: str, language: str, party: Party, name: str) -> Trigger:
    return Trigger(flow.name, Channel.SMS, party, name, f"auth-{name}", NOON, step, {}, language)


def _party(name: str, own: str | None) -> Party:
    return Party(f"+86139{len(name):08d}", identified=True, language=own)


def _enquiries(flow: Flow) -> Iterator[tuple[str, str]]:
    """Answer the steps that texts without slots begin at and that ask the bank something, in each language."""
    engine = Engine(flow)
    for step in sorted({pattern.step for pattern in flow.sms_patterns}):
        for language in flow.languages:
            try:
                _, turn = engine.start(_trigger(flow, step, language, _party("x", language), "x"), FACTS)
            except (KeyError, ValueError):
                continue
            wait = turn.wait
            if isinstance(wait, Perform) and not wait.arguments and REGISTRY[wait.operation].kind is Kind.ENQUIRY:
                yield step, language


ENQUIRIES = list(_enquiries(SHIPPED))


def _says(turn: Turn) -> list[Say]:
    return [effect for effect in turn.effects if isinstance(effect, Say)]


def _both(engine: Engine, trigger: Trigger, answer: OperationAnswered) -> tuple[Any, tuple[Session, Turn]]:
    first = engine.start(trigger, FACTS)
    begun = engine.begun(trigger)
    assert begun is not None
    short = engine.straight(begun, trigger, answer, lambda: FACTS)
    return short, engine.resume(first[0], answer, FACTS)


def test_the_shipped_flow_has_enquiries_in_every_language() -> None:
    assert ("balance", "zh") in ENQUIRIES
    assert ("balance", "en") in ENQUIRIES
    assert ("recent", "en") in ENQUIRIES


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_the_short_way_says_what_the_long_one_does_whoever_asks_and_whatever_the_bank_answers(data: Any) -> None:
    step, language = data.draw(st.sampled_from(ENQUIRIES))
    engine = Engine(SHIPPED)
    own = data.draw(st.sampled_from([*SHIPPED.languages, None]))
    wait = engine.start(_trigger(SHIPPED, step, language, _party("a", own), "a"), FACTS)[1].wait
    assert isinstance(wait, Perform)
    fields = _record(REGISTRY[wait.operation].answer)
    answers = st.one_of(
        st.builds(OperationAnswered, st.just("ok"), fields),
        st.builds(OperationAnswered, st.just("refused"), st.just({}), st.sampled_from([None, *sorted(REASONS)])),
        st.builds(OperationAnswered, st.sampled_from(["down", UNAUTHENTICATED, SECRET_LOST, "odd"])),
    )
    taken = 0
    for number, answer in enumerate(data.draw(st.lists(answers, min_size=1, max_size=12))):
        trigger = _trigger(SHIPPED, step, language, _party("b" * number, own), f"s{number}")
        for _ in range(2):  # the first of its kind is walked; the second goes the short way, where there is one
            short, (session, turn) = _both(engine, trigger, answer)
            if short is None:
                continue
            taken += 1
            says, last = short
            assert says == _says(turn)
            assert session.ended
            assert turn.wait is None
            assert last.effects == turn.effects[-1:]
            assert last.trail == turn.trail
        if step == "balance" and answer.outcome == "refused":
            assert short is not None, "a way that is known is taken"


def test_a_balance_goes_the_short_way_from_the_second_text_on_and_no_account_another() -> None:
    engine = Engine(SHIPPED)
    money = Money(123_456, "CNY")
    account: Value = {"account": "1", "last4": "1101", "product": "current", "available": money, "default": True}
    one = OperationAnswered("ok", {"accounts": (account,), "count": 1})
    none = OperationAnswered("ok", {"accounts": (), "count": 0})
    shorts = []
    for number, answer in enumerate((one, one, none, none, one)):
        trigger = _trigger(SHIPPED, "balance", "en", _party("x", "en"), f"s{number}")
        shorts.append(_both(engine, trigger, answer)[0] is not None)
    assert shorts == [False, True, False, True, True]


ODD = """
flow: odd
languages: [en]
currency: CNY
country: CN
time_zone: Asia/Shanghai
start: ask
defaults:
  barge_in: true
  timeout: 6s
  digit_timeout: 3s
  tries: 3
  on_fail: sorry
  no_input: [[goodbye], [goodbye]]
  no_match: [[goodbye], [goodbye]]
  wait: {{prompt: one_moment, after: 1500ms, limit: 8s}}
sms: {{en: {{"BAL": ask}}}}
steps:
  ask: {{bank: accounts.balance, save: bal, on: {{ok: {then}, refused: sorry, down: sorry}}}}
  sorry: {{say: [goodbye], hangup: true}}
{more}
"""


def _odd(folder: Path, more: str) -> Flow:
    (folder / "odd.yaml").write_text(ODD.format(then="told", more=more), encoding="utf-8")
    return FlowStore(folder).current("odd")


@pytest.mark.parametrize(
    ("more", "short"),
    [
        ("  told: {say: [{money: bal.available}], hangup: true}", True),
        ("  told: {say: [{date: today}], hangup: true}", True),
        ("  told: {say: [{attempt: [[goodbye], [{money: bal.available}]]}], hangup: true}", False),
        ("  told: {switch: language, cases: {en: sorry}}", False),
    ],
)
def test_a_way_is_only_kept_where_nothing_but_conditions_and_sayings_reads_a_value(
    tmp_path: Path, more: str, short: bool
) -> None:
    flow = _odd(tmp_path, more)
    engine = Engine(flow)
    answer = OperationAnswered("ok", {"last4": "1101", "available": Money(1, "CNY"), "booked": Money(1, "CNY")})
    found = [_both(engine, _trigger(flow, "ask", "en", _party("x", "en"), f"s{number}"), answer) for number in range(3)]
    assert [each[0] is not None for each in found] == [False, short, short]
    for said, (_, turn) in found:
        assert said is None or said[0] == _says(turn)


def test_dialogues_that_were_told_whole_are_counted_as_those_that_were_told_bit_by_bit() -> None:
    engine = Engine(SHIPPED)
    whole, bits = Figures(Redis()), Figures(Redis())
    answer = OperationAnswered("refused", {}, "account_unknown")
    for number in range(5):
        trigger = _trigger(SHIPPED, "balance", "en", _party("x", "en"), f"s{number}")
        short, (session, turn) = _both(engine, trigger, answer)
        first, asks = engine.start(trigger, FACTS)
        begun = engine.begun(trigger)
        assert begun is not None
        if short is not None:
            whole.enquired(begun.session, begun.turn, engine.today(trigger), short[1], 0.012)
        else:
            _bit_by_bit(whole, (first, asks), answer, (session, turn))
        _bit_by_bit(bits, (first, asks), answer, (session, turn))
    assert whole.waiting == bits.waiting > 0
    assert whole._counts == bits._counts


def _bit_by_bit(
    observer: Figures, first: tuple[Session, Turn], answer: OperationAnswered, last: tuple[Session, Turn]
) -> None:
    observer.turned(*first, None)
    observer.answered(first[0], answer, 0.012)
    observer.turned(*last, first[0])
    end = last[1].effects[-1]
    assert isinstance(end, End)
    observer.ended(last[0], end.reason)


def test_an_answer_of_another_shape_is_the_engines_trouble_and_not_the_short_ways() -> None:
    engine = Engine(SHIPPED)
    account: Value = {"account": "1", "last4": "1101", "available": Money(1, "CNY"), "default": True, "product": "x"}
    good = OperationAnswered("ok", {"accounts": (account,), "count": 1})
    bad = dataclasses.replace(good, answer={"accounts": (1,), "count": 1})
    trigger = _trigger(SHIPPED, "balance", "en", _party("x", "en"), "s")
    assert _both(engine, trigger, good)[0] is None
    assert _both(engine, trigger, good)[0] is not None
    short, (_, turn) = _both(engine, trigger, bad)
    assert short is None
    assert turn.effects[-1] == End("trouble")
