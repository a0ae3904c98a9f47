"""Where a text is, by all that was heard of its parts. Pure: changes in, states out.

The order in which changes are heard decides nothing, as far as it can: an operator's receipt overtakes its own
submit_sm_resp, a second node hears before the first has written. So a part takes the highest state that was heard of
it, and only a last word that follows another last word is left out, as the first of two that contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sms.messages import Change, State

# How much is known. An UNKNOWN is overtaken by whatever an operator says; nothing overtakes a last word.
_RANK: Mapping[State, int] = {
    State.QUEUED: 0,
    State.SENT: 1,
    State.UNKNOWN: 2,
    State.ACCEPTED: 3,
    State.DELIVERED: 4,
    State.UNDELIVERABLE: 4,
    State.EXPIRED: 4,
    State.REJECTED: 4,
}
_FAILED = (State.UNDELIVERABLE, State.REJECTED, State.EXPIRED)  # what a text is called by, where its parts differ
_WITH_OPERATOR = (State.DELIVERED, State.ACCEPTED)


def later(known: State, heard: State) -> State:
    """Answer what is known after ``heard``, of one part as one operator has it."""
    return heard if _RANK[heard] > _RANK[known] else known


def of_copies(copies: Mapping[str, State]) -> State:
    """Answer the state of a part by its copies: one for each id of an operator, ``""`` for what has none.

    A part that was sent again has two ids. It has arrived when one of them has, and failed when all have.
    """
    states = [state for remote_id, state in copies.items() if remote_id] or list(copies.values())
    for wanted in _WITH_OPERATOR:
        if wanted in states or copies.get("") is wanted:
            return wanted
    return max(states, key=_RANK.__getitem__)


def of_parts(states: Iterable[State]) -> State:
    """Answer the state of a text by those of all its parts: it is as far as its last part, and fails with its first."""
    heard = set(states)
    for failed in _FAILED:
        if failed in heard:
            return failed
    if heard <= {State.QUEUED}:
        return State.QUEUED
    if heard & {State.QUEUED, State.SENT}:
        return State.SENT
    for open_ in (State.UNKNOWN, State.ACCEPTED):
        if open_ in heard:
            return open_
    return State.DELIVERED


@dataclass(slots=True)
class Progress:
    """What is known of a text so far."""

    of: int = 0  # parts that it has; 0: not cut yet
    whole: State | None = None  # what was said of all of it at once: expired, rejected
    copies: dict[int, dict[str, State]] = field(default_factory=dict)  # of each part, by the operator's id

    def hear(self, change: Change, of: int = 0) -> None:
        """Take one change in. ``of``: how many parts the text has, where that is known."""
        self.of = max(self.of, of, change.part)
        if change.part:
            copies = self.copies.setdefault(change.part, {})
            known = copies.get(change.remote_id)
            copies[change.remote_id] = change.state if known is None else later(known, change.state)
        elif change.state is State.QUEUED:
            self._again()
        elif change.state.last:
            self.whole = change.state if self.whole is None else later(self.whole, change.state)

    def _again(self) -> None:
        """Somebody has it sent again: only what an operator has is not begun anew."""
        self.whole = None
        self.copies = {number: state for number, state in self.copies.items() if of_copies(state) in _WITH_OPERATOR}

    @property
    def parts(self) -> dict[int, State]:
        """The states of the parts that something happened to, by number from 1."""
        return {number: of_copies(self.copies[number]) for number in sorted(self.copies)}

    @property
    def state(self) -> State:
        """The state of the text."""
        parts = self.parts
        if self.whole is not None:
            parts = {n: state if _RANK[state] > _RANK[State.UNKNOWN] else self.whole for n, state in parts.items()}
        rest = self.whole or State.QUEUED
        return of_parts([parts.get(number, rest) for number in range(1, self.of + 1)] or [rest])
