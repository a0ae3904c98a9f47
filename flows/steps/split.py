"""``split``: a share of the parties goes one way, another share another way, and each party always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from core_client.language.source import Pairs
from flows.dialogue import Channel
from flows.engine.draft import Draft
from flows.model import Edge, Go, Step, Way
from flows.reading.build import Build
from flows.reading.shape import Name, Shape, StepShape

WHOLE = 100


class ShareShape(Shape):
    """One share: how many parties of a hundred, and where they go."""

    share: int = Field(ge=1, le=WHOLE)
    go: Name


class SplitShape(StepShape):
    """Shares of the parties, each on its own way."""

    split: Name
    shares: dict[Name, ShareShape] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(Step):
    """Shares of the parties, each on its own way.

    Who goes where hangs on the flow, the name of the split and the party's number only: not on the version, so that a
    party hears the same today and after the next publish. A party without a number is split by its session.
    """

    kind: ClassVar[str] = "split"

    split: str
    shares: Mapping[str, tuple[int, Edge]]

    def enter(self, draft: Draft) -> Go:
        """Take the way of the party's share."""
        draft.by_chance = True
        place = place_of(draft.flow.name, self.split, draft.party.number or draft.session.id)
        for share, edge in self.shares.values():
            place -= share
            if place < 0:
                return edge
        raise ValueError("the shares are less than a whole")

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return tuple(edge for _, edge in self.shares.values())


def place_of(flow: str, split: str, party: str) -> int:
    """Answer a party's place among a hundred: the same on every node, in every version, for ever."""
    digest = hashlib.sha256(f"{flow}\0{split}\0{party}".encode()).digest()
    return int.from_bytes(digest[:8]) % WHOLE


def build_split(build: Build, shape: SplitShape, node: Pairs, common: dict[str, Any]) -> Split:
    """Make a split of its YAML."""
    shares = node.entries["shares"]
    assert isinstance(shares, Pairs)  # noqa: S101 - its shape was checked
    total = sum(share.share for share in shape.shares.values())
    if total != WHOLE:
        message = f"the shares of split '{shape.split}' are {total} of a hundred"
        raise build.source.error(shares.place, message, "Together they must be 100.")
    found = {}
    for name, entry in shares.entries.items():
        assert isinstance(entry, Pairs)  # noqa: S101 - its shape was checked
        found[name] = (shape.shares[name].share, build.edge(entry.entries["go"], Way.SHARE, name))
    return Split(**common, split=shape.split, shares=found)
