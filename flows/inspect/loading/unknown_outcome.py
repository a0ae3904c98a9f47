"""Outcomes that never come."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "unknown-outcome",
    "an outcome that never comes",
    "What stands under on are the outcomes that the operation, the transfer or the recording can have; this one "
    "is not among them, so that its way would never be taken.",
    good="""
steps:
  main: {bank: cards.block, on: {ok: bye, refused: agent, down: bye}}
""",
    bad="""
steps:
  main: {bank: cards.block, on: {ok: bye, refused: agent, down: bye, lost: bye}}  # it is never answered
""",
    level=Level.LOAD,
)
