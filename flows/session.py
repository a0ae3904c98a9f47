"""All that a dialogue remembers between two turns: frozen, small, and JSON that another node can go on from.

It never holds a secret: a secret answer is a :class:`SecretHandle`, which opens in the process that took it and
nowhere else. JSON is written by hand and leaves out what is empty, since it is written at every turn of every call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core_client.domain.filling import opened
from core_client.domain.values import Value, from_json, to_json
from flows.dialogue import Channel, Party
from flows.errors import SessionError

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
FORMAT = 1  # of the JSON; a session of another format is refused and the dialogue begins anew


class Waiting(StrEnum):
    """What a session waits for."""

    NOTHING = ""  # it is over
    KEYS = "keys"
    TEXT = "text"
    CODE = "code"  # a text that should be a confirmation code
    OPERATION = "operation"
    ISSUE = "issue"  # auth.issue_code, on the way to waiting for a code
    VERIFY = "verify"  # auth.verify_code
    TRANSFER = "transfer"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class Frame:
    """A gate that is being passed, or a sub-flow that was called, and the step to go on at afterwards.

    Of a gate it holds the name; of a sub-flow the step that called it, and no gate.
    """

    gate: str
    then: str
    call: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """The dialogue of one party in one flow, at one place."""

    id: str
    flow: str
    version: str
    channel: Channel
    party: Party
    auth_session_id: str
    today: str  # ISO date on which it began
    language: str
    step: str
    waiting: Waiting = Waiting.NOTHING
    variables: Mapping[str, Value] = field(default_factory=dict)
    slots: tuple[str, ...] = ()  # variables that the trigger filled and no question has used yet
    gates: tuple[str, ...] = ()  # passed
    frames: tuple[Frame, ...] = ()  # gates on the way, innermost last
    history: tuple[str, ...] = ()  # steps that asked something, for "back"
    no_inputs: int = 0
    no_matches: int = 0
    page: int = 0  # of a choice whose list takes several; from 0
    turns: int = 0
    last_step: str = ""
    reason: str = ""  # of the last refusal
    intent: Value = None  # that a code is waited for
    retried: str = ""  # the step that was already run again after ``unauthenticated``
    visits: Mapping[str, int] = field(default_factory=dict)  # of the steps that say something else at each visit
    expires_at: int = 0  # Unix seconds at which the wait for a text ends; set by the runner

    @property
    def ended(self) -> bool:
        """Whether nothing is waited for any more."""
        return not self.waiting  # NOTHING is the empty word

    @property
    def waits_for_text(self) -> bool:
        """Whether the next text of this party belongs here."""
        return self.waiting in (Waiting.TEXT, Waiting.CODE)

    @property
    def waits_for_code(self) -> bool:
        """Whether the next text should be a six-digit code."""
        return self.waiting is Waiting.CODE

    def to_json(self) -> str:
        """Write it; what is empty is left out."""
        party = self.party
        data: dict[str, Any] = {
            "v": FORMAT,
            "id": self.id,
            "flow": self.flow,
            "ver": self.version,
            "ch": self.channel,
            "num": party.number,
            "auth": self.auth_session_id,
            "day": self.today,
            "lang": self.language,
            "step": self.step,
            "turns": self.turns,
        }
        if party.identified:
            data["known"] = 1
        if party.language is not None:
            data["plang"] = party.language
        if self.waiting:
            data["wait"] = self.waiting
        if self.variables:
            data["vars"] = {name: to_json(value) for name, value in self.variables.items()}
        if self.slots:
            data["slots"] = self.slots
        if self.gates:
            data["gates"] = self.gates
        if self.frames:
            data["frames"] = [_frame_to_json(frame) for frame in self.frames]
        if self.history:
            data["hist"] = self.history
        if self.no_inputs or self.no_matches:
            data["miss"] = (self.no_inputs, self.no_matches)
        if self.page:
            data["page"] = self.page
        if self.last_step:
            data["last"] = self.last_step
        if self.reason:
            data["why"] = self.reason
        if self.intent is not None:
            data["intent"] = to_json(self.intent)
        if self.retried:
            data["again"] = self.retried
        if self.visits:
            data["visits"] = self.visits
        if self.expires_at:
            data["exp"] = self.expires_at
        return _encode(data)

    @classmethod
    def from_json(cls, text: str | bytes) -> Session:
        """Read what :meth:`to_json` wrote.

        Raises:
            SessionError: not a session, or of another format.
        """
        try:
            data = json.loads(text)
            return cls._read(data)
        except SessionError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, IndexError) as error:
            raise SessionError("this is not a session") from error

    @classmethod
    def _read(cls, data: Any) -> Session:
        if data["v"] != FORMAT:
            raise SessionError(f"a session of format {data['v']}, not {FORMAT}")
        return cls(
            id=data["id"],
            flow=data["flow"],
            version=data["ver"],
            channel=Channel(data["ch"]),
            party=Party(data["num"], "known" in data, data.get("plang")),
            auth_session_id=data["auth"],
            today=data["day"],
            language=data["lang"],
            step=data["step"],
            waiting=Waiting(data.get("wait", "")),
            variables={name: from_json(value) for name, value in data.get("vars", {}).items()},
            slots=tuple(data.get("slots", ())),
            gates=tuple(data.get("gates", ())),
            frames=tuple(Frame(*frame) for frame in data.get("frames", ())),
            history=tuple(data.get("hist", ())),
            no_inputs=data.get("miss", (0, 0))[0],
            no_matches=data.get("miss", (0, 0))[1],
            page=data.get("page", 0),
            turns=data["turns"],
            last_step=data.get("last", ""),
            reason=data.get("why", ""),
            intent=from_json(data.get("intent")),
            retried=data.get("again", ""),
            visits=data.get("visits", {}),
            expires_at=data.get("exp", 0),
        )


def _frame_to_json(frame: Frame) -> tuple[str, ...]:
    return (frame.gate, frame.then, frame.call) if frame.call else (frame.gate, frame.then)


OpenSession = opened(Session)  # of all its fields, by name: see :mod:`core_client.domain.filling`
