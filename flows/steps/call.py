"""``call``: a sub-flow. It begins at a step, and where it says ``return`` the call goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.language.errors import EvaluationError
from core_client.language.source import Pairs
from flows.dialogue import Channel
from flows.engine.draft import Draft
from flows.model import Edge, Go, Step, Way
from flows.reading.build import Build
from flows.reading.shape import Name, StepShape
from flows.session import Frame

MAX_NESTING = 8  # sub-flows that call sub-flows; deeper, nobody follows what comes back to where
MAX_FRAMES = 2 * MAX_NESTING  # with the gates between them


class CallShape(StepShape):
    """A sub-flow, and what follows when it returns."""

    call: Name
    next: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Step):
    """A sub-flow, and what follows when it returns.

    Whoever leaves the sub-flow for a step outside of it has left it for good, as with gates.
    """

    kind: ClassVar[str] = "call"

    begin: Edge
    next: Edge

    def enter(self, draft: Draft) -> Go:
        """Begin the sub-flow."""
        if len(draft.frames) >= MAX_FRAMES:
            raise EvaluationError(f"step '{self.name}' calls a sub-flow too deep inside others")
        draft.frames = (*draft.frames, Frame("", self.next.target, self.name))
        return self.begin

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return (self.begin, self.next)


def build_call(build: Build, shape: CallShape, node: Pairs, common: dict[str, Any]) -> Call:
    """Make a call of a sub-flow of its YAML."""
    return Call(**common, begin=build.edge(node.entries["call"], Way.CALL), next=build.edge(node.entries["next"]))
