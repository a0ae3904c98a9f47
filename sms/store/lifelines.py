"""A text's life as lines in the store, and as values. Nothing here asks the store.

A line is tab-separated and begins with one letter: how the text began (``o`` ours, ``i`` a customer's), how a
customer's was dealt with (``h``), or the state that one part, or with part 0 the whole text, went to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sms.messages import Change, Purpose, State
from sms.store.states import Progress

MAX_DETAIL = 80
LETTERS = {
    State.QUEUED: "q",
    State.SENT: "s",
    State.ACCEPTED: "a",
    State.DELIVERED: "d",
    State.UNDELIVERABLE: "u",
    State.EXPIRED: "e",
    State.REJECTED: "r",
    State.UNKNOWN: "n",
}
_STATES = {letter: state for state, letter in LETTERS.items()}
_UNFIT = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Handled:
    """How a text of a customer was dealt with."""

    kind: str
    at: float
    answers: tuple[str, ...]  # ids of the texts that answer it


@dataclass(frozen=True, slots=True)
class Life:
    """All that is known of one text. Numbers are masked, and there are no words in it."""

    id: str
    received: bool  # a customer sent it; else we did
    number: str  # the customer's, masked
    address: str  # ours: where it came from or went to
    at: float  # made, or stored
    purpose: Purpose | None = None  # of ours
    origin: str = ""  # of ours: what it answers, who asked for it
    expires_at: float = 0.0  # of ours: not sent after
    of: int = 1  # parts; 0: not cut yet
    bind: str = ""  # of a customer's: what brought it
    changes: tuple[Change, ...] = ()
    parts: tuple[tuple[int, State], ...] = ()  # those that something happened to
    state: State | None = None  # of ours
    handled: Handled | None = None  # of a customer's

    @property
    def answers(self) -> tuple[str, ...]:
        """The ids of the texts that answer this one."""
        return self.handled.answers if self.handled is not None else ()


def fit(words: str) -> str:
    """Answer ``words`` as they may stand in a line."""
    return words if words.isprintable() else _UNFIT.sub(" ", words)


def line_of(change: Change, of: int = 0) -> str:
    """Answer the line of a change. What two nodes hear alike is alike up to the fourth tab."""
    letter = LETTERS[change.state]
    detail = fit(change.detail[:MAX_DETAIL]) if change.detail else ""
    remote_id = fit(change.remote_id) if change.remote_id else ""
    return f"{letter}{change.part}/{of}\t{remote_id}\t{detail}\t{change.bind}\t{change.at:.3f}"


def change_of(line: str) -> tuple[Change, int]:
    """Answer the change that a line tells of, and how many parts the text has."""
    head, remote_id, detail, bind, at = line.split("\t")
    part, of = head[1:].split("/")
    return Change(float(at), _STATES[head[0]], int(part), bind, remote_id, detail), int(of)


def progress_of(lines: Iterable[str]) -> Progress:
    """Answer what is known of a text of ours by its lines."""
    progress = Progress()
    for line in lines:
        if line[:1] in _STATES:
            progress.hear(*change_of(line))
    return progress


def life_of(id_: str, lines: Iterable[str]) -> Life:
    """Answer the life that the lines of the store tell."""
    began: list[str] = []
    handled: Handled | None = None
    progress, changes = Progress(), []
    seen: set[str] = set()
    for line in lines:
        if line in seen:
            continue  # written twice, since the first answer of the store was lost
        seen.add(line)
        if line[:1] in _STATES:
            change, of = change_of(line)
            changes.append(change)
            progress.hear(change, of)
        elif line.startswith("h\t"):
            _, kind, answers, at = line.split("\t")
            handled = Handled(kind, float(at), tuple(answers.split(",")) if answers else ())
        else:
            began = began or line.split("\t")
    if began[:1] == ["i"]:
        _, number, address, parts, bind, at = began
        return Life(id_, True, number, address, float(at), of=int(parts), bind=bind, handled=handled)
    # Without its beginning, what is left is told all the same.
    _, purpose, number, address, origin, at, expires_at = began or ["o", "", "", "", "", "0", "0"]
    made = float(at) or (changes[0].at if changes else 0.0)
    if began:
        changes.insert(0, Change(made, State.QUEUED))
    return Life(
        id_,
        False,
        number,
        address,
        made,
        purpose=Purpose(purpose) if purpose else None,
        origin=origin,
        expires_at=float(expires_at),
        of=progress.of,
        changes=tuple(changes),
        parts=tuple(progress.parts.items()),
        state=progress.state,
        handled=handled,
    )
