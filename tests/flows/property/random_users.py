"""Users at random, and a bank at random: what may come back for whatever is waited for."""

from __future__ import annotations

import datetime
import random

from core_client.domain.money import Money
from core_client.domain.values import SecretHandle, Value
from core_client.operations import REASONS, REGISTRY, Field, Type
from flows.dialogue import (
    SECRET_LOST,
    AwaitText,
    DigitsReceived,
    GatherDigits,
    InputTimedOut,
    OperationAnswered,
    PartyLeft,
    Perform,
    Reconnected,
    Record,
    RecordingEnded,
    Resume,
    SessionExpired,
    TextReceived,
    TransferEnded,
    TransferToAgent,
    Wait,
)

KEYS = "0123456789*#"


def resume(rng: random.Random, wait: Wait) -> Resume:
    """Answer what comes back: most often something that fits, sometimes anything at all."""
    if rng.random() < 0.03:
        odd: list[Resume] = [Reconnected(), Reconnected(), PartyLeft(), SessionExpired()]
        return rng.choice(odd)
    match wait:
        case GatherDigits():
            return _keys(rng, wait)
        case AwaitText():
            return _text(rng, wait)
        case Perform():
            return answered(rng, wait)
        case TransferToAgent():
            return TransferEnded(rng.choice(["answered", "closed", "failed", "timeout"]))
        case Record():
            outcome = rng.choice(["ok", "ok", "empty", "failed"])
            return RecordingEnded(outcome, "message" if outcome == "ok" else "", rng.randint(0, 60))


def _keys(rng: random.Random, wait: GatherDigits) -> Resume:
    luck = rng.random()
    if luck < 0.1:
        return InputTimedOut(rng.randint(0, max(0, wait.min_digits - 1)))
    if luck < 0.2 and wait.escapes:
        return DigitsReceived(rng.choice(wait.escapes))
    if wait.secret:
        return DigitsReceived("", SecretHandle(f"h{rng.randint(0, 9)}"))
    count = rng.randint(wait.min_digits, wait.max_digits)
    if wait.max_digits == 1:
        return DigitsReceived(rng.choice(KEYS))
    if count == 8 and rng.random() < 0.5:
        return DigitsReceived("20260302")
    return DigitsReceived("".join(rng.choice(KEYS[:10]) for _ in range(count)))


def _text(rng: random.Random, wait: AwaitText) -> Resume:
    if wait.code and rng.random() < 0.7:
        return TextReceived("", SecretHandle("c"))
    return TextReceived(rng.choice(["yes", "no", "1", "2", "是", "500", "LILEI", "20260302", "x" * 300, "", "1234"]))


def answered(rng: random.Random, wait: Perform) -> OperationAnswered:
    """Answer a bank operation by the registry, or as a failing bank and a lost secret would."""
    operation = REGISTRY[wait.operation]
    outcome = rng.choice([*operation.outcomes, "ok", "ok", "ok", "ok"])
    if rng.random() < 0.05:
        outcome = rng.choice(["unauthenticated", SECRET_LOST])
    if outcome != "ok":
        return OperationAnswered(outcome, {}, rng.choice([None, *REASONS]))
    return OperationAnswered("ok", {name: value(rng, field) for name, field in operation.answer.items()})


def value(rng: random.Random, field: Field, currencies: tuple[str, ...] = ("CNY",)) -> Value:
    """Make a value of a registry field."""
    match field.type:
        case Type.MONEY:
            return Money(rng.randint(-(10**9), 10**9), rng.choice(currencies))
        case Type.NUMBER:
            return rng.randint(0, 9)
        case Type.FLAG:
            return rng.random() < 0.5
        case Type.DATE:
            return datetime.date(2026, 3, rng.randint(1, 28))
        case Type.SECRET:
            return SecretHandle("s")
        case Type.PHONE:
            return "+8613900000001"
        case Type.LIST:
            count = rng.choice([0, 1, 2, 8, 9, 20])
            return tuple({n: value(rng, f, currencies) for n, f in field.fields.items()} for _ in range(count))
        case _:
            return "1234"
