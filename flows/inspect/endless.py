"""Rounds that go on by themselves: no step of them waits for the party."""

from __future__ import annotations

from collections.abc import Iterator

from flows.dialogue import Channel
from flows.inspect.finding import Finding, Prompts, finding
from flows.model import Edge, Flow, Step

# A choice from one item is made by itself, so that ``choose`` breaks no round.
_WAITS = frozenset({"menu", "ask", "confirm", "transfer"})


def lint(flow: Flow, prompts: Prompts | None) -> Iterator[Finding]:
    """Find the edge that closes each such round."""
    done: set[str] = set()
    for start in flow.steps.values():
        yield from _from(flow, start, done)


def _from(flow: Flow, start: Step, done: set[str]) -> Iterator[Finding]:
    """Walk depth first without recursion; an edge to a step that is on the way closes a round."""
    if start.name in done or start.kind in _WAITS:
        return
    way: list[str] = [start.name]
    ahead: list[list[Edge]] = [list(start.edges(Channel.VOICE))]
    while way:
        if not ahead[-1]:
            done.add(way.pop())
            ahead.pop()
            continue
        edge = ahead[-1].pop(0)
        step = flow.steps.get(edge.target)
        if step is None or step.kind in _WAITS or step.name in done:
            continue
        if step.name in way:
            round_ = " -> ".join([*way[way.index(step.name) :], step.name])
            yield finding(flow, edge.place, f"a round without an end: {round_}", "Let one of its steps ask something.")
            continue
        way.append(step.name)
        ahead.append(list(step.edges(Channel.VOICE)))
