"""What of a flow was visited: steps, choices, outcomes, cases and prompts, in each of its languages.

What counts is what a party can get to on some channel in that language (:class:`Reach`); what was seen comes from the
trails of turns (:class:`Seen`, an :class:`~flows.runner.Observer`). Nothing here plays anything.

    seen = Seen()
    ...                                  # dialogues of a runner with observer=seen
    for item in Coverage.of(flow, seen).missing: print(item)
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from core_client.language.errors import EvaluationError
from core_client.language.expressions import Expression
from core_client.language.source import Place
from flows import graph
from flows.dialogue import Channel, Prompt, Resume, Say, Turn, What
from flows.model import Edge, Flow, Step, Way
from flows.prompts import REFUSED_PREFIX
from flows.session import Session
from flows.steps.ask import Ask
from flows.steps.bank import Bank
from flows.steps.branch import If
from flows.steps.confirm import NO_KEY, YES_KEY
from flows.steps.menu import Menu
from flows.steps.switch import Switch


class Kind(StrEnum):
    """What an item is, in the order of the table."""

    STEP = "steps"
    KEY = "menu keys"
    ANSWER = "answers"  # to questions and confirmations
    OUTCOME = "outcomes"
    CASE = "cases"
    SHARE = "shares"
    FAILED = "on_fail"
    UNIVERSAL = "universal keys"
    COMMAND = "commands"
    PROMPT = "prompts"  # told, and never part of the share: a reason of the bank's may have no way to be heard


_KINDS: Mapping[Way, Kind] = {
    Way.KEY: Kind.KEY,
    Way.YES: Kind.ANSWER,
    Way.NO: Kind.ANSWER,
    Way.NONE: Kind.ANSWER,
    Way.OUTCOME: Kind.OUTCOME,
    Way.CASE: Kind.CASE,
    Way.SHARE: Kind.SHARE,
    Way.FAILED: Kind.FAILED,
}


@dataclass(frozen=True, slots=True)
class Item:
    """Something to visit in one language. ``step`` is empty for a command, a universal key and a prompt."""

    kind: Kind
    language: str
    step: str
    way: str = ""
    word: str = ""
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    hint: str = field(default="", compare=False)

    @property
    def what(self) -> str:
        """What it is, in words."""
        match self.kind:
            case Kind.STEP:
                return f"step {self.step}"
            case Kind.COMMAND:
                return f'command "{self.word}"'
            case Kind.UNIVERSAL:
                return f'universal key "{self.word}"'
            case Kind.PROMPT:
                return f"prompt {self.word}"
            case _:
                way = {Way.KEY: f'key "{self.word}"', Way.FAILED: "on_fail", Way.NEXT: "an answer"}.get(
                    Way(self.way), f"{self.way} {self.word}".strip()
                )
                return f"step {self.step}: {way}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.language}: {self.what}"


# --- what was seen -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """What happened in dialogues, as an :class:`~flows.runner.Observer`. Plain sets: what processes saw is joined."""

    steps: set[tuple[str, str]] = field(default_factory=set)  # step, language
    ways: set[tuple[str, str, str, str]] = field(default_factory=set)  # step, way, word, language
    commands: set[tuple[str, str]] = field(default_factory=set)  # pattern, language
    said: set[tuple[str, str]] = field(default_factory=set)  # prompt, language

    def join(self, other: Seen) -> None:
        """Take in what another one saw."""
        self.steps |= other.steps
        self.ways |= other.ways
        self.commands |= other.commands
        self.said |= other.said

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        """See :class:`~flows.runner.Observer`."""
        # A choice may change the language: it was made in the one before.
        language = before.language if before is not None else session.language
        for mark in turn.trail:
            if mark.what is What.ENTERED:
                self.steps.add((mark.step, language))
            elif mark.what is What.LEFT:
                self.ways.add((mark.step, mark.way, mark.word, language))
                language = session.language

    def speaks(self, say: Say) -> None:
        """Hear what begins to be said."""
        self.said.update((item.id, say.language) for item in say.items if isinstance(item, Prompt))

    def commanded(self, pattern: str, language: str) -> None:
        """Hear of a command by text."""
        self.commands.add((pattern, language))

    def answered(self, session: Session, resume: Resume, seconds: float) -> None:
        """See :class:`~flows.runner.Observer`."""

    def left(self, session: Session) -> None:
        """See :class:`~flows.runner.Observer`."""

    def ended(self, session: Session, reason: str) -> None:
        """See :class:`~flows.runner.Observer`."""


# --- what there is to see ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class State:
    """A step as a party may be at it. ``remembered`` is the language that the core knows; "?": it may be any."""

    step: str
    channel: Channel
    language: str
    remembered: str


_Came: TypeAlias = "tuple[State | None, tuple[str, ...]]"  # from where, and what one does to come here
_THROUGH = "pass gate "


class _Caller:
    """A caller of whom no more is known than the remembered language: to be asked anything else is an error."""

    def __init__(self, language: str) -> None:
        self._language = language or None

    def get(self, name: str, /) -> object:
        if name == "identified" and self._language is not None:
            return True  # the core remembers customers only
        if name != "language":
            raise KeyError(name)
        return self._language


class Reach:
    """Every step that a party can get to, by channel and language, and the shortest way there."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._came: dict[State, _Came] = {}
        self._walk()

    @property
    def states(self) -> tuple[State, ...]:
        """All of them, nearest first."""
        return tuple(self._came)

    def ways(self, state: State) -> tuple[Edge, ...]:
        """Answer where one can go from ``state``."""
        step = self._flow.steps[state.step]
        if isinstance(step, If):
            known = self._holds(step.condition, state)
            if known is not None:
                return (step.then,) if known else (step.otherwise,)
        if isinstance(step, Switch) and step.value.names == {"language"}:
            edge = step.cases.get(state.language) or step.otherwise
            return (edge,) if edge is not None else ()
        return graph.ways(self._flow, step, state.channel)

    def path(self, state: State, *more: str) -> str:
        """Answer what to do to come to ``state`` and through its gates, and ``more``, in words."""
        done: tuple[str, ...] = ()
        here: State | None = state
        while here is not None:
            here, before = self._came[here]
            done = (*before, *done)
        kept: list[str] = []
        for doing_ in (*done, *self._gates(state), *more):
            if doing_ and not (doing_.startswith(_THROUGH) and doing_ in kept):  # a gate is passed once a dialogue
                kept.append(doing_)
        return ", ".join(kept)

    def _holds(self, condition: Expression, state: State) -> bool | None:
        known: dict[str, Any] = {"channel": state.channel.value, "language": state.language}
        if state.remembered != "?":
            known["party"] = _Caller(state.remembered)
        try:
            return condition.decide(known)
        except (EvaluationError, KeyError):
            return None

    def _roots(self) -> Iterator[tuple[State, str]]:
        flow = self._flow
        several = len(flow.languages) > 1
        for language in flow.languages:
            begins = f"call as who has chosen {language}" if several else "call"
            yield State(flow.start, Channel.VOICE, language, language), begins
        yield State(flow.start, Channel.VOICE, flow.languages[0], ""), "call from an unknown number"
        for pattern in flow.sms_patterns:
            yield State(pattern.step, Channel.SMS, pattern.language, "?"), f'text "{pattern.text}"'

    def _walk(self) -> None:
        queue: list[tuple[int, int, State, _Came]] = []
        count = 0
        for state, begins in self._roots():
            # Who is known to the bank has the shorter way: no number to key.
            heapq.heappush(queue, (0 if state.remembered else 1, count, state, (None, (begins,))))
            count += 1
        while queue:
            cost, _, state, came = heapq.heappop(queue)
            if state in self._came or state.step not in self._flow.steps:
                continue
            self._came[state] = came
            for target, what, more in self._onward(state):
                heapq.heappush(queue, (cost + more, count, target, (state, what)))
                count += 1

    def _onward(self, state: State) -> Iterator[tuple[State, tuple[str, ...], int]]:
        flow, step = self._flow, self._flow.steps[state.step]
        gates, ways = self._gates(state), self.ways(state)
        for edge in ways:
            choice = step.choices.get(edge.word) if isinstance(step, Menu) and edge.way is Way.KEY else None
            language = (choice.language if choice is not None else None) or state.language
            what = doing(step, edge, state.channel) if len(ways) > 1 or step.takes_input else ""
            cost = _COSTS.get(edge.way, 1) + (edge.way is Way.OUTCOME and edge.word != "ok") * 2
            yield replace(state, step=edge.target, language=language), (*gates, what), cost
        if state.channel is Channel.VOICE:
            for name in step.needs.get(state.channel, ()):
                gate = flow.gates[name]
                if gate.unless is None or not self._holds(gate.unless, state):
                    yield replace(state, step=gate.voice.target), (), 1

    def _gates(self, state: State) -> tuple[str, ...]:
        needed = self._flow.steps[state.step].needs.get(state.channel, ())
        gates = (self._flow.gates[name] for name in needed)
        return tuple(
            f"{_THROUGH}{gate.name}" for gate in gates if gate.unless is None or not self._holds(gate.unless, state)
        )


