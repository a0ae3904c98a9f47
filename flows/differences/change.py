"""One difference, and how many of them are told in one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

STEP, PROMPT = "step", "prompt"
NEW, GONE, CHANGED, RENAMED = "new", "gone", "changed", "renamed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        area: what kind of thing it is in: step, gate, variable, schedule, notice, command, prompt, recording, flow…
        name: of that thing; empty for the flow itself.
        words: what changed, as a whole line that names the thing.
        what: new, gone, renamed or changed.
        security: whether somebody may now do something with less proof than before, or money moves another way.
        path: where in the thing, as keys.
        was: what stood there.
        now: what stands there.
    """

    area: str
    name: str
    words: str
    what: str = CHANGED
    security: bool = False
    path: tuple[str, ...] = ()
    was: Any = None
    now: Any = None

    def __str__(self) -> str:
        return self.words


def summary_of(changes: Iterable[Change]) -> str:
    """Answer how much changed, in one line: ``2 steps changed, 1 new; 1 prompt; 1 change of security``."""
    told = tuple(changes)
    if not told:
        return "nothing changed"
    parts = [found for found in (_steps(told), *_others(told)) if found]
    security = sum(change.security for change in told)
    if security:
        parts.append(f"{security} {_many(security, 'change')} of security")
    return "; ".join(parts)


def _steps(changes: tuple[Change, ...]) -> str:
    names: dict[str, set[str]] = {NEW: set(), GONE: set(), RENAMED: set(), CHANGED: set()}
    for change in changes:
        if change.area == STEP:
            names[change.what].add(change.name)
    names[CHANGED] -= names[NEW] | names[GONE]
    parts: list[str] = []
    for what, word in ((CHANGED, "changed"), (NEW, "new"), (GONE, "removed"), (RENAMED, "renamed")):
        if count := len(names[what]):
            parts.append(f"{count} {_many(count, 'step')} {word}" if not parts else f"{count} {word}")
    return ", ".join(parts)


def _others(changes: tuple[Change, ...]) -> Iterable[str]:
    names: dict[str, set[str]] = {}
    for change in changes:
        if change.area != STEP:
            names.setdefault(change.area, set()).add(change.name)
    for area, found in names.items():
        yield area if found == {""} else f"{len(found)} {_many(len(found), area)}"


def _many(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
