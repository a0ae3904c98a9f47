"""``record``: the caller leaves a message. By voice only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from core_client.language import types as t
from core_client.language.source import Node, Pairs
from core_client.language.types import ExprType
from flows.dialogue import Channel, Record, RecordingEnded, Resume
from flows.engine.draft import Draft
from flows.model import Edge, Go, Step
from flows.reading.build import Build
from flows.reading.shape import Duration, Name, Says, Shape, StepShape
from flows.saying import Saying
from flows.steps.outcomes import outcomes_of

OUTCOMES = ("ok", "empty", "failed")
MAX_RECORD_S = 600.0  # ten minutes: nobody listens to a longer message, and a line left open must end
MESSAGE = ExprType(t.RECORD, fields={"recording": t.text, "seconds": t.number})


class MessageShape(Shape):
    """What is said before the message, and what ends it."""

    prompt: Says = None
    limit: Duration = 60.0
    silence: Duration = 5.0
    end: Annotated[str, StringConstraints(pattern=r"^[0-9*#]{0,12}$")] = "#"


class RecordShape(StepShape):
    """The caller leaves a message."""

    record: MessageShape
    save: Name
    on: dict[str, Name]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStep(Step):
    """The caller leaves a message, kept under ``save``: its name, and its length in seconds."""

    kind: ClassVar[str] = "record"
    takes_input: ClassVar[bool] = True

    prompt: Saying
    wait: Record
    barge_in: bool
    save: str
    outcomes: Mapping[str, Edge]

    def enter(self, draft: Draft) -> Go:
        """Say what the message is for, and record it."""
        draft.say(self.prompt, barge_in=self.barge_in)
        return self.wait

    def answer(self, draft: Draft, resume: Resume) -> Go:
        """Keep the message, and go on by how it ended."""
        if not isinstance(resume, RecordingEnded):
            return self.enter(draft)
        outcome = resume.outcome if resume.outcome in OUTCOMES else "failed"
        if outcome == "ok":
            draft.variables[self.save] = {"recording": resume.recording, "seconds": resume.seconds}
        return self.outcomes[outcome]

    def sets(self, edge: Edge) -> frozenset[str]:
        """See :class:`Step`."""
        return frozenset({self.save}) if edge.word == "ok" else frozenset()

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return tuple(self.outcomes.values())

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return (self.prompt,)


def learn_record(build: Build, entry: Pairs) -> Iterator[tuple[Node, ExprType]]:
    """Answer the name that a message is kept under."""
    saved = entry.get("save")
    if saved is not None:
        yield saved, MESSAGE


def build_record(build: Build, shape: RecordShape, node: Pairs, common: dict[str, Any]) -> RecordStep:
    """Make a message of its YAML."""
    what = node.entries["record"]
    assert isinstance(what, Pairs)  # noqa: S101 - its shape was checked
    if "channels" in node.entries and Channel.SMS in common["channels"]:
        place = node.entries["channels"].place
        raise build.source.error(place, "a message is recorded by voice only", "Write: channels: [voice]")
    _whole_seconds(build, shape.record.silence, what, "silence")
    _whole_seconds(build, shape.record.limit, what, "limit")
    if shape.record.limit > MAX_RECORD_S:
        message = f"a message is at most {MAX_RECORD_S / 60:g} minutes long"
        raise build.source.error(what.entries["limit"].place, message, f"As in: limit: {MAX_RECORD_S / 60:g}m")
    if shape.record.silence >= shape.record.limit:
        place = (what.get("silence") or what.get("limit") or what).place
        message = "the silence that ends a message is as long as the message may be"
        raise build.source.error(place, message, "As in: limit: 60s, silence: 5s")
    return RecordStep(
        **{**common, "channels": frozenset({Channel.VOICE})},
        prompt=build.saying(what.get("prompt")),
        wait=Record(shape.record.limit, shape.record.silence, shape.record.end),
        barge_in=build.defaults.barge_in,
        save=shape.save,
        outcomes=outcomes_of(build, node, "a recording", OUTCOMES),
    )


def _whole_seconds(build: Build, seconds: float, what: Pairs, key: str) -> None:
    """Telephone exchanges count the silence of a recording in whole seconds."""
    if seconds < 1 or seconds != int(seconds):
        raise build.source.error(what.entries[key].place, f"'{key}' takes whole seconds", f"As in: {key}: 5s")
