"""Ways in without a way out: a dialogue must be able to end by itself, and politely."""

from __future__ import annotations

from collections.abc import Iterator

from flows.dialogue import Channel
from flows.graph import reached
from flows.inspect.finding import Finding, Prompts, Severity, finding
from flows.model import RETURN, Flow


def lint(flow: Flow, prompts: Prompts | None) -> Iterator[Finding]:
    """Find a flow that never ends, and steps from which no end can be reached."""
    there = reached(flow, Channel.VOICE)
    leads: dict[str, set[str]] = {
        name: {edge.target for edge in at.step.edges(Channel.VOICE)} for name, at in there.items()
    }
    out = {name for name, targets in leads.items() if not targets or RETURN in targets}
    if not any(not targets for targets in leads.values()):
        yield finding(flow, flow.steps[flow.start].place, "this flow never ends", "A step with 'hangup: true' ends it.")
        return
    grown = True
    while grown:
        more = {name for name, targets in leads.items() if name not in out and targets & out}
        out |= more
        grown = bool(more)
    for name in leads:
        if name not in out:
            message = f"from step '{name}' no end can be reached"
            yield finding(flow, there[name].step.place, message, "Lead it to a goodbye.", Severity.WARNING)