_COSTS: Mapping[Way, int] = {Way.NEXT: 0, Way.FAILED: 4, Way.UNIVERSAL: 2, Way.CASE: 1, Way.OUTCOME: 1}


def doing(step: Step, edge: Edge, channel: Channel) -> str:
    """Answer what a party, or the bank, does for ``edge`` to be taken; empty where it goes by itself."""
    voice = channel is Channel.VOICE
    match edge.way:
        case Way.KEY | Way.UNIVERSAL:
            return f"press {edge.word}"
        case Way.YES:
            return f"press {YES_KEY}" if voice else "reply yes or the code"
        case Way.NO:
            return f"press {NO_KEY}" if voice else "reply no"
        case Way.NONE:
            return "have nothing to choose from"
        case Way.FAILED:
            return "answer nothing until it gives up" if voice else "reply what does not fit until it gives up"
        case Way.OUTCOME if isinstance(step, Bank):
            return "" if edge.word == "ok" else f"let {step.operation.name} answer {edge.word}"
        case Way.OUTCOME:
            return "" if edge.word == "ok" else f"let the {step.kind} end as {edge.word}"
        case Way.CASE if isinstance(step, If):
            return f"where {step.condition.text}" if edge.word == "then" else f"where not ({step.condition.text})"
        case Way.CASE:
            return f"where {step.name} is {edge.word}"
        case Way.SHARE:
            return f"be in share {edge.word}"
        case Way.NEXT if isinstance(step, Ask):
            return f"key {step.variable.name}" if voice else f"reply {step.variable.name}"
        case Way.NEXT if step.takes_input:
            return "choose one"
        case _:
            return ""


