"""Prompts of a catalogue that nothing says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from flows.inspect.finding import Finding, end_of_word
from flows.inspect.rule import Level, Rule, Severity
from flows.model import Flow
from flows.prompts import REFUSED_PREFIX, SYSTEM_PROMPTS
from sounds.catalogue_file import read_prompts

RULE = Rule(
    "unused-prompt",
    "a prompt that no flow says",
    "The catalogue has a text for this prompt, and no flow of the folder says it, nor does the engine by itself. It "
    "costs a recording in every language. The operator's own catalogue is looked at; without one, the shipped one "
    "with the shipped flows.",
    good="""
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
steps:
  main: {say: [welcome], next: bye}  # en.yaml has 'christmas_greeting' too
""",
    severity=Severity.WARNING,
    level=Level.FOLDER,
)


def lint(flows: Iterable[Flow], catalogues: Iterable[Path]) -> Iterator[Finding]:
    """Find what stands in the files ``catalogues`` and is said nowhere."""
    said = {*SYSTEM_PROMPTS, *(id_ for flow in flows for id_ in flow.prompts)}
    for file in catalogues:
        unused = [
            (id_, entry.line)
            for id_, entry in read_prompts(file).items()
            if id_ not in said and not id_.startswith(REFUSED_PREFIX)
        ]
        if unused:
            yield from _found(file, unused)


def _found(file: Path, unused: list[tuple[str, int]]) -> Iterator[Finding]:
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    for id_, number in unused:
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        message, hint = f"no flow says prompt '{id_}'", "Say it, or take it out of the catalogue."
        yield Finding(str(file), number, 1, message, hint, RULE.severity, line, RULE.id, end_of_word(line, 1))
