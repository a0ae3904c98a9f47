"""Menus whose prompt says other keys than the menu has."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.prompts_used import heard_in
from flows.inspect.rule import Rule, Severity
from flows.saying import Saying
from flows.steps.menu import Menu

RULE = Rule(
    "menu-keys",
    "a menu that says other keys than it has",
    'The catalogue tells which keys a prompt announces (`keys: "123"`). A key that is announced and does nothing is '
    "an error, in each language; a choice that nobody is told of is a warning.",
    good="""
steps:
  main: {menu: [press_1_or_2], choices: {"1": bye, "2": agent}}
""",
    bad="""
steps:
  main: {menu: [press_1_or_2], choices: {"1": bye}}  # 2 is announced, and does nothing
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find keys that are announced and do nothing, and choices that nobody is told of."""
    if look.prompts is None:
        return
    for step in look.flow.steps.values():
        if isinstance(step, Menu):
            for lang in look.flow.languages:
                yield from _in_language(look, step, lang)


def _in_language(look: Look, step: Menu, lang: str) -> Iterator[Finding]:
    told = _announced(look, step.prompt, lang)
    if not told:
        return  # the catalogue does not say which keys its prompts announce
    for key in sorted(told - set(step.choices) - set(step.universal)):
        yield look.found(RULE, step.place, f"menu '{step.name}' says key {key} in '{lang}' and has none")
    for key in sorted(set(step.choices) - told):
        message = f"menu '{step.name}' has key {key} and does not say so in '{lang}'"
        yield look.found(RULE, step.choices[key].edge.place, message, severity=Severity.WARNING)


def _announced(look: Look, saying: Saying, lang: str) -> set[str]:
    told: set[str] = set()
    for id_, _, languages in saying.prompts:
        if look.prompts is not None and (not languages or lang in languages):
            heard = heard_in(look, id_, lang)
            told.update(look.prompts.keys(id_, heard) if heard is not None else ())
    return told
