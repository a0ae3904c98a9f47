"""Returns without a gate or a call to return to."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "nothing-to-return-to",
    "a return with nothing to return to",
    "return ends a gate or a sub-flow and goes on where that began. This step is reached without either, so that "
    "there is nothing to go on with.",
    good="""
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
steps:
  main: {say: [welcome], next: return}  # return where?
""",
    level=Level.LOAD,
)
