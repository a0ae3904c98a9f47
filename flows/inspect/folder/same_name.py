"""Flows of one name: which of them would answer?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flows.inspect.finding import Finding
from flows.inspect.rule import Level, Rule
from flows.model import Flow

RULE = Rule(
    "same-name",
    "two flows of one name",
    "Calls and texts are answered by the flow that the settings name; of two flows of that name in one folder, nobody "
    "could tell which one it is.",
    good="""
flow: retail
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
flow: retail  # and retail.yaml says so too
steps:
  main: {say: [welcome], next: bye}
""",
    level=Level.FOLDER,
)


def lint(flows: Iterable[Flow]) -> Iterator[Finding]:
    """Find names that two files give."""
    owners: dict[str, str] = {}
    for flow in flows:
        if flow.name in owners:
            message = f"flow '{flow.name}' stands in {owners[flow.name]} too"
            yield Finding(flow.file, 1, 1, message, "Give one of them another name.", rule=RULE.id)
        owners.setdefault(flow.name, flow.file)
