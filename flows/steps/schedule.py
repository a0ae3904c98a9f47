"""``schedule``: one way while the line is open, others while it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.language.source import Pairs
from core_client.language.suggest import did_you_mean
from flows.dialogue import Channel
from flows.engine.draft import Draft
from flows.model import Edge, Go, Step, Way
from flows.reading.build import Build
from flows.reading.shape import Name, StepShape
from flows.schedules import Schedule, State


class ScheduleStepShape(StepShape):
    """One way while the line is open, others while it is not."""

    schedule: Name
    open: Name
    closed: Name
    holiday: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStep(Step):
    """One way while the line is open, others while it is not. Without a way of its own a holiday goes as closed."""

    kind: ClassVar[str] = "schedule"

    schedule: Schedule
    open: Edge
    closed: Edge
    holiday: Edge

    def enter(self, draft: Draft) -> Go:
        """Take the way of the moment."""
        match self.schedule.state(draft.facts.at):
            case State.OPEN:
                return self.open
            case State.HOLIDAY:
                return self.holiday
            case _:
                return self.closed

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return (self.open, self.closed, self.holiday)


def build_schedule(build: Build, shape: ScheduleStepShape, node: Pairs, common: dict[str, Any]) -> ScheduleStep:
    """Make a look at the clock of its YAML."""
    schedule = build.schedules.get(shape.schedule)
    if schedule is None:
        hint = did_you_mean(shape.schedule, build.schedules) or "Write it under 'schedules'."
        raise build.source.error(node.entries["schedule"].place, f"unknown schedule '{shape.schedule}'", hint)
    closed = node.entries["closed"]
    return ScheduleStep(
        **common,
        schedule=schedule,
        open=build.edge(node.entries["open"], Way.CASE, State.OPEN),
        closed=build.edge(closed, Way.CASE, State.CLOSED),
        holiday=build.edge(node.get("holiday") or closed, Way.CASE, State.HOLIDAY),
    )
