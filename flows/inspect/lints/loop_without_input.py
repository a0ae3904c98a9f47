"""Rounds that go on by themselves: no step of them waits for the party."""

from __future__ import annotations

from collections.abc import Iterator

from flows.dialogue import Channel
from flows.inspect.finding import Finding
from flows.inspect.look import Look, Walk
from flows.inspect.rule import Rule
from flows.model import Edge

RULE = Rule(
    "loop-without-input",
    "a round in which nobody is asked anything",
    "These steps lead round and round without waiting for the caller. The engine ends such a dialogue at its cap of "
    "steps, with an apology; a bank operation in the round would be asked again and again until then. A choice from a "
    "list of one is made by itself, so that `choose` ends no round.",
    good="""
steps:
  main: {menu: [press_1], choices: {"1": told}}
  told: {say: [news], next: main}
""",
    bad="""
steps:
  main: {if: known(party.number), then: told, else: bye}
  told: {say: [news], next: main}  # and main comes straight back here
""",
)
# A choice from one item is made by itself, so that ``choose`` breaks no round.
_WAITS = frozenset({"menu", "ask", "confirm", "transfer", "record"})


def lint(look: Look) -> Iterator[Finding]:
    """Find the way that closes each such round."""
    told: set[Edge] = set()
    for channel in Channel:
        walk = look.walk(channel)
        done: set[str] = set()
        going_on = [name for name, at in walk.reached.items() if at.step.kind not in _WAITS]
        for name in going_on:
            for edge, round_ in _from(walk, name, done) if name not in done else ():
                if edge not in told:
                    told.add(edge)
                    message = f"a round without an end: {' -> '.join(round_)}"
                    yield look.found(RULE, edge.place, message, "Let one of its steps ask something.")


def _from(walk: Walk, start: str, done: set[str]) -> Iterator[tuple[Edge, list[str]]]:
    """Walk depth first without recursion; a way to a step that is on the path closes a round."""
    path = {start: 0}  # in order
    ahead = [iter(walk.ways[start])]
    while ahead:
        edge = next(ahead[-1], None)
        if edge is None:
            done.add(path.popitem()[0])
            ahead.pop()
            continue
        name = edge.target
        if name not in walk.reached or name in done or walk.reached[name].step.kind in _WAITS:
            continue
        if name in path:
            names = list(path)
            yield edge, [*names[path[name] :], name]
            continue
        path[name] = len(path)
        ahead.append(iter(walk.ways[name]))
