"""``if``: one way or another, by a condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.language.expressions import Expression
from core_client.language.source import Pairs
from flows.dialogue import Channel
from flows.engine.draft import Draft
from flows.model import Edge, Go, Read, Step, Way
from flows.reading.build import Build
from flows.reading.shape import Expr, Name, StepShape


class IfShape(StepShape):
    """One way or another."""

    if_: Expr
    then: Name
    else_: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Step):
    """One way or another."""

    kind: ClassVar[str] = "if"
    is_straight: ClassVar[bool] = True

    condition: Expression
    then: Edge
    otherwise: Edge

    def enter(self, draft: Draft) -> Go:
        """Take the way that the condition says."""
        return self.then if draft.decides(self.condition) else self.otherwise

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """Answer the ways that are possible on ``channel``: ``channel == "sms"`` leaves one."""
        known = self.condition.decide({"channel": channel.value})
        if known is None:
            return (self.then, self.otherwise)
        return (self.then,) if known else (self.otherwise,)

    def branches(self) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return (self.then, self.otherwise)

    def reads(self) -> tuple[Read, ...]:
        """See :class:`Step`."""
        return self.condition.reads()

    def sets(self, edge: Edge) -> frozenset[str]:
        """Answer what the condition proves: ``known(x)`` holds on the way of ``then``."""
        return self.condition.proves(edge == self.then)


def build_if(build: Build, shape: IfShape, node: Pairs, common: dict[str, Any]) -> If:
    """Make a branch of its YAML."""
    return If(
        **common,
        condition=build.condition(node.entries["if"]),
        then=build.edge(node.entries["then"], Way.CASE, "then"),
        otherwise=build.edge(node.entries["else"], Way.CASE, "else"),
    )
