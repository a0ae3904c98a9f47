"""The contract between channels, the runner and the engine: frozen data in, frozen data out, no channel words.

A channel begins with a :class:`Trigger`. The engine answers a :class:`Turn`: effects to carry out in order, then
one wait. The runner and the channel's :class:`~flows.runner.Line` carry the turn out and answer a :data:`Resume`.
A :class:`Session` is all that the dialogue remembers between two turns; it serialises to JSON and holds no secret.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from core_client.domain.money import Money
from core_client.domain.values import SecretHandle, Value


class Channel(StrEnum):
    """Where a party reaches the bank."""

    VOICE = "voice"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at the other end, as far as the channel can tell."""

    number: str | None  # E.164; None when withheld
    identified: bool = False  # the number is registered to a customer (the core says so, never the channel)
    language: str | None = None  # remembered by the core


# --- what is said ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt of the catalogue, by id."""

    id: str


@dataclass(frozen=True, slots=True)
class SayMoney:
    """An amount, in words."""

    money: Money


@dataclass(frozen=True, slots=True)
class SayDigits:
    """Digits one by one: the end of an account number, a reference."""

    digits: str


@dataclass(frozen=True, slots=True)
class SayNumber:
    """A whole number, in words."""

    number: int


@dataclass(frozen=True, slots=True)
class SayDate:
    """A calendar date, in words."""

    date: datetime.date


@dataclass(frozen=True, slots=True)
class SayName:
    """A person's or payee's name: from its clip where one was recorded, else as the channel can."""

    name: str


@dataclass(frozen=True, slots=True)
class SayText:
    """Free text that only a channel of text can show (an entry's description); silent by voice."""

    text: str


@dataclass(frozen=True, slots=True)
class SaySecret:
    """A one-time code, opened by the channel at the last moment, once."""

    secret: SecretHandle


Item: TypeAlias = Prompt | SayMoney | SayDigits | SayNumber | SayDate | SayName | SayText | SaySecret


# --- a turn ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Say ``items`` in ``language``, in this order. With ``barge_in`` a key ends it and is kept as the first digit.

    A prompt that ``language`` lacks is said in the first of ``fallbacks`` that has it.
    """

    items: tuple[Item, ...]
    language: str
    barge_in: bool = True
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The dialogue is over: hang up, or stop answering this text. ``reason`` is for the log and for tests."""

    reason: str = "done"


Effect: TypeAlias = Say | End


@dataclass(frozen=True, slots=True)
class GatherDigits:
    """Wait for ``min_digits`` to ``max_digits`` keys.

    ``terminators`` end early and are not part of the answer; ``escapes`` answer at once as the only key, when
    pressed first (universal keys: ``*`` inside an ask).
    """

    min_digits: int
    max_digits: int
    terminators: str
    escapes: str
    first_digit_timeout_s: float
    inter_digit_timeout_s: float
    secret: bool = False


@dataclass(frozen=True, slots=True)
class AwaitText:
    """Wait for the next text. With ``code`` the answer wanted is a six-digit code; ``expires_s`` ends the wait."""

    expires_s: float
    code: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Perform:
    """Carry out a bank operation. ``filler`` is said while it takes longer than ``filler_after_s``.

    ``request_id`` names this request: the same id is never carried out twice by a service that moves money.
    """

    operation: str
    arguments: Mapping[str, Value]
    request_id: str
    limit_s: float
    filler: Say | None = None
    filler_after_s: float = 1.5


@dataclass(frozen=True, slots=True)
class TransferToAgent:
    """Hand the party to a queue of people, with what they need to know. SMS answers with a promise to call.

    ``position_s``: the place in the queue is told that often; ``limit_s``: after it the transfer ends as ``timeout``.
    """

    queue: str
    context: Mapping[str, Value]
    position_s: float | None = None
    limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Record a message, at most ``max_s`` long; ``silence_s`` of silence or one of ``terminators`` ends it."""

    max_s: float
    silence_s: float
    terminators: str = "#"
    beep: bool = True


Wait: TypeAlias = GatherDigits | AwaitText | Perform | TransferToAgent | Record


class What(StrEnum):
    """What a :class:`Mark` tells of a step."""

    ENTERED = "entered"
    LEFT = "left"  # by ``way`` and ``word``: those of the :class:`flows.model.Edge` that was taken
    NO_INPUT = "no_input"
    NO_MATCH = "no_match"


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that happened to a step while a turn was decided."""

    step: str
    what: What
    way: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens now, and what is waited for next; no wait means that the dialogue is over.

    ``trail`` is how the flow was walked, in order: for figures, coverage and transcripts, never for the channel.
    """

    effects: tuple[Effect, ...]
    wait: Wait | None
    trail: tuple[Mark, ...] = field(default=(), compare=False)


# --- what comes back ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DigitsReceived:
    """Keys. ``digits`` is empty and ``secret`` set when the wait was for a secret. ``ended_by`` is the terminator."""

    digits: str
    secret: SecretHandle | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class TextReceived:
    """A text while the session waited. A bare six-digit body arrives as ``secret`` only, with ``text`` empty."""

    text: str
    secret: SecretHandle | None = None


@dataclass(frozen=True, slots=True)
class InputTimedOut:
    """Nothing (no-input), or fewer keys than needed (``digits`` counts them; the keys themselves are gone)."""

    digits: int = 0


@dataclass(frozen=True, slots=True)
class OperationAnswered:
    """A bank operation's outcome, with its answer fields; secrets among them are handles."""

    outcome: str
    answer: Mapping[str, Value] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """``answered``, ``closed``, ``failed`` or ``timeout``."""

    outcome: str


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """``ok``, ``empty`` (nothing was said) or ``failed``. Whoever hangs up after speaking has left a message too.

    ``recording`` names what was kept, as the channel finds it again; ``seconds`` is its length.
    """

    outcome: str
    recording: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class PartyLeft:
    """The caller hung up."""


@dataclass(frozen=True, slots=True)
class SessionExpired:
    """The text that was waited for never came."""


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The party is back on another line (a node died): what was asked is asked again."""


Resume: TypeAlias = (
    DigitsReceived
    | TextReceived
    | InputTimedOut
    | OperationAnswered
    | TransferEnded
    | RecordingEnded
    | PartyLeft
    | SessionExpired
    | Reconnected
)

SECRET_LOST = "secret_lost"  # noqa: S105 - an outcome that only the runner gives: the secret died with its node


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true outside of the dialogue while one turn is decided: the engine asks no clock and no store.

    ``notices`` are the names of the flow's notices that staff have switched on.
    """

    at: datetime.datetime  # aware
    notices: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Trigger:
    """Starts a session of ``flow``: at ``step``, or at the flow's start when that is None.

    ``slots`` fill variables before the first step: an SMS one-liner is a trigger with its questions answered.
    ``auth_session_id`` names the :class:`AuthSession` that the core keeps; the engine only passes it on.
    ``version`` is one that is not live yet, for who tries it; None: the live one.
    ``again``: it may have begun before under this ``session_id``, by a process that is gone.
    """

    flow: str
    channel: Channel
    party: Party
    session_id: str
    auth_session_id: str
    at: datetime.datetime
    step: str | None = None
    slots: Mapping[str, Value] = field(default_factory=dict)
    language: str | None = None  # of the text that began it; else the party's, else the flow's first
    version: str | None = None
    again: bool = False
