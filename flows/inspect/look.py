"""One flow as lints look at it: its graph is walked once, for all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TypeAlias

from core_client.language.source import Place
from flows import graph
from flows.dialogue import Channel
from flows.graph import Reached
from flows.inspect.finding import Finding, Prompts, end_of_word
from flows.inspect.rule import Rule, Severity
from flows.model import Edge, Flow, Step

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

    def __init__(self, flow: Flow, prompts: Prompts | None = None, call_limit_s: float = CALL_LIMIT_S) -> None:
        self.flow = flow
        self.prompts = prompts
        self.call_limit_s = call_limit_s
        self._lines: dict[str, list[str]] = {}

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
            file=self.file_of(place),
            line=place.line,
            column=place.column,
            message=message,
            hint=hint,
            severity=severity or rule.severity,
            source_line=line,
            rule=rule.id,
            end_column=end_of_word(line, place.column),
        )

    def file_of(self, place: Place) -> str:
        """Answer the path of the file that ``place`` is of."""
        name = getattr(place, "file", "")
        return str(PurePath(self.flow.file).parent / name) if name else self.flow.file

    def texts(self) -> dict[str, str]:
        """Answer the text of the flow's own file and of each that it includes, by path."""
        folder = PurePath(self.flow.file).parent
        included = {str(folder / name): text for name, text in self.flow.included.items()}
        return {self.flow.file: self.flow.source_text, **included}

    def _line(self, place: Place) -> str:
        name = getattr(place, "file", "")
        lines = self._lines.get(name)
        if lines is None:
            text = self.flow.included.get(name, "") if name else self.flow.source_text
            lines = self._lines[name] = text.splitlines()
        return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


Lint: TypeAlias = Callable[[Look], Iterator[Finding]]
