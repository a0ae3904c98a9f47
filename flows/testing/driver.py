"""Plays a dialogue on the engine alone, turn by turn: every session is serialised and read again between two turns."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core_client.domain.values import Value
from flows.dialogue import (
    Channel,
    Effect,
    Facts,
    Item,
    Party,
    Perform,
    Prompt,
    Resume,
    Say,
    SayDate,
    SayDigits,
    SayMoney,
    SayName,
    SayNumber,
    SaySecret,
    SayText,
    Trigger,
    Turn,
    Wait,
)
from flows.engine import Engine
from flows.model import Flow
from flows.session import Session

AT = datetime.datetime(2026, 3, 2, 2, 15, tzinfo=datetime.UTC)


@dataclass
class Played:
    """One turn as it was decided."""

    session: Session
    turn: Turn
    said: list[str] = field(default_factory=list)

    @property
    def wait(self) -> Wait | None:
        """What is waited for."""
        return self.turn.wait


class Driver:
    """One dialogue. ``played`` is its last turn; every turn before is in ``turns``."""

    def __init__(
        self,
        flow: Flow,
        channel: Channel = Channel.VOICE,
        *,
        number: str | None = "+8613900000001",
        identified: bool = True,
        language: str | None = "en",
        at: datetime.datetime = AT,
        notices: Iterable[str] = (),
    ) -> None:
        self.engine = Engine(flow)
        self.facts = Facts(at, frozenset(notices))  # of the next turn; a test may change them
        self.channel = channel
        self.party = Party(number, identified, language)
        self.turns: list[Played] = []

    @property
    def played(self) -> Played:
        """The last turn."""
        return self.turns[-1]

    @property
    def session(self) -> Session:
        """The session after the last turn."""
        return self.played.session

    def start(
        self, step: str | None = None, slots: Mapping[str, Value] | None = None, language: str | None = None
    ) -> Played:
        """Begin."""
        trigger = Trigger(
            flow=self.engine.flow.name,
            channel=self.channel,
            party=self.party,
            session_id="s1",
            auth_session_id="a1",
            at=self.facts.at,
            step=step,
            slots=slots or {},
            language=language,
        )
        return self._took(self.engine.start(trigger, self.facts))

    def resume(self, resume: Resume) -> Played:
        """Go on, from the session as another node would read it."""
        return self._took(self.engine.resume(Session.from_json(self.session.to_json()), resume, self.facts))

    def operation(self) -> Perform:
        """Answer the operation that is waited for."""
        wait = self.played.wait
        if not isinstance(wait, Perform):
            raise TypeError(f"no operation is waited for, but {wait}")
        return wait

    def _took(self, decided: tuple[Session, Turn]) -> Played:
        session, turn = decided
        read = Session.from_json(session.to_json())
        if read != session:
            raise AssertionError(f"not the same after reading it again: {session} {read}")
        self.turns.append(Played(read, turn, said(turn.effects)))
        return self.played


def said(effects: tuple[Effect, ...]) -> list[str]:
    """Answer what effects say, shortly: prompts by id, values as text, ``[zh]`` before another language."""
    found: list[str] = []
    for effect in effects:
        if isinstance(effect, Say):
            found.extend(short(item) for item in effect.items)
        else:
            found.append(f"<end {effect.reason}>")
    return found


def short(item: Item) -> str:
    """Answer one item, shortly."""
    match item:
        case Prompt():
            return item.id
        case SayMoney():
            return f"money {item.money}"
        case SayDigits():
            return f"digits {item.digits}"
        case SayNumber():
            return f"number {item.number}"
        case SayDate():
            return f"date {item.date}"
        case SayName():
            return f"name {item.name}"
        case SayText():
            return f"text {item.text}"
        case SaySecret():
            return "secret"
