"""Questions for more digits than their answer can have."""

from __future__ import annotations

from collections.abc import Iterator

from core_client.domain.money import MAX_AMOUNT_MINOR, exponent_of
from core_client.operations import Type
from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule
from flows.steps.ask import Ask

PIN_DIGITS = 6  # of the service PIN, and of every code
DATE_DIGITS = 8
NUMBER_DIGITS = 15  # as many as a text may bring: more are no count of anything
PHONE_DIGITS = (3, 17)  # E.164 has 15; 00 stands before them where + cannot be keyed

RULE = Rule(
    "ask-too-long",
    "a question for more digits than its answer has",
    "The digits do not fit the variable that they fill: a date is keyed as 8 digits, a secret as 6, an amount in whole "
    "units up to what the bank can hold, a number has at most 15 digits and a telephone number 3 to 17. Every answer "
    "of the other lengths would be refused, and the caller asked again.",
    good="""
vars: {amount: {type: money}, day: {type: date}}
steps:
  main: {ask: {prompt: enter_amount, digits: 1..9, end: "#"}, save: amount, next: day}
  day: {ask: {prompt: enter_day, digits: 8}, save: day, next: bye}
""",
    bad="""
vars: {amount: {type: money}}
steps:
  main: {ask: {prompt: enter_amount, digits: 1..20, end: "#"}, save: amount, next: bye}  # beyond any amount
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find lengths that no answer can have."""
    for step in look.voice.steps():
        if not isinstance(step, Ask):
            continue
        type_ = step.variable.type
        low, high, words = _fitting(type_, look.flow.currency)
        if step.low >= low and step.high <= high:
            continue
        asked = str(step.low) if step.low == step.high else f"{step.low}..{step.high}"
        message = f"step '{step.name}' asks for {asked} digits; {words}"
        least, most = max(low, min(step.low, high)), min(high, max(step.high, low))
        fit = str(least) if least == most else f"{least}..{most}"
        yield look.found(RULE, step.place, message, f"Ask for digits: {fit}.")


def _fitting(type_: Type, currency: str) -> tuple[int, int, str]:
    """Answer the fewest and the most digits that a value of ``type_`` is keyed with, and that in words."""
    match type_:
        case Type.MONEY:
            most = len(str(MAX_AMOUNT_MINOR)) - 1 - exponent_of(currency)
            return 1, most, f"an amount in {currency} has at most {most}"
        case Type.DATE:
            return DATE_DIGITS, DATE_DIGITS, "a date is keyed as 8: year, month and day"
        case Type.SECRET:
            return PIN_DIGITS, PIN_DIGITS, "a PIN has 6"
        case Type.NUMBER:
            return 1, NUMBER_DIGITS, f"a number has at most {NUMBER_DIGITS}"
        case Type.PHONE:
            low, high = PHONE_DIGITS
            return low, high, f"a telephone number has {low} to {high}"
        case _:
            return 1, 99, ""
