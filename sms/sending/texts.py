"""One text under way: its parts, where each of them is, and what is still to be written."""

from __future__ import annotations

import asyncio

from sms.messages import Kept, Outgoing, State
from sms.sending.ports import SendingWay
from sms.sending.routing import Route
from sms.smpp import Message

SEVERAL = "\0"  # in the place of a connection's name: it was not one and the same that took all parts

# Which states of a part tell what a text is called whose parts differ; the first one that occurs.
_WORST = (State.REJECTED, State.EXPIRED, State.UNKNOWN)
HAD = frozenset({State.SENT, State.ACCEPTED, State.UNKNOWN})  # an operator has the part, or may have it
_NONE: frozenset[int] = frozenset()
# What a former process knew of a part, to one that goes on.
_AFTERWARDS = {
    State.SENT: State.UNKNOWN,
    State.DELIVERED: State.ACCEPTED,
    State.UNDELIVERABLE: State.ACCEPTED,
}


class Text:
    """One text, as the dispatcher has it."""

    __slots__ = (
        "active",
        "asked",
        "avoid",
        "begun",
        "delayed",
        "doom",
        "doubted",
        "ended",
        "flying",
        "handed_to",
        "judged_at",
        "kept",
        "left",
        "lined",
        "link",
        "messages",
        "operator",
        "outgoing",
        "rank",
        "repeatable",
        "resumed",
        "route",
        "silences",
        "states",
        "tries",
    )

    def __init__(self, kept: Kept, route: Route[SendingWay]) -> None:
        outgoing = kept.outgoing
        self.kept = kept
        self.outgoing: Outgoing = outgoing
        self.rank = outgoing.purpose.rank
        self.repeatable = outgoing.purpose.repeatable
        self.route = route
        self.operator = ""  # for which it is cut; empty: not cut yet
        self.messages: list[Message] = []
        self.states: list[State] = []
        self.left: list[int] = []  # parts to write, the next one last
        self.flying = 0  # parts that are written, or about to be, and not answered
        self.link = ""  # the connection that took all parts so far
        self.begun = False  # an operator has, or may have, a part of it
        self.active = False  # it is the one of its purpose that is being sent to its number
        self.resumed = not kept.parts  # what a former process did with it is known
        self.avoid = ""  # an operator that refused it, so that others are asked first
        self.doom: State | None = None  # what it will be when its last answer is there: nothing more is written
        self.doubted: frozenset[int] = _NONE  # parts that were written once and not answered
        self.lined = False  # it stands in a line or waits to be put back into one
        self.ended = False
        self.asked = False  # somebody is asked about it
        self.handed_to = ""  # the node that is given it
        self.judged_at = float("-inf")
        self.tries = 0  # refusals that may pass
        self.silences = 0  # answers that never came
        self.delayed: asyncio.TimerHandle | None = None

    def cut(self, operator: str, messages: list[Message]) -> None:
        """It is to go by ``operator`` as ``messages``; nothing of it is written."""
        self.operator = operator
        self.messages = messages
        total = len(messages)
        self.states = [State.QUEUED] * total
        self.left = [0] if total == 1 else list(range(total - 1, -1, -1))

    def resume(self, parts: dict[int, State]) -> None:
        """Go on after what a former process did with ``parts``, by number from 1."""
        self.link = SEVERAL
        for index in range(len(self.states)):
            state = parts.get(index + 1, State.QUEUED)
            if state is State.QUEUED:
                continue
            self.states[index] = _AFTERWARDS.get(state, state)
            if self.states[index] is State.UNKNOWN:
                self.doubt(index)
            if not (self.repeatable and self.states[index] is State.UNKNOWN):
                self.left.remove(index)
        self.begun = any(_AFTERWARDS.get(state, state) in HAD for state in parts.values())
        if any(state in (State.REJECTED, State.EXPIRED) for state in self.states):
            self.left.clear()

    @property
    def state(self) -> State:
        """What the text is, by its parts, when nothing is left to be written or answered."""
        if self.doom is not None:
            return self.doom
        states = self.states
        if len(states) == 1:
            return states[0]
        return next((state for state in _WORST if state in states), State.ACCEPTED)

    def doubt(self, index: int) -> None:
        """A part was written and nobody knows whether it was taken, whatever becomes of it when it is sent again."""
        self.doubted |= {index}

    @property
    def too_old(self) -> State:
        """What the text is when it is not sent any more: whether an operator has it may not be known."""
        doubtful = any(self.states[index] is not State.ACCEPTED for index in self.doubted)
        return State.UNKNOWN if doubtful else State.EXPIRED

    @property
    def with_operator(self) -> bool:
        """Whether an operator has, or may have, a part."""
        return any(state in HAD for state in self.states)

    def taken_on(self, link: str) -> None:
        """A part was taken on a connection."""
        if not self.link:
            self.link = link
        elif self.link != link:
            self.link = SEVERAL

    @property
    def proven(self) -> bool:
        """Whether its question's copies may be forgotten.

        Only a whole answer that was taken on its question's own connection proves that the operator read our
        acknowledgement of the question, which went before.
        """
        link = self.outgoing.link
        return self.link == link != "" and self.states.count(State.ACCEPTED) == len(self.states)

    def __repr__(self) -> str:
        return (
            f"Text({self.outgoing.id}, {self.outgoing.purpose}, {len(self.left)} parts left, {self.flying} under way)"
        )
