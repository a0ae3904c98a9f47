"""A rule of flows: what it is called, what it asks for, and what a flow looks like that keeps or breaks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_TOP = ("flow: example", "languages: [en]", "start: begin", "defaults: {on_fail: agent}", 'keys: {"0": agent}')
_STEPS = (
    '  begin: {menu: [press_1], choices: {"1": main}}',
    "  agent: {transfer: {queue: retail, context: [last_step]}, on: {answered: bye, closed: bye, failed: bye, timeout: bye}}",  # noqa: E501
    "  bye: {say: [goodbye], hangup: true}",
)


class Severity(StrEnum):
    """An error fails the check; a warning is for a person to judge."""

    ERROR = "error"
    WARNING = "warning"


class Level(StrEnum):
    """What finds a breach."""

    LOAD = "load"  # the loader: such a flow does not run at all
    FLOW = "flow"  # a lint, which looks at one flow that loaded
    FOLDER = "folder"  # a lint, which looks at all flows of a folder at once


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``good`` and ``bad`` are parts of a flow: :func:`whole` makes flows of them.

    The line of ``bad`` that breaks the rule carries a comment that says how.
    """

    id: str
    title: str
    help: str
    good: str
    bad: str
    severity: Severity = Severity.ERROR
    level: Level = Level.FLOW


def whole(example: str) -> str:
    """Make a flow of an example: with the keys that every flow has, and a beginning, an agent and a goodbye.

    An example that has a ``start`` of its own gets only those of the steps that it names.
    """
    top = [line for line in _TOP if not _begins(example, line)]
    words = set(re.findall(r"\w+", re.sub(r"#.*", "", example)))
    steps = [
        line
        for line in _STEPS
        if not _begins(example, line) and (_TOP[2] in top or line.split(":")[0].strip() in words)
    ]
    return "\n".join([*top, example.strip("\n"), *steps, ""])


def _begins(example: str, line: str) -> bool:
    return re.search(rf"^{line.partition(':')[0]}:", example, re.MULTILINE) is not None
