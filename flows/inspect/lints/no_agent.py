"""Questions from which no way leads to a person."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule, Severity
from flows.model import RETURN

RULE = Rule(
    "no-agent",
    "no way to an agent",
    "Whoever cannot get on by keys should get to a person: by a key, by `on_fail`, or by being called back. This "
    "tells a flow that has no such step, or else each question from which none can be reached.",
    good="""
keys: {"0": agent}
steps:
  main: {menu: [press_1], choices: {"1": bye}}
""",
    bad="""
start: main
defaults: {on_fail: bye}
keys: {"9": repeat}
steps:
  main: {menu: [press_1], choices: {"1": bye}}  # and nobody to speak to
""",
    severity=Severity.WARNING,
)
PEOPLE = ("transfer", "callback")


def lint(look: Look) -> Iterator[Finding]:
    """Find questions without a way to a person."""
    people = {step.name for step in look.voice.steps() if step.kind in PEOPLE}
    hint = 'As in: keys: {"0": agent}, with a step that transfers.'
    if not people:
        yield look.found(RULE, look.start, "this flow has no way to an agent", hint)
        return
    leading = look.voice.leading_to({*people, RETURN})
    for step in look.voice.steps():
        if step.takes_input and step.name not in leading and step.name in look.ending:
            yield look.found(RULE, step.place, f"from step '{step.name}' no way leads to an agent", hint)
