"""Whatever a party does and a bank answers, a dialogue goes on or ends; it never raises and never goes on for ever."""

from __future__ import annotations

import datetime
import random

import pytest

from core_client.domain.money import Money
from core_client.domain.values import SecretHandle, Value
from core_client.operations import REASONS, REGISTRY, Field, Type
from flows.dialogue import (
    SECRET_LOST,
    Channel,
    DigitsReceived,
    InputTimedOut,
    OperationAnswered,
    PartyLeft,
    Perform,
    Reconnected,
    Resume,
    SessionExpired,
    TextReceived,
    TransferEnded,
)
from flows.engine import MAX_TURNS
from flows.store import FlowStore
from flows.testing import Driver

DIALOGUES = 400


def value(rng: random.Random, field: Field) -> Value:
    match field.type:
        case Type.MONEY:
            return Money(rng.randint(-(10**9), 10**9), rng.choice(["CNY", "USD"]))
        case Type.NUMBER:
            return rng.randint(0, 9)
        case Type.FLAG:
            return rng.random() < 0.5
        case Type.DATE:
            return datetime.date(2026, 3, rng.randint(1, 28))
        case Type.SECRET:
            return SecretHandle("s")
        case Type.LIST:
            return tuple({n: value(rng, f) for n, f in field.fields.items()} for _ in range(rng.choice([0, 1, 2, 12])))
        case _:
            return "1234"


def answer(rng: random.Random, wait: Perform) -> OperationAnswered:
    operation = REGISTRY[wait.operation]
    outcome = rng.choice([*operation.outcomes, "ok", "ok", "ok", "unauthenticated", SECRET_LOST])
    fields = {name: value(rng, field) for name, field in operation.answer.items() if rng.random() < 0.98}
    return OperationAnswered(outcome, fields if outcome == "ok" else {}, rng.choice([None, *REASONS, "odd"]))


def anything(rng: random.Random, wait: object) -> Resume:
    if isinstance(wait, Perform) and rng.random() < 0.9:
        return answer(rng, wait)
    keys = DigitsReceived(rng.choice([*"0123456789*#", "", "12", "500", "10000001", "99999999999999999999999999"]))
    choices: list[Resume] = [
        keys, keys, keys, keys,
        DigitsReceived("", SecretHandle("p")),
        InputTimedOut(rng.randint(0, 3)),
        TextReceived(rng.choice(["yes", "no", "1", "是", "x" * 300, ""])),
        TextReceived("", SecretHandle("c")),
        TransferEnded(rng.choice(["answered", "closed", "failed", "timeout", "odd"])),
        Reconnected(),
        OperationAnswered("ok"),
    ]  # fmt: skip
    if rng.random() < 0.02:
        return PartyLeft() if rng.random() < 0.5 else SessionExpired()
    return rng.choice(choices)


@pytest.mark.parametrize("channel", list(Channel))
def test_no_dialogue_raises_or_goes_on_for_ever(channel: Channel) -> None:
    flow = FlowStore().current("retail")
    ends: dict[str, int] = {}
    for number in range(DIALOGUES):
        rng = random.Random(f"{channel} {number}")
        driver = Driver(flow, channel, identified=rng.random() < 0.8, language=rng.choice(["zh", "en", "xx", None]))
        if channel is Channel.SMS:
            pattern = rng.choice(flow.sms_patterns)
            slots = [slot for slot in pattern.parts if not isinstance(slot, str)]
            driver.start(pattern.step, {slot.name: value(rng, Field(slot.type)) for slot in slots}, pattern.language)
        else:
            driver.start()
        while not driver.session.ended:
            driver.resume(anything(rng, driver.played.wait))
            assert len(driver.turns) <= MAX_TURNS * 2 + 2, number
        assert len(driver.session.to_json()) < 20_000
        ends[driver.played.said[-1]] = ends.get(driver.played.said[-1], 0) + 1
    assert ends["<end done>"] > DIALOGUES / 10
