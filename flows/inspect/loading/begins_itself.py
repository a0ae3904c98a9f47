"""Gates and sub-flows that begin themselves again."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "begins-itself",
    "a gate or a sub-flow that begins itself again",
    "A step inside a sub-flow calls that very sub-flow, or a step inside a gate needs that very gate, directly or by "
    "way of others: the dialogue would go deeper and deeper, and never come back. Sub-flows and gates nest eight deep.",
    good="""
steps:
  main: {call: rates, next: bye}
  rates: {say: [rates_today], next: return}
""",
    bad="""
steps:
  main: {call: rates, next: bye}
  rates: {menu: [press_1], choices: {"1": again}, on_fail: return}
  again: {call: rates, next: return}  # from inside of rates
""",
    level=Level.LOAD,
)
