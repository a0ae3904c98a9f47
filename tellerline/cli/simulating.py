"""``tellerline simulate``: the bank as a simulation."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

import typer

from core_client.language.suggest import did_you_mean
from tellerline.simulating.plan import plan_of
from tellerline.simulating.plants import BY_NAME, NONE, Plant
from tellerline.simulating.reporting import HEAD, hunt, told, told_short
from tellerline.simulating.running import Mode, Outcome, run
from tellerline.simulating.shrinking import chosen, shrink

MUTATION_SEEDS, MUTATION_STEPS = 40, 800  # a bug that none of these find is not caught


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(
    seed: Annotated[int, typer.Option(help="Which run: the same seed is the same run.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="How many events its plan has.")] = 2_000,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from --seed on.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="How many processes play them.")] = 1,
    mode: Annotated[Mode, typer.Option(help="liveness: when faults stop at the end, everything has to settle.")] = (
        Mode.SAFETY
    ),
    shrink_it: Annotated[bool, typer.Option("--shrink", help="Look for the shortest list that still fails.")] = False,
    plant: Annotated[str, typer.Option(metavar="BUG", help="Plant a bug; 'list' names them.")] = NONE.name,
    only: Annotated[str, typer.Option(metavar="STEPS", help="Only these events of the plan, as in 3,7-9.")] = "",
    mutations: Annotated[bool, typer.Option("--mutations", help="Print which seed finds which planted bug.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a run.")] = False,
) -> None:
    """Play the bank through everything that goes wrong, in virtual time, and check every invariant at every step.

    Exit code 1 when an invariant is broken, or a planted bug is not found.
    """
    if plant == "list":
        for each in BY_NAME.values():
            typer.echo(f"{each.name:<24} {each.what}")
        return
    if mutations:
        raise typer.Exit(_mutations())
    planted = _plant(plant)
    failed = False
    began = time.monotonic()
    for outcome in _outcomes(range(seed, seed + seeds), steps, mode, planted, only, jobs):
        failed = failed or outcome.broken is not None
        if as_json:
            typer.echo(json.dumps(_as_json(outcome)))
            continue
        for line in told(outcome):
            typer.echo(line)
        if outcome.broken is not None:
            hint = f" --plant {plant}" if planted is not NONE else ""
            if shrink_it:
                for line in told_short(shrink(outcome, plant=planted), planted):
                    typer.echo(line)
            else:
                again = f"--seed {outcome.seed} --steps {steps} --mode {mode.value}{hint} --shrink"
                typer.echo(f"  shortest list: tellerline simulate {again}")
    took_s = time.monotonic() - began
    if not as_json and seeds > 1:
        typer.echo(f"{seeds} seeds of {steps} steps in {took_s:.0f} s: {seeds * steps / took_s:.0f} steps a second")
    raise typer.Exit(int(failed))


def _outcomes(seeds: Sequence[int], steps: int, mode: Mode, plant: Plant, only: str, jobs: int) -> Iterator[Outcome]:
    """Play the seeds one after another, or in several processes; answer them in their order."""
    if only:
        events = chosen(plan_of(seeds[0], steps), only)
        yield run(seeds[0], steps, mode=mode, plant=plant, only=events)
        return
    if jobs == 1:
        yield from (run(each, steps, mode=mode, plant=plant) for each in seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_one, ((each, steps, mode, plant.name) for each in seeds))


def _one(order: tuple[int, int, Mode, str]) -> Outcome:
    seed, steps, mode, name = order
    return run(seed, steps, mode=mode, plant=BY_NAME.get(name, NONE))


def _plant(name: str) -> Plant:
    if name == NONE.name:
        return NONE
    if name not in BY_NAME:
        mend = did_you_mean(name, BY_NAME) or "`tellerline simulate --plant list` names them."
        typer.echo(f"there is no planted bug '{name}'\n  mend: {mend}", err=True)
        sys.exit(2)
    return BY_NAME[name]


def _mutations() -> int:
    """Print the table as it is found; answer the exit code."""
    missed = 0
    for line in HEAD:
        typer.echo(line)
    for caught in hunt(seeds=range(1, MUTATION_SEEDS + 1), steps=MUTATION_STEPS):
        missed += caught.outcome is None
        typer.echo(caught.row())
    return int(missed > 0)


def _as_json(outcome: Outcome) -> dict[str, object]:
    broken = outcome.broken
    return {
        "seed": outcome.seed,
        "steps": outcome.steps,
        "mode": outcome.mode.value,
        "broken": None if broken is None else {"invariant": broken.invariant.value, "detail": broken.detail},
        "at": outcome.at,
        "digest": outcome.digest,
        "counts": dict(outcome.counts),
        "faults": dict(sorted(outcome.happened.items())),
        "points": dict(sorted(outcome.passed.items())),
    }
