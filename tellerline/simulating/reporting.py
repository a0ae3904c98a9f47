"""What a run is told as: a failure with its seed, step, invariant and shortest list of events; the table of plants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tellerline.simulating.plan import setting_of
from tellerline.simulating.plants import PLANTS, Plant
from tellerline.simulating.running import Mode, Outcome, run
from tellerline.simulating.shrinking import Shrunk, ranges

TRACE_LINES = 12


@dataclass(frozen=True, slots=True)
class Caught:
    """A planted bug, and the first seed that found it."""

    plant: Plant
    outcome: Outcome | None
    tried: int

    def row(self) -> str:
        """Answer its row of the table."""
        if self.outcome is None or self.outcome.broken is None:
            return f"| {self.plant.name} | {self.plant.what} | not caught in {self.tried} seeds | | |"
        found = self.outcome
        broken = self.outcome.broken.invariant.value
        return f"| {self.plant.name} | {self.plant.what} | {found.seed} | {found.at} | {broken} |"


HEAD = ("| planted bug | what it does | caught by seed | at step | broken invariant |", "|---|---|---|---|---|")


def hunt(plants: Sequence[Plant] = PLANTS, *, seeds: Sequence[int], steps: int) -> Iterator[Caught]:
    """Plant each bug, and look for the first of ``seeds`` that finds it."""
    for plant in plants:
        mode = Mode.LIVENESS if plant.liveness else Mode.SAFETY
        caught: Outcome | None = None
        tried = 0
        for seed in seeds:
            tried += 1
            outcome = run(seed, steps, mode=mode, plant=plant)
            if outcome.broken is not None:
                caught = outcome
                break
        yield Caught(plant, caught, tried)


def told(outcome: Outcome) -> list[str]:
    """Answer a run's outcome in lines."""
    setting = setting_of(outcome.seed)
    where = "a core bank at the far end of a network" if setting.remote else "an embedded bank"
    counts = outcome.counts
    head = f"seed {outcome.seed}, {outcome.mode.value}: {setting.nodes} node{'s' * (setting.nodes > 1)}, {where}"
    done = (
        f"  {counts['operations']} operations, {counts['intents']} intents, {counts['posted']} posted, "
        f"{counts['words']} words to customers, {counts['changes']} changes to the books, {counts['crashes']} crashes, "
        f"{counts['power_cuts']} power cuts, {sum(outcome.happened.values())} faults, "
        f"{counts['virtual_s'] / 3600:.1f} virtual hours"
    )
    if outcome.broken is None:
        return [f"{head}: every invariant held over {outcome.steps} steps", done]
    return [
        f"{head}: BROKEN at step {outcome.at}",
        f"  invariant {outcome.broken.invariant.value}",
        f"  {outcome.broken.detail}",
        done,
    ]


def told_short(shrunk: Shrunk, plant: Plant) -> list[str]:
    """Answer the shortest failing list of events, what went wrong meanwhile, and how to play it again."""
    outcome = shrunk.outcome
    broken = outcome.broken
    planted = f" --plant {plant.name}" if plant.name != "none" else ""
    replay = (
        f"tellerline simulate --seed {outcome.seed} --steps {outcome.steps} --mode {outcome.mode.value}{planted} "
        f"--only {ranges(shrunk.events)}"
    )
    return [
        f"{len(shrunk.events)} events still break it (found in {shrunk.runs} runs):",
        *(f"  {event}" for event in shrunk.events),
        "what went wrong meanwhile:",
        *(f"  {line}" for line in outcome.trace[-TRACE_LINES:]),
        f"broken: {broken.invariant.value if broken else ''}: {broken.detail if broken else ''}",
        f"again: {replay}",
    ]
