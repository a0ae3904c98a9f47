"""Expressions that cannot be understood."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "expression",
    "an expression that cannot be understood",
    "An expression knows the variables of the flow, what its steps save, and the names that every flow has: "
    "party, language, channel, last_step, reason, today, each schedule, and notices. Their types must fit. The "
    "column is that of the very word.",
    good="""
steps:
  main: {if: channel == "voice", then: bye, else: agent}
""",
    bad="""
steps:
  main: {if: chanel == "voice", then: bye, else: agent}  # channel
""",
    level=Level.LOAD,
)
