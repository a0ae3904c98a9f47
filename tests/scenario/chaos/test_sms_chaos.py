"""The whole gateway under load while links, centre, store and node break: nothing is lost, nothing is done twice.

``TELLERLINE_PROOF=1`` runs a minute each with several seeds; ``TELLERLINE_SEED`` runs with that seed alone.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.scenario.chaos import bank_line
from tests.scenario.chaos.node_process import NodeProcess
from tests.scenario.chaos.running import Storm
from tests.scenario.chaos.store_process import store_process
from tests.scenario.chaos.weather import Weather

PROOF = bool(os.environ.get("TELLERLINE_PROOF"))
SECONDS = 60.0 if PROOF else 10.0
FIXED = (7, 20, 36) if PROOF else (7,)
SEEDS = [int(os.environ["TELLERLINE_SEED"])] if "TELLERLINE_SEED" in os.environ else [*FIXED, None]


@pytest.mark.proof
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: "fresh" if seed is None else str(seed))
async def test_no_text_is_lost_or_done_twice_whatever_breaks(seed: int | None, tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    print(f"\nseed {seed}")
    state = tmp_path / "state"
    async with store_process(tmp_path / "store") as store:
        sealer = await bank_line.opened(state, store)
        async with bank_line.centre(seed) as smsc:
            node = NodeProcess(tmp_path, "main", bank_line.settings(state, store, smsc, "main"))
            weather = Weather(seed, smsc, store, [node])
            verdict = await Storm(smsc, store, [node], sealer, state).blow(lambda: weather.blow(SECONDS))
    print("faults:", ", ".join(f"{name} {count}" for name, count in sorted(weather.counts.items())))
    assert not verdict.wrong, "\n".join([f"seed {seed}:", *verdict.wrong[:40]])
    assert verdict.counts["stranger texts, processed once each"] > 5 * SECONDS / 2
