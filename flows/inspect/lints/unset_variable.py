"""Variables that are read before they can have a value."""

from __future__ import annotations

from collections.abc import Iterator

from flows.assignment import unset
from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule

RULE = Rule(
    "unset-variable",
    "a variable that may have no value yet",
    "By some way a dialogue gets here before the step that gives this name its value: an expression cannot be worked "
    "out then, and the caller hears that something went wrong. Ask for it on every way, or look first: known(name) is "
    "true when it has a value.",
    good="""
vars: {card: {type: digits}}
steps:
  main: {ask: {prompt: enter_card, digits: 4}, save: card, next: told}
  told: {say: [card_ending, {digits: card}], next: bye}
""",
    bad="""
vars: {card: {type: digits}}
steps:
  main: {menu: [press_1_or_2], choices: {"1": ask, "2": told}}
  ask: {ask: {prompt: enter_card, digits: 4}, save: card, next: told}
  told: {say: [card_ending, {digits: card}], next: bye}  # by key 2, nobody was asked
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find reads that may come before a value."""
    told = set()
    for each in unset(look.flow):
        if (each.place, each.name) not in told:
            told.add((each.place, each.name))
            message = f"'{each.name}' may have no value yet when step '{each.step}' reads it"
            hint = f"Ask for it on every way here, or look first: known({each.name})."
            yield look.found(RULE, each.place, message, hint)