class Coverage:
    """What there is to visit in a flow, and what was."""

    def __init__(self, items: Mapping[Item, bool]) -> None:
        self._items = dict(items)

    @classmethod
    def of(cls, flow: Flow, seen: Seen) -> Coverage:
        """Compare what can be reached with what was seen."""
        return cls({item: _was_seen(item, seen) for item in reachable(flow)})

    @property
    def missing(self) -> tuple[Item, ...]:
        """What was not visited, in the order of the file; prompts are told apart by :attr:`unsaid`."""
        return self._unseen(prompts=False)

    @property
    def unsaid(self) -> tuple[Item, ...]:
        """The prompts that were not heard or read."""
        return self._unseen(prompts=True)

    def count(self, language: str | None = None, kind: Kind | None = None) -> tuple[int, int]:
        """Answer how many were visited, of how many. Without ``kind`` all but the prompts."""
        chosen = [
            visited
            for item, visited in self._items.items()
            if language in (None, item.language) and (item.kind is kind if kind else item.kind is not Kind.PROMPT)
        ]
        return sum(chosen), len(chosen)

    def percent(self, language: str | None = None, kind: Kind | None = None) -> float:
        """Answer the share that was visited; where there is nothing to visit, all of it was."""
        visited, total = self.count(language, kind)
        return 100 * visited / total if total else 100.0

    def _unseen(self, *, prompts: bool) -> tuple[Item, ...]:
        unseen = [i for i, visited in self._items.items() if not visited and (i.kind is Kind.PROMPT) is prompts]
        kinds = list(Kind)
        return tuple(sorted(unseen, key=lambda i: (i.file, i.line, i.step, kinds.index(i.kind), i.word, i.language)))


