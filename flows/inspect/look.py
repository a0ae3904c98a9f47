"""One flow as lints look at it: its graph is walked once, for all of them."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from core_client.language.source import Place
from flows import graph
from flows.dialogue import Channel
from flows.graph import Reached
from flows.inspect.finding import Finding, Prompts, end_of_word
from flows.inspect.rule import Rule, Severity
from flows.model import RETURN, Edge, Flow, Step

T = TypeVar("T")
CALL_LIMIT_S = 1800.0  # the settings' agi.call_limit_s, unless they say otherwise


@dataclass(frozen=True, slots=True)
class Walk:
    """What a party on one channel gets to, and where each step leads there."""

    reached: Mapping[str, Reached]
    ways: Mapping[str, tuple[Edge, ...]]

    def steps(self) -> Iterator[Step]:
        """Answer the steps that are reached."""
        return (at.step for at in self.reached.values())

    def leading_to(self, goals: Iterable[str]) -> set[str]:
        """Answer the steps from which one of ``goals`` can be reached, those included. Linear in the ways."""
        into: dict[str, list[str]] = {}
        for name, edges in self.ways.items():
            for edge in edges:
                into.setdefault(edge.target, []).append(name)
        found = set(goals)
        queue = deque(found)
        while queue:
            for name in into.get(queue.popleft(), ()):
                if name not in found:
                    found.add(name)
                    queue.append(name)
        return found


class Look:
    """One flow, its catalogue, and what several lints want to know of them."""

    def __init__(
        self,
        flow: Flow,
        prompts: Prompts | None = None,
        call_limit_s: float = CALL_LIMIT_S,
        today: datetime.date | None = None,
    ) -> None:
        self.flow = flow
        self.prompts = prompts
        self.call_limit_s = call_limit_s
        self.today = today
        self._lines: dict[str, list[str]] = {}
        self._kept: dict[str, Any] = {}

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """Answer what several lints ask for, made once."""
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    @cached_property
    def voice(self) -> Walk:
        """Answer what callers get to."""
        return self._walk(Channel.VOICE)

    @cached_property
    def sms(self) -> Walk:
        """Answer what texts get to."""
        return self._walk(Channel.SMS)

    def walk(self, channel: Channel) -> Walk:
        """Answer what a party on ``channel`` gets to."""
        return self.voice if channel is Channel.VOICE else self.sms

    def _walk(self, channel: Channel) -> Walk:
        reached = graph.reached(self.flow, channel)
        return Walk(reached, {name: graph.ways(self.flow, at.step, channel) for name, at in reached.items()})

    @cached_property
    def ending(self) -> set[str]:
        """Answer the steps from which a call can come to an end, or back to where a gate or a sub-flow began."""
        return self.voice.leading_to({RETURN, *(name for name, edges in self.voice.ways.items() if not edges)})

    @property
    def start(self) -> Place:
        """Answer where the flow's first step stands: the place of what is said of the flow as a whole."""
        return self.flow.steps[self.flow.start].place

    def found(
        self, rule: Rule, place: Place, message: str, hint: str = "", severity: Severity | None = None
    ) -> Finding:
        """Make a finding at a place of the flow or of a file that it includes."""
        line = self._line(place)
        return Finding(
            file=self.flow.file_at(place),
            line=place.line,
            column=place.column,
            message=message,
            hint=hint,
            severity=severity or rule.severity,
            source_line=line,
            rule=rule.id,
            end_column=end_of_word(line, place.column),
        )

    def _line(self, place: Place) -> str:
        lines = self._lines.get(place.file)
        if lines is None:
            text = self.flow.included.get(place.file, "") if place.file else self.flow.source_text
            lines = self._lines[place.file] = text.splitlines()
        return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


Lint: TypeAlias = Callable[[Look], Iterator[Finding]]
