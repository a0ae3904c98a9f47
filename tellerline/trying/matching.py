"""Finds an expected run of recordings among those that were heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tellerline.trying import conversation as c
from tellerline.trying.driver import Heard
from tellerline.trying.written import expected

Recordings = Callable[[tuple[c.Expected, ...], str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Runs of audio ids: each run has nothing between, before a run anything may be heard."""

    runs: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, items: tuple[c.Expected, ...], language: str, recordings: Recordings) -> Pattern:
        """Answer the runs that say ``items`` in ``language``; ``...`` parts two runs."""
        parts: list[list[c.Expected]] = [[]]
        for item in items:
            if isinstance(item, c.HearAny):
                parts.append([])
            else:
                parts[-1].append(item)
        return cls(tuple(recordings(tuple(part), language) for part in parts if part))


def find(pattern: Pattern, heard: Sequence[Heard], start: int) -> int | None:
    """Answer the place after the first match of ``pattern`` at or after ``start``; None: not (yet) heard."""
    place = start
    for run in pattern.runs:
        found = _find_run(run, heard, place)
        if found is None:
            return None
        place = found
    return place


def _find_run(run: tuple[str, ...], heard: Sequence[Heard], start: int) -> int | None:
    if not run:
        return None
    for first in range(start, len(heard) - len(run) + 1):
        window = heard[first : first + len(run)]
        if all(item.audio_id == wanted and not item.cut for item, wanted in zip(window, run, strict=True)):
            return first + len(run)
    return None


def describe(items: tuple[c.Expected, ...]) -> str:
    """Answer the items as a conversation file writes them."""
    texts = [expected(item) for item in items]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
