"""Amounts that nobody could hear: a currency that no recording names."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule
from sounds.errors import SpeechError
from sounds.speech import money_fragments

RULE = Rule(
    "unspoken-currency",
    "a currency that a language cannot speak",
    "Amounts are spoken from recordings of numbers and of the currency's units. Without those a call would leave the "
    "amount out, which no caller should ever meet.",
    good="""
currency: CNY
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
start: main
defaults: {on_fail: bye}
currency: KRW
steps:
  main: {menu: [press_1], choices: {"1": agent}}  # no recording says won
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find a currency that a language of the flow cannot speak: a call would leave the amount out."""
    flow = look.flow
    for language in flow.languages:
        try:
            money_fragments(100, flow.currency, language)
        except SpeechError:
            message = f"amounts in {flow.currency} cannot be spoken in '{language}'"
            mend = "Name a currency that sounds/currency.py knows, or add its unit and recordings there."
            yield look.found(RULE, look.start, message, mend)
