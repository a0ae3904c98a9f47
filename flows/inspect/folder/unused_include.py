"""Files that are written to be included, and that no flow includes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from flows.inspect.finding import Finding
from flows.inspect.rule import Level, Rule, Severity
from flows.model import Flow

RULE = Rule(
    "unused-include",
    "a file that no flow includes",
    "The file has no `flow` of its own, so that it only runs where a flow includes it, and none does. What it says is "
    "not checked either: a file is checked through the flows that include it.",
    good="""
include: [endings.yaml]
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
steps:
  main: {say: [welcome], next: bye}  # endings.yaml lies beside it, and nothing says 'include: [endings.yaml]'
""",
    severity=Severity.WARNING,
    level=Level.FOLDER,
)


def lint(flows: Iterable[Flow], parts: Iterable[Path]) -> Iterator[Finding]:
    """Find which of ``parts`` are in no flow."""
    taken = {(Path(flow.file).parent / name).resolve() for flow in flows for name in flow.included}
    for part in parts:
        if part.resolve() not in taken:
            message, hint = "no flow includes this file", f"As in: include: [{part.name}]. Or remove it."
            yield Finding(str(part), 1, 1, message, hint, RULE.severity, rule=RULE.id)
