"""Outcomes that nobody handles."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "unhandled-outcome",
    "an outcome that nobody handles",
    "Whatever the bank can answer, the flow says what then: every outcome of the registry has its way under on. A "
    "caller would be left in silence otherwise, on the day when it happens.",
    good="""
steps:
  main: {bank: cards.block, on: {ok: bye, refused: agent, down: agent}}
""",
    bad="""
steps:
  main: {bank: cards.block, on: {ok: bye, refused: agent}}  # and when the bank is down?
""",
    level=Level.LOAD,
)
