"""Ways to steps that are not there."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "missing-target",
    "a way to a step that is not there",
    "Every target is a step of this flow or of a file that it includes. In keys, back and repeat are targets too; "
    "inside a gate or a sub-flow, return is.",
    good="""
steps:
  main: {say: [welcome], next: offers}
  offers: {say: [offers], next: bye}
""",
    bad="""
steps:
  main: {say: [welcome], next: ofers}  # offers
  offers: {say: [offers], next: bye}
""",
    level=Level.LOAD,
)
