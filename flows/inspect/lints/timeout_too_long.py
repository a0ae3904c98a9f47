"""Waits that are longer than a call may be."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule
from flows.model import Step
from flows.steps.ask import Ask
from flows.steps.asking import Asking
from flows.steps.bank import Bank
from flows.steps.record import RecordStep
from flows.steps.transfer import Transfer

RULE = Rule(
    "timeout-too-long",
    "a wait that is longer than a call",
    "The server ends each call after `agi.call_limit_s` (half an hour, unless the settings say otherwise). A wait "
    "beyond that never ends by itself, and neither does a question whose tries together take longer.",
    good="""
steps:
  main: {menu: [press_1], choices: {"1": bye}, timeout: 10s, tries: 3}
""",
    bad="""
steps:
  main: {menu: [press_1], choices: {"1": bye}, timeout: 15m, tries: 3}  # three quarters of an hour
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find waits that the call's own limit ends first."""
    limit = look.call_limit_s
    for step in look.voice.steps():
        for what, seconds in _waits(step):
            if seconds > limit:
                message = (
                    f"{what} of step '{step.name}' take up to {_minutes(seconds)}; a call ends after {_minutes(limit)}"
                )
                yield look.found(RULE, step.place, message, "Take shorter times, or fewer tries.")


def _waits(step: Step) -> Iterator[tuple[str, float]]:
    asking: Asking | None = getattr(step, "asking", None)
    if asking is not None:
        more = step.high - 1 if isinstance(step, Ask) else 0
        each = asking.first_digit_timeout_s + more * asking.inter_digit_timeout_s
        yield f"the {asking.tries} tries" if asking.tries > 1 else "the waits", asking.tries * each
    elif isinstance(step, Bank):
        yield "the waits for the bank", step.limit_s
    elif isinstance(step, RecordStep):
        yield "the messages", step.wait.max_s
    elif isinstance(step, Transfer):
        yield "the waits for an agent", max(step.limit_s or 0.0, step.position_s or 0.0)


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes and rest else f"{minutes}m" if minutes else f"{rest}s"
