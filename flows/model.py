"""A flow that was loaded and checked: frozen data that the engine walks on. No YAML, no pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from zoneinfo import ZoneInfo

from core_client.language.expressions import Expression
from core_client.language.source import Place
from core_client.operations import Type
from flows.dialogue import Channel, End, Resume, Wait
from flows.schedules import Schedule
from flows.zones import DEFAULT_ZONE, zone_of

if TYPE_CHECKING:
    from flows.engine.draft import Draft
    from flows.saying import Saying
    from sounds.catalogue import Catalogue

RETURN = "return"  # the target that ends a gate or a sub-flow: on to the step that needed it, or that follows
BACK, REPEAT = "back", "repeat"  # what a universal key can do besides going to a step
BY_NUMBER, BY_CODE = "by_number", "by_code"  # how a gate is passed on SMS


class Way(StrEnum):
    """By what one goes from a step to another: the same words in graphs, differences, coverage and figures."""

    NEXT = "next"
    KEY = "key"  # word: the key of a menu
    UNIVERSAL = "universal"  # word: the key
    YES = "yes"
    NO = "no"
    NONE = "none"  # nothing to choose from
    OUTCOME = "outcome"  # word: of a bank operation, a transfer, a recording
    CASE = "case"  # word: of if and switch (then, else), and of a schedule (open, closed, holiday)
    SHARE = "share"  # word: the name of a split's share
    FAILED = "failed"  # after too many attempts
    GATE = "gate"  # word: the gate that begins
    CALL = "call"  # into a sub-flow; NEXT leads on when it returns
    START = "start"
    SMS = "sms"  # word: the command


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a step to another: where the flow says so, and by what one takes it."""

    target: str
    place: Place
    way: Way = Way.NEXT
    word: str = ""

    def __str__(self) -> str:
        return f"{self.way} {self.word}" if self.word else str(self.way)


Read: TypeAlias = "tuple[str, Place]"  # a name whose value is needed, and where
Go: TypeAlias = "Edge | str | Wait | End"  # the way or step that follows, what is waited for, or that it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. Each kind is one file of :mod:`flows.steps`."""

    kind: ClassVar[str] = ""
    takes_input: ClassVar[bool] = False  # waits for the party, not only for the bank
    is_straight: ClassVar[bool] = False  # entered, it reads no value but by Draft.say and Draft.decides

    name: str
    place: Place
    needs: Mapping[Channel, tuple[str, ...]]
    channels: frozenset[Channel]

    @property
    def moves_money(self) -> bool:
        """Whether an operation that it asks for moves money."""
        return False

    def enter(self, draft: Draft) -> Go:
        """Do what the step does, as far as it goes without waiting."""
        raise NotImplementedError

    def answer(self, draft: Draft, resume: Resume) -> Go:
        """Go on with what was waited for. A resume that does not fit begins the step anew."""
        return self.enter(draft)

    def saved(self, outcome: str) -> str | None:
        """Answer the name under which the bank's answer is known once the operation ended so, or None."""
        return None

    def again(self, draft: Draft, resume: Resume) -> Go:
        """Carry out what was waited for once more: the line or the node is another one."""
        return self.enter(draft)

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """Answer where it can go on ``channel``."""
        raise NotImplementedError

    def branches(self) -> tuple[Edge, ...]:
        """Answer all the ways that are written in it, also those that no channel can take."""
        voice, sms = self.edges(Channel.VOICE), self.edges(Channel.SMS)
        return voice if voice == sms else tuple(dict.fromkeys((*voice, *sms)))

    def sayings(self) -> tuple[Saying, ...]:
        """Answer all that it can say."""
        return ()

    def reads(self) -> tuple[Read, ...]:
        """Answer the names that must have a value when it is entered, or while it runs, besides those that are said.

        A name that may be missing (an optional parameter, the context of a transfer) is none of them.
        """
        return ()

    def sets(self, edge: Edge) -> frozenset[str]:
        """Answer the names that surely have a value once it was left by ``edge``, one of its own."""
        return frozenset()

    def drops(self) -> frozenset[str]:
        """Answer the names that have no value any more once it was left: secrets open once."""
        return frozenset()

    def masks(self, masked: frozenset[str]) -> frozenset[str]:
        """Answer the names whose values, given here, people see the end of only; ``masked``: those known so far."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that a question or an SMS slot fills."""

    name: str
    type: Type
    place: Place
    check: Expression | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that must be proved before a step; proved once a dialogue.

    ``steps`` are those inside it: from them ``return`` can be reached.
    """

    name: str
    place: Place
    voice: Edge
    sms: str
    unless: Expression | None = None
    steps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice:
    """An announcement that staff can switch on without a new version."""

    name: str
    place: Place
    saying: Saying


@dataclass(frozen=True, slots=True)
class SmsSlot:
    """A place in a command for a value of variable ``name``."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class SmsPattern:
    """One command: words and slots in order, the step that it triggers, and the language it is answered in."""

    language: str
    text: str
    parts: tuple[str | SmsSlot, ...]
    step: str
    place: Place


@dataclass(frozen=True, slots=True)
class Flow:
    """A checked flow. ``version`` is a hash over its text, includes, and the texts and recordings that it uses."""

    name: str
    file: str
    version: str
    languages: tuple[str, ...]
    currency: str
    start: str
    steps: Mapping[str, Step]
    variables: Mapping[str, Variable]
    gates: Mapping[str, Gate]
    keys: Mapping[str, Edge]
    sms_patterns: tuple[SmsPattern, ...]
    text_timeout_s: float
    asked_by: Mapping[str, str] = field(default_factory=dict)  # variable -> the step that asks for it
    prompts: Mapping[str, Place] = field(default_factory=dict)  # prompt id -> where it is first used
    source_text: str = field(default="", repr=False)
    start_place: Place = Place(1, 1)  # noqa: RUF009 - it cannot be changed
    included: Mapping[str, str] = field(default_factory=dict, repr=False)  # file name -> its text
    country: str = "CN"  # of telephone numbers that are written without one
    time_zone: str = DEFAULT_ZONE  # of ``today`` and of the schedules
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    notices: Mapping[str, Notice] = field(default_factory=dict)
    subflows: Mapping[str, frozenset[str]] = field(default_factory=dict)  # step that calls -> the steps inside
    saved: frozenset[str] = frozenset()  # names that no variable declares, and that steps give a value
    masked: frozenset[str] = frozenset()  # names of whose values people see the end only: see :mod:`flows.masking`
    ways: Mapping[Channel, Mapping[str, tuple[Edge, ...]]] = field(default_factory=dict, repr=False)  # of each step
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # language -> those tried where it lacks one
    catalogue: Catalogue | None = field(default=None, repr=False, compare=False)  # None: what the node says

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return zone_of(self.time_zone)

    def file_at(self, place: Place) -> str:
        """Answer the file that ``place`` is in, as errors call it."""
        return str(PurePath(self.file).parent / place.file) if place.file else self.file

    def line_at(self, place: Place) -> str:
        """Answer the line of ``place``; empty where there is none."""
        text = self.included.get(place.file, "") if place.file else self.source_text
        lines = text.splitlines()
        return lines[place.line - 1] if 0 < place.line <= len(lines) else ""
