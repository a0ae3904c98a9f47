"""Steps that nobody can get to, by no channel."""

from __future__ import annotations

from collections.abc import Iterator

from flows.dialogue import Channel
from flows.graph import reached
from flows.inspect.finding import Finding, Prompts, Severity, finding
from flows.model import Flow


def lint(flow: Flow, prompts: Prompts | None) -> Iterator[Finding]:
    """Find steps that are written and never run."""
    there = {name for channel in Channel for name in reached(flow, channel)}
    for name, step in flow.steps.items():
        if name not in there:
            yield finding(
                flow, step.place, f"nobody gets to step '{name}'", "Lead to it, or remove it.", Severity.WARNING
            )
