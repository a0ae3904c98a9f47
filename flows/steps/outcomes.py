"""What transfers and recordings share: how they ended, and where each end leads."""

from __future__ import annotations

from core_client.language.source import Pairs
from core_client.language.suggest import did_you_mean
from flows.model import Edge, Way
from flows.reading.build import Build


def outcomes_of(build: Build, node: Pairs, what: str, known: tuple[str, ...]) -> dict[str, Edge]:
    """Take the ways of ``on``: each outcome that there is has one, and no others."""
    on = node.entries["on"]
    assert isinstance(on, Pairs)  # noqa: S101 - its shape was checked
    for outcome, place in on.keys.items():
        if outcome not in known:
            hint = did_you_mean(outcome, known) or f"It can be: {', '.join(known)}."
            raise build.source.error(place, f"{what} never ends as '{outcome}'", hint, "unknown-outcome")
    missing = [outcome for outcome in known if outcome not in on.entries]
    if missing:
        message = f"{what} can end as '{missing[0]}'"
        raise build.source.error(
            on.place, message, f"Add {', '.join(f'{m}: STEP' for m in missing)}.", "unhandled-outcome"
        )
    return {outcome: build.edge(target, Way.OUTCOME, outcome) for outcome, target in on.entries.items()}
