"""The dialogue while one turn is being decided: a working copy that becomes the next Session."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from core_client.domain.filling import quick
from core_client.domain.values import Value
from core_client.language.expressions import Expression, Scope
from flows.dialogue import (
    AwaitText,
    Channel,
    Effect,
    Facts,
    GatherDigits,
    Item,
    Mark,
    Party,
    Perform,
    Prompt,
    Record,
    Say,
    TransferToAgent,
    Wait,
    What,
)
from flows.model import Flow
from flows.saying import VISIT, Saying, Spoken
from flows.schedules import State
from flows.session import Frame, OpenSession, Session, Waiting

_say = quick(Say)
_SMS = Channel.SMS  # Python 3.11 looks a member of an enum up in 0.1 µs: what every turn asks for is looked up once
MAX_HISTORY = 24  # questions that "back" can go back over


class Draft:
    """What steps read and change. One lives for one turn; steps never keep it."""

    __slots__ = (
        "_facts",
        "by_chance",
        "channel",
        "code_passed",
        "effects",
        "flow",
        "frames",
        "gates",
        "heard_again",
        "history",
        "intent",
        "language",
        "last_step",
        "money_asked",
        "no_inputs",
        "no_matches",
        "page",
        "party",
        "reason",
        "retried",
        "session",
        "slots",
        "sms",
        "step",
        "trail",
        "turn",
        "variables",
        "visits",
        "waiting",
    )

    def __init__(self, flow: Flow, session: Session, turn: int, facts: Facts) -> None:
        self.flow = flow
        self._facts = facts
        self.by_chance = False  # something was read that another beginning may find otherwise: see Engine.start
        self.session = session
        self.turn = turn
        self.channel: Channel = session.channel
        self.sms = session.channel is _SMS
        self.party: Party = session.party
        self.language: str = session.language
        self.step: str = session.step
        self.variables: dict[str, Value] = dict(session.variables)
        self.slots: tuple[str, ...] = session.slots
        self.gates: tuple[str, ...] = session.gates
        self.frames: tuple[Frame, ...] = session.frames
        self.history: tuple[str, ...] = session.history
        self.no_inputs: int = session.no_inputs
        self.no_matches: int = session.no_matches
        self.page: int = session.page
        self.heard_again = False  # the step is entered to be heard once more, as the same visit
        self.last_step: str = session.last_step
        self.reason: str = session.reason
        self.intent: Value = session.intent
        self.retried: str = session.retried
        self.waiting: Waiting | None = None  # None: as the wait says
        self.code_passed = False  # the code of this very intent was right: holds for this turn, and is never stored
        self.money_asked = False  # this turn follows an operation that may have moved money
        self.effects: list[Effect] = []
        self.trail: list[Mark] = []
        self.visits: Mapping[str, int] = session.visits

    # --- reading ---

    @property
    def facts(self) -> Facts:
        """What is true outside of the dialogue."""
        self.by_chance = True
        return self._facts

    @property
    def request_id(self) -> str:
        """The name of the operation of this turn: the same when the turn is carried out again."""
        return f"{self.session.id}:{self.turn}"

    def get(self, name: str, /) -> Any:
        """Answer a variable or a built-in name; None when it has no value yet."""
        found = self.variables.get(name)
        if found is not None:
            return found
        match name:
            case "channel":
                return self.channel.value
            case "language":
                return self.language
            case "reason":
                return self.reason or None
            case "last_step":
                return self.last_step or None
            case "today":
                return self.facts.at.astimezone(self.flow.zone).date()
            case "notices":
                return {name: name in self.facts.notices for name in self.flow.notices}
            case "party":
                return _PartyOf(self)
            case _ if name == VISIT:
                return self.visits.get(self.step)
            case _:
                return self._schedule(name)

    def _schedule(self, name: str) -> Mapping[str, bool] | None:
        schedule = self.flow.schedules.get(name)
        if schedule is None:
            return None
        state = schedule.state(self.facts.at)
        return {"open": state is State.OPEN, "holiday": state is State.HOLIDAY}

    # --- saying ---

    def say(self, saying: Saying, *, barge_in: bool = True) -> None:
        """Say entries with the values of now."""
        self.effects += says_of(self.flow, self.language, saying, self, barge_in)

    def decides(self, condition: Expression) -> bool:
        """Answer a condition that decides the way."""
        return bool(condition.evaluate(self))

    def say_spoken(self, spoken: list[Spoken], *, barge_in: bool = True) -> None:
        """Say items; those of one language in a row are one effect."""
        self.effects += _grouped(self.flow, self.language, spoken, barge_in)

    def say_items(self, *items: Item, barge_in: bool = True) -> None:
        """Say items of the engine's own."""
        self.effects.append(self.spoken(items, self.language, barge_in))

    def say_prompt(self, *ids: str) -> None:
        """Say prompts of the engine's own."""
        self.effects.append(self.spoken(tuple(Prompt(id_) for id_ in ids), self.language, True))

    def spoken(self, items: tuple[Item, ...], language: str, barge_in: bool) -> Say:
        """Make a Say, with the languages that step in where ``language`` lacks a prompt."""
        return _spoken(self.flow, items, language, barge_in)

    # --- moving ---

    def mark(self, what: What, way: str = "", word: str = "") -> None:
        """Note what happened to the step of now."""
        self.trail.append(_mark(self.step, what, way, word))

    def visit(self, name: str) -> int:
        """Count a visit to a step that says something else each time; answer which one this is, from 1."""
        count = self.visits.get(name, 0) + 1
        self.visits = {**self.visits, name: count}
        return count

    def asked(self, name: str) -> None:
        """Note that step ``name`` asks something anew: a place to come back to, with fresh counts.

        What is only heard again stays on the page that it was heard on.
        """
        history = self.history
        if name in history:
            history = history[: history.index(name)]
        self.history = (*history, name)[-MAX_HISTORY:]
        self.no_inputs = self.no_matches = 0
        if not self.heard_again:
            self.page = 0

    def back(self) -> str:
        """Answer the question before this one, or this one when it is the first."""
        history = self.history
        if len(history) > 1:
            self.history = history[:-2]
            return history[-2]
        return history[0] if history else self.step

    # --- the outcome ---

    def freeze(self, wait: Wait | None) -> Session:
        """Answer the session after this turn."""
        before = self.session
        made: Any = OpenSession(
            id=before.id,
            flow=before.flow,
            version=before.version,
            channel=self.channel,
            party=self.party,
            auth_session_id=before.auth_session_id,
            today=before.today,
            language=self.language,
            step=self.step,
            waiting=self.waiting if self.waiting is not None else waiting_for(wait),
            variables=self.variables,
            slots=self.slots,
            gates=self.gates,
            frames=self.frames,
            history=self.history,
            no_inputs=self.no_inputs,
            no_matches=self.no_matches,
            page=self.page,
            turns=self.turn,
            last_step=self.last_step,
            reason=self.reason,
            intent=self.intent,
            retried=self.retried,
            visits=self.visits,
            expires_at=0,
        )
        made.__class__ = Session
        session: Session = made
        return session


