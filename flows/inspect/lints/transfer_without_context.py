"""Callers who are handed to an agent and have to tell everything again."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule, Severity
from flows.steps.transfer import Transfer

RULE = Rule(
    "transfer-without-context",
    "a transfer that tells the agent nothing",
    "`context` names what the agent sees when the call comes: who the caller is, where in the flow they were, what "
    "they were about to do. Without it they have to tell everything again.",
    good="""
steps:
  main:
    transfer: {queue: retail, context: [party.number, last_step]}
    on: {answered: bye, closed: bye, failed: bye, timeout: bye}
""",
    bad="""
steps:
  main:  # the agent knows nothing of this caller
    transfer: {queue: retail}
    on: {answered: bye, closed: bye, failed: bye, timeout: bye}
""",
    severity=Severity.WARNING,
)


def lint(look: Look) -> Iterator[Finding]:
    """Find transfers without a word of context."""
    for step in look.voice.steps():
        if isinstance(step, Transfer) and not step.context:
            message = f"step '{step.name}' hands the caller over and tells the agent nothing"
            hint = "As in: context: [party.number, last_step]."
            yield look.found(RULE, step.place, message, hint)
