"""Prompts that are said in another language than the caller's."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.prompts_used import uses
from flows.inspect.rule import Rule, Severity

RULE = Rule(
    "fallback-used",
    "a prompt that is said in another language",
    "The prompt has no text in this language of the flow, so that the next one of its `fallback` steps in. It works, "
    "but the caller hears two languages: worth a text of its own.",
    good="""
languages: [en, zh]
fallback: {zh: [en]}
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
languages: [en, zh]
fallback: {zh: [en]}
steps:
  main: {say: [only_english], next: bye}  # heard in en by those who chose zh
""",
    severity=Severity.WARNING,
)


def lint(look: Look) -> Iterator[Finding]:
    """Find where a fallback steps in."""
    if look.prompts is None or not look.flow.fallbacks:
        return
    for use in uses(look):
        if use.heard not in (None, use.lang):
            message = f"prompt '{use.prompt}' has no text in '{use.lang}' and is said in '{use.heard}'"
            yield look.found(RULE, use.place, message, "Add it to the catalogue.")
