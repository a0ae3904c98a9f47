"""Menus whose prompt says other keys than the menu has."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding, Prompts, Severity, finding
from flows.model import Flow
from flows.steps.menu import Menu


def lint(flow: Flow, prompts: Prompts | None) -> Iterator[Finding]:
    """Find keys that are announced and do nothing, and choices that nobody is told of."""
    if prompts is None:
        return
    for step in flow.steps.values():
        if not isinstance(step, Menu):
            continue
        has = set(step.choices) | set(step.universal)
        for lang in flow.languages:
            told = {
                key
                for id_, _, languages in step.prompt.prompts
                if (not languages or lang in languages) and prompts.has_prompt(id_, lang)
                for key in prompts.keys(id_, lang)
            }
            if not told:
                continue  # the catalogue does not say which keys its prompts announce
            for key in sorted(told - has):
                yield finding(flow, step.place, f"menu '{step.name}' says key {key} in '{lang}' and has none")
            for key in sorted(set(step.choices) - told):
                message = f"menu '{step.name}' has key {key} and does not say so in '{lang}'"
                yield finding(flow, step.choices[key].edge.place, message, severity=Severity.WARNING)
