"""``go``: on to another step, in another language perhaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.language.source import Pairs
from flows.dialogue import Channel
from flows.engine.draft import Draft
from flows.model import Edge, Go, Step
from flows.reading.build import Build
from flows.reading.shape import Name, StepShape


class GoShape(StepShape):
    """On to another step."""

    go: Name
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoStep(Step):
    """On to another step."""

    kind: ClassVar[str] = "go"

    next: Edge
    language: str | None

    def enter(self, draft: Draft) -> Go:
        """Go."""
        draft.language = self.language or draft.language
        return self.next

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return (self.next,)


def build_go(build: Build, shape: GoShape, node: Pairs, common: dict[str, Any]) -> GoStep:
    """Make a step that goes on of its YAML."""
    language = node.get("language")
    return GoStep(
        **common,
        next=build.edge(node.entries["go"]),
        language=build.language(language) if language is not None else None,
    )
