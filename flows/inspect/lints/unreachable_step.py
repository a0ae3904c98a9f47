"""Steps that nobody can get to, by no channel."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule, Severity

RULE = Rule(
    "unreachable-step",
    "a step that nobody gets to",
    "No way leads from the flow's start, from a command by text or from a gate to this step. It is often what is left "
    "of a change, or the target of a way that was misspelt into another step's name.",
    good="""
steps:
  main: {say: [welcome], next: offers}
  offers: {say: [offers], next: bye}
""",
    bad="""
steps:
  main: {say: [welcome], next: bye}
  offers: {say: [offers], next: bye}  # no step leads here
""",
    severity=Severity.WARNING,
)


def lint(look: Look) -> Iterator[Finding]:
    """Find steps that are written and never run."""
    for name, step in look.flow.steps.items():
        if name not in look.voice.reached and name not in look.sms.reached:
            yield look.found(RULE, step.place, f"nobody gets to step '{name}'", "Lead to it, or remove it.")
