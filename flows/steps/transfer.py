"""``transfer``: hand the party to a queue of people. A text is told how to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from core_client.domain.values import Value
from core_client.language.expressions import Expression
from core_client.language.source import Items, Pairs
from flows import prompts
from flows.dialogue import Channel, End, Resume, TransferEnded, TransferToAgent
from flows.engine.draft import Draft
from flows.masking import told
from flows.model import Edge, Go, Step
from flows.reading.build import Build
from flows.reading.shape import Duration, Name, Says, Shape, StepShape
from flows.saying import Saying
from flows.steps.outcomes import outcomes_of

OUTCOMES = ("answered", "closed", "failed", "timeout")


class QueueShape(Shape):
    """Which queue, and what its people need to know."""

    queue: Name
    context: list[str] = Field(default_factory=list)
    prompt: Says = None
    position: Duration | None = None
    callback_after: Duration | None = None


class TransferShape(StepShape):
    """Hand the party to a queue of people."""

    transfer: QueueShape
    on: dict[str, Name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Step):
    """Hand the party to a queue of people.

    Of what is masked they are told the end. The place in the queue is told every ``position_s``. After ``limit_s``
    nobody has answered: it ends as ``timeout``, and the flow may offer to call back.
    """

    kind: ClassVar[str] = "transfer"

    queue: str
    context: Mapping[str, Expression]
    prompt: Saying
    position_s: float | None
    limit_s: float | None
    outcomes: Mapping[str, Edge]

    def enter(self, draft: Draft) -> Go:
        """Say so and hand over; a text ends with how to reach people."""
        if draft.sms:
            draft.say_prompt(prompts.AGENT_CALL_BACK)
            return End("agent")
        draft.say(self.prompt)
        context: dict[str, Value] = {}
        for name, expression in self.context.items():
            value = expression.evaluate_or_none(draft)
            if value is not None:
                context[name] = told(draft.flow, expression, value)
        return TransferToAgent(self.queue, context, self.position_s, self.limit_s)

    def answer(self, draft: Draft, resume: Resume) -> Go:
        """Go on by how it ended."""
        if not isinstance(resume, TransferEnded):
            return self.enter(draft)
        return self.outcomes.get(resume.outcome) or self.outcomes["failed"]

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return () if channel is Channel.SMS else tuple(self.outcomes.values())

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return (self.prompt,)


def build_transfer(build: Build, shape: TransferShape, node: Pairs, common: dict[str, Any]) -> Transfer:
    """Make a hand-over of its YAML."""
    what = node.entries["transfer"]
    assert isinstance(what, Pairs)  # noqa: S101 - its shape was checked
    context = what.get("context")
    entries = context.items if isinstance(context, Items) else ()
    expressions = [build.expression(node) for node in entries]
    for entry, expression in zip(entries, expressions, strict=True):
        if expression.type.name == "secret":
            raise build.source.error(entry.place, "a secret is never told to an agent")
    return Transfer(
        **common,
        queue=shape.transfer.queue,
        context={expression.text: expression for expression in expressions},
        prompt=build.saying(what.get("prompt")),
        position_s=_seconds(build, shape.transfer.position, what, "position"),
        limit_s=_seconds(build, shape.transfer.callback_after, what, "callback_after"),
        outcomes=outcomes_of(build, node, "a transfer", OUTCOMES),
    )


def _seconds(build: Build, seconds: float | None, what: Pairs, key: str) -> float | None:
    """Queues of people count in whole seconds."""
    if seconds is not None and (seconds < 1 or seconds != int(seconds)):
        raise build.source.error(what.entries[key].place, f"'{key}' takes whole seconds", f"As in: {key}: 30s")
    return seconds
