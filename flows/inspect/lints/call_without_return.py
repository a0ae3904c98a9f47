"""Calls of sub-flows that never come back."""

from __future__ import annotations

from collections.abc import Iterator

from flows.dialogue import Channel
from flows.inspect.finding import Finding
from flows.inspect.look import Look, Walk
from flows.inspect.rule import Rule, Severity
from flows.model import RETURN, Way

RULE = Rule(
    "call-without-return",
    "a call of a sub-flow that never returns",
    "No way from the first step of this sub-flow leads to `return`, so that what stands after `next` of the call never "
    "happens. Name the step with `go` when nothing is meant to follow.",
    good="""
steps:
  main: {call: rates, next: bye}
  rates: {say: [rates_today], next: return}
""",
    bad="""
steps:
  main: {call: rates, next: bye}  # rates ends the dialogue itself
  rates: {say: [rates_today], hangup: true}
""",
    severity=Severity.WARNING,
)


def lint(look: Look) -> Iterator[Finding]:
    """Find calls that nothing comes back from."""
    if all(step.kind != "call" for step in look.flow.steps.values()):
        return
    back = {channel: _returning(look.walk(channel)) for channel in Channel}
    for step in look.flow.steps.values():
        if step.kind != "call":
            continue
        for edge in step.edges(Channel.VOICE):
            if edge.way is Way.CALL and not any(edge.target in names for names in back.values()):
                message = f"'{edge.target}' never returns: what follows step '{step.name}' never happens"
                yield look.found(RULE, edge.place, message, "End it by 'next: return', or write 'go' for 'call'.")


def _returning(walk: Walk) -> set[str]:
    """Answer the steps that ``return`` is reached from; what a call does inside comes back to the call itself."""
    inner = {name: tuple(e for e in edges if e.way is not Way.CALL) for name, edges in walk.ways.items()}
    return Walk(walk.reached, inner).leading_to({RETURN})
