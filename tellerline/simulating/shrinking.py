"""The shortest list of events that still fails: delta debugging over the plan (Zeller, Hildebrandt 2002)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tellerline.simulating.plan import Event, plan_of
from tellerline.simulating.plants import NONE, Plant
from tellerline.simulating.running import Mode, Outcome, run

T = TypeVar("T")

MAX_RUNS = 400  # of one shrinking; each is shorter than the one before


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What is left: the events, and what came of them."""

    events: Sequence[Event]
    outcome: Outcome
    runs: int


def shrink(outcome: Outcome, *, plant: Plant = NONE, max_runs: int = MAX_RUNS) -> Shrunk:
    """Take events away from a run that failed as long as the same invariant breaks."""
    if outcome.broken is None:
        raise ValueError(f"the run of seed {outcome.seed} did not fail: there is nothing to shrink")
    wanted = outcome.broken.invariant
    plan = [event for event in plan_of(outcome.seed, outcome.steps) if event.n <= outcome.at]
    last = [outcome]

    def fails(events: Sequence[Event]) -> bool:
        found = run(outcome.seed, outcome.steps, mode=outcome.mode, plant=plant, only=events)
        if found.broken is not None and found.broken.invariant is wanted:
            last[0] = found
            return True
        return False

    kept, runs = minimised(plan, fails, max_runs)
    if not runs:
        return Shrunk(plan, outcome, 0)
    return Shrunk(kept, last[0], runs)


def minimised(items: Sequence[T], fails: Callable[[Sequence[T]], bool], max_runs: int) -> tuple[list[T], int]:
    """Answer a part of ``items`` of which no single one can be left out, and how often it was tried."""
    kept, parts, runs = list(items), 2, 0
    while len(kept) >= 2 and runs < max_runs:
        size = max(1, -(-len(kept) // parts))
        for start in range(0, len(kept), size):
            without = kept[:start] + kept[start + size :]
            runs += 1
            if without and fails(without):
                kept, parts = without, max(parts - 1, 2)
                break
            if runs >= max_runs:
                break
        else:
            if size == 1:
                break
            parts = min(len(kept), parts * 2)
    return kept, runs


def ranges(events: Sequence[Event]) -> str:
    """Answer the events' numbers as ``--only`` takes them: 3,7-9."""
    said: list[str] = []
    for event in events:
        first, _, last = said[-1].partition("-") if said else ("", "", "")
        if said and int(last or first) + 1 == event.n:
            said[-1] = f"{first}-{event.n}"
        else:
            said.append(str(event.n))
    return ",".join(said)


def chosen(plan: Sequence[Event], only: str) -> list[Event]:
    """Answer the events of ``plan`` that ``only`` names.

    Raises:
        ValueError: it is not of that form.
    """
    wanted: set[int] = set()
    for part in only.split(","):
        first, _, last = part.partition("-")
        wanted.update(range(int(first), int(last or first) + 1))
    return [event for event in plan if event.n in wanted]


__all__ = ["Mode", "Shrunk", "chosen", "minimised", "ranges", "shrink"]