def _was_seen(item: Item, seen: Seen) -> bool:
    match item.kind:
        case Kind.STEP:
            return (item.step, item.language) in seen.steps
        case Kind.COMMAND:
            return (item.word, item.language) in seen.commands
        case Kind.PROMPT:
            return (item.word, item.language) in seen.said
        case Kind.UNIVERSAL:
            return any(
                way == Way.UNIVERSAL and (word, language) == (item.word, item.language)
                for _, way, word, language in seen.ways
            )
        case _:
            return (item.step, item.way, item.word, item.language) in seen.ways


def reachable(flow: Flow) -> tuple[Item, ...]:
    """Answer everything that can be visited, each with its place and the shortest way there."""
    reach = Reach(flow)
    items: dict[Item, None] = {}
    prompts: dict[tuple[str, str], Item] = {}
    for state in sorted(reach.states, key=lambda state: state.channel is Channel.SMS):  # by voice, where both can be
        step = flow.steps[state.step]
        for item in (*_of_step(flow, reach, state, step), *_universal(flow, reach, state, step)):
            items.setdefault(item)
        for id_, place, languages in (use for saying in step.sayings() for use in saying.prompts):
            for language in languages or (state.language,):
                if not id_.startswith(REFUSED_PREFIX) and (id_, language) not in prompts:
                    hint = f"step {step.name}: {reach.path(state)}"
                    prompts[id_, language] = _item(flow, Kind.PROMPT, language, place, "", word=id_, hint=hint)
    for pattern in flow.sms_patterns:
        hint = f'text "{pattern.text}"'
        items.setdefault(_item(flow, Kind.COMMAND, pattern.language, pattern.place, "", word=pattern.text, hint=hint))
    return (*items, *prompts.values())


def _of_step(flow: Flow, reach: Reach, state: State, step: Step) -> Iterator[Item]:
    yield _item(flow, Kind.STEP, state.language, step.place, step.name, hint=reach.path(state))
    ways = reach.ways(state)
    for edge in ways:
        kind = _KINDS.get(edge.way)
        if kind is None and edge.way is Way.NEXT and step.takes_input:
            kind = Kind.ANSWER
        if kind is not None:
            hint = reach.path(state, doing(step, edge, state.channel) if len(ways) > 1 or step.takes_input else "")
            place = step.place if edge.way is Way.FAILED else edge.place  # on_fail often stands in the defaults
            yield _item(flow, kind, state.language, place, step.name, edge.way, edge.word, hint)


def _universal(flow: Flow, reach: Reach, state: State, step: Step) -> Iterator[Item]:
    """Each universal key, once a language: wherever it does what it always does."""
    keys: Mapping[str, Edge] = getattr(step, "universal", {})
    if state.channel is not Channel.VOICE:
        return
    own = step.choices if isinstance(step, Menu) else {}
    for key, edge in keys.items():
        if key not in own:
            hint = reach.path(state, f"press {key}")
            yield _item(flow, Kind.UNIVERSAL, state.language, edge.place, "", Way.UNIVERSAL, key, hint)


def _item(
    flow: Flow, kind: Kind, language: str, place: Place, step: str, way: str = "", word: str = "", hint: str = ""
) -> Item:
    file = getattr(place, "file", "")
    name = str(Path(flow.file).parent / file) if file else flow.file
    return Item(kind, language, step, str(way), word, name, place.line, hint)


def by_kind(coverage: Coverage, language: str) -> dict[Kind, tuple[int, int]]:
    """Answer the counts of one language by kind; kinds of which there is nothing are left out."""
    counts = {kind: coverage.count(language, kind) for kind in Kind}
    return {kind: (visited, total) for kind, (visited, total) in counts.items() if total}
