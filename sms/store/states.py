"""Where a text is, by all that was heard of its parts. Pure: changes in, states out.

What an operator says is heard in any order: a receipt overtakes its own submit_sm_resp, a second node hears before the
first has written. So a part takes the highest state that was said of it, and only a last word that follows another one
is left out, as the first of two that contradict each other. What we did with a part ourselves (queued, sent, not
answered) has an order, that of its times; it counts until an operator says something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sms.messages import Change, State

# How much an operator has said of a message. That it lost track of it says more than that it took it; any last word
# says more than that.
_RANK: Mapping[State, int] = {
    State.QUEUED: 0,
    State.SENT: 1,
    State.ACCEPTED: 2,
    State.UNKNOWN: 3,
    State.DELIVERED: 4,
    State.UNDELIVERABLE: 4,
    State.EXPIRED: 4,
    State.REJECTED: 4,
}
_OURS = frozenset({State.QUEUED, State.SENT, State.UNKNOWN})  # without an id of an operator: what we did or know
_FAILED = (State.UNDELIVERABLE, State.REJECTED, State.EXPIRED)  # what a text is called by, where its parts differ
_WITH_OPERATOR = (State.DELIVERED, State.ACCEPTED)


def later(known: State, heard: State) -> State:
    """Answer what is known after ``heard``, of one message as one operator has it."""
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
    ours: dict[int, tuple[float, State]] = field(default_factory=dict)  # what we did last with each part, and when

    def hear(self, change: Change, of: int = 0) -> None:
        """Take one change in. ``of``: how many parts the text has, where that is known."""
        part, state = change.part, change.state
        self.of = max(self.of, of, part)
        if not part:
            if state is State.QUEUED:
                self._again()
            elif state.last:
                self.whole = state if self.whole is None else later(self.whole, state)
        elif state in _OURS and not change.remote_id:
            if part not in self.ours or change.at >= self.ours[part][0]:
                self.ours[part] = (change.at, state)
        else:
            copies = self.copies.setdefault(part, {})
            known = copies.get(change.remote_id)
            copies[change.remote_id] = state if known is None else later(known, state)

    def _again(self) -> None:
        """Somebody has it sent again: only what an operator has is not begun anew."""
        self.whole = None
        self.ours.clear()
        self.copies = {number: state for number, state in self.copies.items() if of_copies(state) in _WITH_OPERATOR}

    @property
    def parts(self) -> dict[int, State]:
        """The states of the parts that something happened to, by number from 1."""
        return {
            number: of_copies(self.copies[number]) if number in self.copies else self.ours[number][1]
            for number in sorted(self.copies.keys() | self.ours.keys())
        }

    @property
    def state(self) -> State:
        """The state of the text."""
        parts = self.parts
        if self.whole is not None:
            parts = {number: self.whole if state in _OURS else state for number, state in parts.items()}
        rest = self.whole or State.QUEUED
        return of_parts([parts.get(number, rest) for number in range(1, self.of + 1)] or [rest])
