"""Prompts that have no text in a language of the flow, nor in one that steps in for it."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.prompts_used import uses
from flows.inspect.rule import Rule

RULE = Rule(
    "missing-text",
    "a prompt without a text in a language",
    "Every prompt that the flow or the engine itself says needs an entry in the catalogue of each of the flow's "
    "languages, or of one that `fallback` lets step in. A dialogue would leave it out.",
    good="""
languages: [en, zh]
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
languages: [en, zh]
steps:
  main: {say: [only_english], next: bye}  # the catalogue has it in en only
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find what nobody wrote."""
    if look.prompts is None:
        return
    for use in uses(look):
        if use.heard is None:
            message = f"prompt '{use.prompt}' has no text in '{use.lang}'"
            steps_in = look.flow.fallbacks.get(use.lang)
            if steps_in:
                message = f"{message}, nor in {', '.join(steps_in)}, which would step in"
            yield look.found(RULE, use.place, message, "Add it to the catalogue.")
