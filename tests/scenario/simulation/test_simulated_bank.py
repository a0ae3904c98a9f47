"""The bank as a simulation: every invariant, whatever goes wrong; the same seed the same run; planted bugs found.

``TELLERLINE_PROOF=1`` plays a thousand seeds of 2,000 steps, half of them to the end of liveness. Else a fixed few,
and two fresh ones whose seeds are printed: put such a seed into ``tellerline simulate --seed`` to play it again.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from tellerline.simulating.plan import plan_of
from tellerline.simulating.plants import BY_NAME
from tellerline.simulating.reporting import told
from tellerline.simulating.running import Mode, run
from tellerline.simulating.shrinking import chosen, minimised, ranges, shrink

PROOF = os.environ.get("TELLERLINE_PROOF") == "1"
STEPS = 2_000 if PROOF else 300
SEEDS = range(1, 1_001) if PROOF else range(1, 9)
# A share of the plants, each with a seed and a length that find it; `tellerline simulate --mutations` tries them all.
FOUND = ("skip-hold", "float-money", "other-amount", "spoken-before-posted", "drop-audit-row", "texted-twice")


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
def test_every_invariant_holds_whatever_goes_wrong(seed: int) -> None:
    mode = Mode.LIVENESS if seed % 2 else Mode.SAFETY
    outcome = run(seed, STEPS, mode=mode)
    assert outcome.broken is None, "\n".join((*told(outcome), *outcome.trace[-12:]))


def test_every_invariant_holds_for_fresh_seeds() -> None:
    for seed in random.SystemRandom().sample(range(10_000, 10_000_000), 2):
        print(f"tellerline simulate --seed {seed} --steps {STEPS} --mode liveness --shrink")
        outcome = run(seed, STEPS, mode=Mode.LIVENESS)
        assert outcome.broken is None, "\n".join((*told(outcome), *outcome.trace[-12:]))


def test_the_same_seed_is_the_same_run_in_another_process() -> None:
    script = "from tellerline.simulating.running import run; print(run(7, 150).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": str(n)}, capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for n in (1, 2)
    }  # fmt: skip
    assert digests == {f"{run(7, 150).digest}\n"}


@pytest.mark.parametrize("name", FOUND)
def test_a_planted_bug_is_found_and_gone_after_its_run(name: str) -> None:
    outcome = next(found for found in (run(seed, 300, plant=BY_NAME[name]) for seed in range(1, 9)) if found.broken)
    assert outcome.broken is not None
    assert run(outcome.seed, 150).broken is None


def test_a_failure_is_shrunk_to_a_few_events_that_fail_again() -> None:
    plant = BY_NAME["spoken-before-posted"]
    outcome = next(found for found in (run(seed, 300, plant=plant) for seed in range(1, 9)) if found.broken)
    shrunk = shrink(outcome, plant=plant, max_runs=120)
    assert len(shrunk.events) < 12
    again = chosen(plan_of(outcome.seed, 300), ranges(shrunk.events))
    found = run(outcome.seed, 300, plant=plant, only=again).broken
    assert found is not None
    assert outcome.broken is not None
    assert found.invariant is outcome.broken.invariant


def test_a_list_is_made_as_short_as_it_still_fails() -> None:
    kept, _ = minimised(list(range(40)), lambda part: {3, 17, 31} <= set(part), 500)
    assert kept == [3, 17, 31]


def test_a_plan_grows_at_its_end_alone() -> None:
    assert plan_of(5, 400)[:100] == plan_of(5, 100)