def says_of(flow: Flow, language: str, saying: Saying, scope: Scope, barge_in: bool) -> list[Say]:
    """Answer what ``saying`` says in a dialogue of ``language``, with the values of ``scope``."""
    if saying.fixed is not None:
        return [_spoken(flow, saying.fixed, language, barge_in)] if saying.fixed else []
    return _grouped(flow, language, saying.spoken(scope), barge_in)


def _grouped(flow: Flow, own: str, spoken: list[Spoken], barge_in: bool) -> list[Say]:
    says: list[Say] = []
    group: list[Item] = []
    current = own
    for language, item in spoken:
        wanted = language or own
        if wanted != current and group:
            says.append(_spoken(flow, tuple(group), current, barge_in))
            group = []
        current = wanted
        group.append(item)
    if group:
        says.append(_spoken(flow, tuple(group), current, barge_in))
    return says


def _spoken(flow: Flow, items: tuple[Item, ...], language: str, barge_in: bool) -> Say:
    return _say(items, language, barge_in, flow.fallbacks.get(language, ()))


def waiting_for(wait: Wait | None) -> Waiting:
    """Answer the state that a wait puts a session in."""
    if isinstance(wait, AwaitText):
        return Waiting.CODE if wait.code else Waiting.TEXT
    return _WAITING_FOR[type(wait)]


_WAITING_FOR: Mapping[type, Waiting] = {
    type(None): Waiting.NOTHING,
    GatherDigits: Waiting.KEYS,
    Perform: Waiting.OPERATION,
    TransferToAgent: Waiting.TRANSFER,
    Record: Waiting.RECORDING,
}


@lru_cache(maxsize=16_384)  # a flow has some hundreds of steps and ways, and every turn walks several of them
def _mark(step: str, what: What, way: str, word: str) -> Mark:
    return Mark(step, what, way, word)


class _PartyOf(dict[str, Any]):
    """The party as expressions read it. Its number is by chance, the rest says how a dialogue begins."""

    __slots__ = ("_draft",)

    def __init__(self, draft: Draft) -> None:
        party = draft.party
        super().__init__(number=party.number, identified=party.identified, language=party.language)
        self._draft = draft

    def get(self, name: str, default: Any = None, /) -> Any:
        """Answer a part, or None."""
        if name == "number":
            self._draft.by_chance = True
        return super().get(name, default)


class Checked:
    """The scope of a variable's check: the draft's names, and ``value``."""

    __slots__ = ("_draft", "_value")

    def __init__(self, draft: Draft, value: object) -> None:
        self._draft = draft
        self._value = value

    def get(self, name: str, /) -> object:
        """Answer the value of ``name``, or None."""
        return self._value if name == "value" else self._draft.get(name)
