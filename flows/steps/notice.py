"""``notice``: say what staff have switched on, without a new version of the flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.language.source import Items, Pairs, Scalar
from core_client.language.suggest import did_you_mean
from flows.dialogue import Channel
from flows.engine.draft import Draft
from flows.model import Edge, Go, Step
from flows.reading.build import Build
from flows.reading.shape import Name, StepShape
from flows.saying import Saying


class NoticeShape(StepShape):
    """Say what staff have switched on."""

    notice: Name | list[Name]
    next: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Step):
    """Say what staff have switched on, in the order in which the step names the notices."""

    kind: ClassVar[str] = "notice"

    notices: Mapping[str, Saying]
    next: Edge
    barge_in: bool

    def enter(self, draft: Draft) -> Go:
        """Say those that are on."""
        for name, saying in self.notices.items():
            if name in draft.facts.notices:
                draft.say(saying, barge_in=self.barge_in)
        return self.next

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return (self.next,)

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return tuple(self.notices.values())


def build_notice(build: Build, shape: NoticeShape, node: Pairs, common: dict[str, Any]) -> Notice:
    """Make a step that says notices of its YAML."""
    given = node.entries["notice"]
    entries = given.items if isinstance(given, Items) else (given,)
    if not entries:
        raise build.source.error(given.place, "a notice step names at least one notice", "As in: notice: outage")
    found: dict[str, Saying] = {}
    for entry in entries:
        assert isinstance(entry, Scalar)  # noqa: S101 - its shape was checked
        if entry.text not in build.notices:
            hint = did_you_mean(entry.text, build.notices) or "Write it under 'notices'."
            raise build.source.error(entry.place, f"unknown notice '{entry.text}'", hint)
        if entry.text in found:
            raise build.source.error(entry.place, f"notice '{entry.text}' is named twice", "Once is enough.")
        found[entry.text] = build.notices[entry.text].saying
    return Notice(**common, notices=found, next=build.edge(node.entries["next"]), barge_in=build.defaults.barge_in)
