"""A conversation as data: what a customer does, and what they must hear or read.

The words of the language are one dataclass each; :mod:`tellerline.trying.loader` reads them from YAML and
:mod:`tellerline.trying.play` plays them through any :class:`~tellerline.trying.driver.Driver`.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from core_client.domain.money import Money

WIRES = ("engine", "fastagi", "asterisk")
DEFAULT_PARTY = "customer"  # the name of a call that has no ``as``
HEAR_WITHIN_S = 30.0  # how long a ``hear`` waits before it is a mismatch; a step's own ``within`` changes it
RECEIVE_WITHIN_S = 20.0
NOT_RECEIVE_WITHIN_S = 3.0
ENDED_WITHIN_S = 30.0
CALLED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


# --- what is given -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """How a bank operation answers: after ``slow_s``, with ``outcome`` (None: as the bank really does).

    ``empty``: as the bank does, with nothing in any list.
    """

    outcome: str | None = None
    reason: str | None = None
    slow_s: float = 0.0
    empty: bool = False


class Agents(StrEnum):
    """What becomes of a caller who is handed to a queue of people."""

    ANSWER = "answer"  # at once, and after a while all is said
    NONE = "none"  # nobody comes: the queue's limit passes
    CLOSED = "closed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Given:
    """The world before the first step.

    ``bank`` maps an operation's name, or ``*`` for all, to its answer; ``agents`` a queue's name, or ``*``, to what
    its people do; ``notices`` are those that staff have switched on; without a ``recorder`` no message can be kept.
    """

    at: datetime.datetime | None = None
    bank: Mapping[str, Told] = field(default_factory=dict)
    agents: Mapping[str, Agents] = field(default_factory=dict)
    notices: frozenset[str] = frozenset()
    recorder: bool = True

    def agents_of(self, queue: str) -> Agents:
        """Answer what the people of ``queue`` do."""
        return self.agents.get(queue) or self.agents.get("*") or Agents.ANSWER


# --- what is expected to be heard --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HearPrompt:
    """A prompt of the catalogue."""

    id: str


@dataclass(frozen=True, slots=True)
class HearMoney:
    """An amount, in the words of the caller's language."""

    money: Money


@dataclass(frozen=True, slots=True)
class HearDigits:
    """Digits one by one."""

    digits: str


@dataclass(frozen=True, slots=True)
class HearNumber:
    """A whole number."""

    number: int


@dataclass(frozen=True, slots=True)
class HearDate:
    """A date."""

    date: datetime.date


@dataclass(frozen=True, slots=True)
class HearName:
    """A person's or payee's name, as it is spoken."""

    name: str


@dataclass(frozen=True, slots=True)
class HearAny:
    """Whatever else is said before the next expected item: ``...`` in a list."""


Expected: TypeAlias = HearPrompt | HearMoney | HearDigits | HearNumber | HearDate | HearName | HearAny


# --- steps -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """The customer dials. ``from_`` is None when the number is withheld."""

    place: Place
    from_: str | None
    to: str
    party: str = DEFAULT_PARTY
    attestation: str | None = None
    trunk: str | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """The bank calls ``to``; the customer answers and the steps go on in that call."""

    place: Place
    to: str
    party: str = DEFAULT_PARTY
    within_s: float = CALLED_WITHIN_S


@dataclass(frozen=True, slots=True)
class Hear:
    """``items`` are heard in this order with nothing between; anything before the first is passed over."""

    place: Place
    items: tuple[Expected, ...]
    party: str = DEFAULT_PARTY
    language: str | None = None  # None: in any one language
    within_s: float = HEAR_WITHIN_S


@dataclass(frozen=True, slots=True)
class PinOf:
    """A demo customer's own PIN, never written out: ``customer`` is None for the one who calls, else their number.

    With ``wrong`` it is a PIN that is surely not theirs.
    """

    customer: str | None = None
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Press:
    """Keys. ``keys`` may hold ``{name}`` of something captured; or it is a PIN, with keys ``after`` it."""

    place: Place
    keys: str | PinOf
    party: str = DEFAULT_PARTY


@dataclass(frozen=True, slots=True)
class Silence:
    """The caller does nothing."""

    place: Place
    seconds: float
    party: str = DEFAULT_PARTY


@dataclass(frozen=True, slots=True)
class Speak:
    """The caller says something, for ``seconds``: a message, where one is recorded."""

    place: Place
    seconds: float
    party: str = DEFAULT_PARTY


@dataclass(frozen=True, slots=True)
class HangUp:
    """The caller hangs up."""

    place: Place
    party: str = DEFAULT_PARTY


@dataclass(frozen=True, slots=True)
class Ended:
    """The bank ended the call, properly."""

    place: Place
    party: str = DEFAULT_PARTY
    within_s: float = ENDED_WITHIN_S


@dataclass(frozen=True, slots=True)
class Transferred:
    """The caller was handed to a queue of people."""

    place: Place
    queue: str | None
    party: str = DEFAULT_PARTY
    within_s: float = ENDED_WITHIN_S


@dataclass(frozen=True, slots=True)
class Text:
    """The customer texts. ``body`` may hold ``{name}`` of something captured, or is a PIN (which is refused)."""

    place: Place
    from_: str
    to: str
    body: str | PinOf


@dataclass(frozen=True, slots=True)
class Receive:
    """The customer reads a text that holds all of ``contains`` and matches all of ``capture``."""

    place: Place
    to: str
    contains: tuple[str, ...] = ()
    capture: Mapping[str, str] = field(default_factory=dict)
    within_s: float = RECEIVE_WITHIN_S


@dataclass(frozen=True, slots=True)
class NotReceive:
    """No text, read already or arriving within the time, holds any of ``contains``; with none: no text arrives."""

    place: Place
    to: str | None
    contains: tuple[str, ...] = ()
    within_s: float = NOT_RECEIVE_WITHIN_S


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes."""

    place: Place
    seconds: float


@dataclass(frozen=True, slots=True)
class Bank:
    """From here on the bank answers as told, once each: the next time that the operation (``*``: any) is asked."""

    place: Place
    told: Mapping[str, Told]


Step: TypeAlias = (
    Call
    | Called
    | Hear
    | Press
    | Silence
    | Speak
    | HangUp
    | Ended
    | Transferred
    | Text
    | Receive
    | NotReceive
    | Wait
    | Bank
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One file: its name, what is given, and its steps in order.

    ``through`` names the wires it is meant for, ``flows`` the folder of its flows as seen from the file; None: those
    of the settings.
    """

    name: str
    file: str
    given: Given
    steps: tuple[Step, ...]
    through: tuple[str, ...] = WIRES
    flows: str | None = None
