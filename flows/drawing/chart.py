"""What there is to draw of a flow: steps with their ways out, in sections, and what is dead. No coordinates yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows import graph
from flows.dialogue import Channel
from flows.drawing.details import detail_of, label_of
from flows.figures import StepFigures, VersionFigures
from flows.model import BY_CODE, RETURN, Edge, Flow, Step, Way

LINE, KEY, GATE, CALL, DEAD = "line", "key", "gate", "call", "dead"


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of a step; outcomes and cases that lead to one step are one way.

    ``dead``: nobody can take it. ``ends_text``: only texts get here, and a text ends where a call would go on.
    ``taken``: how often it was, None without figures.
    """

    label: str
    target: str  # a step, or "return"
    ways: tuple[tuple[str, str], ...]  # (way, word)
    dead: bool = False
    ends_text: bool = False
    taken: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A step. ``entries`` are the commands that begin here, ``gates`` what it needs by channel."""

    name: str
    kind: str
    detail: str
    section: str
    line: int
    file: str
    exits: tuple[Exit, ...]
    gates: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    starts: bool = False
    ends: bool = False
    dead: bool = False
    channels: tuple[str, ...] = ()  # on which a party can get here
    figures: StepFigures | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Steps that belong together: the line, what a key leads to from everywhere, a gate, a sub-flow, the dead."""

    key: str
    kind: str
    title: str
    note: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A flow, ready to be laid out."""

    flow: str
    file: str
    version: str
    languages: tuple[str, ...]
    nodes: Mapping[str, Node]
    sections: tuple[Section, ...]
    keys: tuple[tuple[str, str], ...]  # universal key -> what it does
    schedules: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    figures: VersionFigures | None = field(default=None)


def chart_of(flow: Flow, figures: VersionFigures | None = None) -> Chart:
    """Answer what there is to draw of ``flow``, with what happened in it."""
    return _Charting(flow, figures).chart()


class _Charting:
    def __init__(self, flow: Flow, figures: VersionFigures | None) -> None:
        self._flow = flow
        self._figures = figures
        self._reached = {channel: graph.reached(flow, channel) for channel in Channel}
        self._section_of: dict[str, str] = {}

    def chart(self) -> Chart:
        flow = self._flow
        sections = tuple(self._sections())
        return Chart(
            flow=flow.name,
            file=flow.file,
            version=flow.version,
            languages=flow.languages,
            nodes={name: self._node(step) for name, step in flow.steps.items()},
            sections=sections,
            keys=tuple((key, edge.target) for key, edge in flow.keys.items()),
            schedules=tuple(flow.schedules),
            notices=tuple(flow.notices),
            figures=self._figures,
        )

    # --- sections ---

    def _sections(self) -> Iterator[Section]:
        flow = self._flow
        inner: list[Section] = []
        for gate in flow.gates.values():
            by_text = "a code by text" if gate.sms == BY_CODE else "the registered number by text"
            note = f"proved once; by text: {by_text}"
            inner += self._region(f"gate {gate.name}", GATE, f"Gate {gate.name}", note, gate.voice.target, gate.steps)
        calls: dict[str, list[str]] = {}
        for name in flow.subflows:
            calls.setdefault(self._begins(flow.steps[name]), []).append(name)
        for first, callers in calls.items():
            note = f"called by {', '.join(callers)}"
            steps = flow.subflows[callers[0]]
            inner += self._region(f"call {first}", CALL, f"Sub-flow {first}", note, first, steps)
        keys = list(self._keys())
        alive = [name for name in flow.steps if self._channels(name) and name not in self._section_of]
        dead = [name for name in flow.steps if not self._channels(name) and name not in self._section_of]
        self._section_of |= dict.fromkeys(alive, LINE) | dict.fromkeys(dead, DEAD)
        if alive:
            yield Section(LINE, LINE, flow.name, "", tuple(alive))
        yield from (*keys, *inner)
        if dead:
            yield Section(DEAD, DEAD, "Never reached", "no way of any channel leads here", tuple(dead))

    def _keys(self) -> Iterator[Section]:
        """Answer what can only be come to through the step that a universal key leads to."""
        flow = self._flow
        everything = self._without("")
        for key, edge in flow.keys.items():
            first = edge.target
            if first not in flow.steps or first == flow.start or first in self._section_of:
                continue
            steps = everything - self._without(first)
            names = [name for name in flow.steps if name in steps and name not in self._section_of]
            if len(names) > 1:
                self._section_of |= dict.fromkeys(names, f"key {key}")
                note = "from every menu and confirmation, and where the picture says so"
                yield Section(f"key {key}", KEY, f"Key {key}: {first}", note, tuple(names))

    def _without(self, closed: str) -> frozenset[str]:
        """Answer the steps that can be come to without step ``closed``."""
        flow = self._flow
        found: set[str] = set()
        queue = [edge.target for channel in Channel for edge in graph.roots(flow, channel)]
        while queue:
            name = queue.pop()
            if name in found or name == closed or name not in flow.steps:
                continue
            found.add(name)
            step = flow.steps[name]
            for channel in Channel:
                if name in self._reached[channel]:
                    queue.extend(edge.target for edge in graph.ways(flow, step, channel))
            queue.extend(flow.gates[gate].voice.target for gate in step.needs.get(Channel.VOICE, ()))
        return frozenset(found)

    def _region(
        self, key: str, kind: str, title: str, note: str, first: str, steps: frozenset[str]
    ) -> Iterator[Section]:
        names = [name for name in self._flow.steps if (name in steps or name == first) and name not in self._section_of]
        names = [name for name in names if self._channels(name)]
        self._section_of |= dict.fromkeys(names, key)
        if names:
            yield Section(key, kind, title, note, tuple(names))

    @staticmethod
    def _begins(step: Step) -> str:
        return next(edge.target for edge in step.branches() if edge.way is Way.CALL)

    # --- steps ---

    def _channels(self, name: str) -> tuple[str, ...]:
        return tuple(str(channel) for channel in Channel if name in self._reached[channel])

    def _node(self, step: Step) -> Node:
        flow, name = self._flow, step.name
        channels = self._channels(name)
        exits = self._exits(step)
        commands = [pattern for pattern in flow.sms_patterns if pattern.step == name]
        return Node(
            name=name,
            kind="hangup" if step.kind == "say" and not step.branches() else step.kind,
            detail=detail_of(step),
            section=self._section_of[name],
            line=step.place.line,
            file=step.place.file,
            exits=exits,
            gates=tuple(_gates(step)),
            entries=tuple(pattern.text for pattern in commands),
            starts=name == flow.start,
            ends=not step.branches(),
            dead=not channels,
            channels=channels,
            figures=self._of(name),
        )

    def _of(self, name: str) -> StepFigures | None:
        return None if self._figures is None else self._figures.steps.get(name, StepFigures())

    def _exits(self, step: Step) -> tuple[Exit, ...]:
        flow = self._flow
        here = [channel for channel in Channel if step.name in self._reached[channel]]
        taken = {edge for channel in here for edge in graph.ways(flow, step, channel)}
        possible = {edge for channel in here for edge in step.edges(channel)}
        merged: dict[tuple[str, str, bool, bool], list[Edge]] = {}
        for edge in dict.fromkeys((*step.branches(), *possible)):
            if edge.way is Way.UNIVERSAL:
                continue  # told once for the whole flow
            together = edge.way if edge.way in (Way.OUTCOME, Way.CASE) else f"{edge.way} {edge.word}"
            # Of a step that is never reached no way is dead by itself: the step says so.
            dead = bool(here) and edge not in possible
            merged.setdefault((together, edge.target, dead, edge in possible - taken), []).append(edge)
        return tuple(self._exit(step, edges, dead, ends) for (_, _, dead, ends), edges in merged.items())

    def _exit(self, step: Step, edges: list[Edge], dead: bool, ends_text: bool) -> Exit:
        ways = tuple((str(edge.way), edge.word) for edge in edges)
        figures = self._of(step.name)
        taken = None if figures is None else sum(figures.ways.get(way, 0) for way in ways)
        label = ", ".join(label_of(step, edge) for edge in edges)
        return Exit(label, edges[0].target, ways, dead, ends_text, taken)


def _gates(step: Step) -> Iterator[str]:
    """Answer what a step needs: ``auth``, or ``auth (voice)`` where the channels differ."""
    needs = {channel: step.needs.get(channel, ()) for channel in Channel}
    for gate in dict.fromkeys(gate for needed in needs.values() for gate in needed):
        by = [channel for channel, needed in needs.items() if gate in needed]
        yield gate if len(by) == len(Channel) else f"{gate} ({by[0]})"


def as_data(chart: Chart) -> dict[str, Any]:
    """Answer the chart as plain data, for other programs to draw."""
    return {
        "flow": chart.flow,
        "file": chart.file,
        "version": chart.version,
        "languages": list(chart.languages),
        "keys": dict(chart.keys),
        "schedules": list(chart.schedules),
        "notices": list(chart.notices),
        "sections": [
            {"key": s.key, "kind": s.kind, "title": s.title, "note": s.note, "steps": list(s.nodes)}
            for s in chart.sections
        ],
        "steps": [_step_data(node) for node in chart.nodes.values()],
        "edges": [
            {
                "from": node.name,
                "to": way.target,
                "label": way.label,
                "ways": [{"way": each, "word": word} for each, word in way.ways],
                "dead": way.dead,
                "ends_text": way.ends_text,
                **({} if way.taken is None else {"taken": way.taken}),
            }
            for node in chart.nodes.values()
            for way in node.exits
        ],
    }


def _step_data(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": node.name,
        "kind": node.kind,
        "detail": node.detail,
        "section": node.section,
        "file": node.file,
        "line": node.line,
        "gates": list(node.gates),
        "commands": list(node.entries),
        "channels": list(node.channels),
        "starts": node.starts,
        "dead": node.dead,
    }
    if (figures := node.figures) is not None:
        data["figures"] = {
            "visits": figures.visits,
            "hangups": figures.hangups,
            "failed": figures.failed,
            "average_s": round(figures.average_s, 3),
        }
    return data


__all__ = ["RETURN", "Chart", "Exit", "Node", "Section", "as_data", "chart_of"]
