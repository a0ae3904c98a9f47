"""``say``: say something and go on, or hang up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.language.source import Pairs
from flows.dialogue import Channel, End
from flows.engine.draft import Draft
from flows.model import Edge, Go, Step
from flows.reading.build import Build
from flows.reading.shape import Flag, Name, Says, StepShape
from flows.saying import Saying

ENDS_A_TEXT = ("menu", "transfer")  # a text is answered; a call would go back to its menu, or on to an agent


class SayShape(StepShape):
    """Say something and go on, or hang up."""

    say: Says = None
    next: Name | None = None
    hangup: Flag = False
    barge_in: Flag | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SayStep(Step):
    """Say something and go on, or hang up."""

    kind: ClassVar[str] = "say"
    is_straight: ClassVar[bool] = True

    saying: Saying
    next: Edge | None  # None: hang up
    barge_in: bool

    def enter(self, draft: Draft) -> Go:
        """Say it."""
        draft.say(self.saying, barge_in=self.barge_in)
        if self.next is None or (draft.sms and self._ends_a_text(draft)):
            return End("done")
        return self.next

    def _ends_a_text(self, draft: Draft) -> bool:
        step = draft.flow.steps.get(self.next.target) if self.next is not None else None
        return step is not None and ends_a_text(step)

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`. Whether a text ends here is the graph's to see: it knows the next step."""
        return () if self.next is None else (self.next,)

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return (self.saying,)


def ends_a_text(step: Step) -> bool:
    """Answer whether a text's dialogue ends before ``step``."""
    return step.kind in ENDS_A_TEXT or (isinstance(step, SayStep) and step.next is None)


def build_say(build: Build, shape: SayShape, node: Pairs, common: dict[str, Any]) -> SayStep:
    """Make a step that says something of its YAML."""
    if shape.hangup == (shape.next is not None):
        what = "both 'next' and 'hangup'" if shape.hangup else "neither 'next' nor 'hangup: true'"
        raise build.source.error(node.place, f"step '{common['name']}' has {what}", "One of them says what follows.")
    next_ = node.get("next")
    return SayStep(
        **common,
        saying=build.saying(node.get("say")),
        next=build.edge(next_) if next_ is not None else None,
        barge_in=build.defaults.barge_in if shape.barge_in is None else shape.barge_in,
    )
