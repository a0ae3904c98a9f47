"""Ways in without a way out: a dialogue must be able to end by itself, and politely."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule

RULE = Rule(
    "dead-end",
    "a step from which the dialogue cannot end",
    "From here no way leads to a goodbye, to an agent or back to where a gate or a sub-flow began: the caller's only "
    "way out is to hang up. A flow of which no step ends at all is told once, at its start.",
    good="""
steps:
  main: {menu: [press_1_or_2], choices: {"1": main, "2": bye}}
""",
    bad="""
keys: {"9": repeat}
steps:
  main: {menu: [press_1_or_2], choices: {"1": trap, "2": bye}}
  trap: {menu: [press_1], choices: {"1": trap}, on_fail: trap}  # and nowhere else
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find a flow that never ends, and steps from which no end can be reached."""
    ends = [name for name, edges in look.voice.ways.items() if not edges]
    if not ends:
        yield look.found(RULE, look.start, "this flow never ends", "A step with 'hangup: true' ends it.")
        return
    for name, at in look.voice.reached.items():
        if name not in look.ending:
            message = f"from step '{name}' no end can be reached"
            yield look.found(RULE, at.step.place, message, "Lead it to a goodbye.")
