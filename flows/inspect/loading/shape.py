"""Keys and values that no flow has."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "shape",
    "a key or a value that no flow has",
    "Every mapping has its own keys, and every value its form: 6s for a time, 1..9 for digits, lower case for "
    "names. An unknown key is told with the nearest one that there is. References to steps, and the lints, are "
    "looked at when the shape is right.",
    good="""
steps:
  main: {menu: [press_1], choices: {"1": bye}, no_match: [not_an_option]}
""",
    bad="""
steps:
  main: {menu: [press_1], choices: {"1": bye}, no_mach: [not_an_option]}  # no_match
""",
    level=Level.LOAD,
)
