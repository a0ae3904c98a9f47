"""A text on its way out: what it is for, what it has been through, and what may be done with it.

These are the words that routes, stores, receipts, commands and metrics share.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What a text is for; it decides when it may be sent, how soon, and whether it may be sent twice."""

    CODE = "code"  # a one-time code
    ANSWER = "answer"  # to a text or a missed call
    RESULT = "result"  # what became of something that the customer asked for
    ALERT = "alert"  # something that the customer wants to be told of
    CAMPAIGN = "campaign"  # something that the bank wants to tell

    @property
    def repeatable(self) -> bool:
        """Whether it does no harm twice: then it is sent again when nobody knows whether it arrived."""
        return self in _REPEATABLE

    @property
    def heeds_stop(self) -> bool:
        """Whether STOP stops it. What a customer asked for comes all the same."""
        return self in (Purpose.ALERT, Purpose.CAMPAIGN)

    @property
    def heeds_quiet_hours(self) -> bool:
        """Whether it waits for the morning. A customer who has just texted is awake."""
        return self not in (Purpose.CODE, Purpose.ANSWER)

    @property
    def rank(self) -> int:
        """The order in which texts that wait are sent: the lowest first."""
        return _RANKS.index(self)


_REPEATABLE = frozenset({Purpose.CODE, Purpose.ANSWER, Purpose.RESULT})
_RANKS = (Purpose.CODE, Purpose.ANSWER, Purpose.RESULT, Purpose.ALERT, Purpose.CAMPAIGN)


class State(StrEnum):
    """Where a text, or one of its parts, is. Every change is kept with its time."""

    QUEUED = "queued"  # stored; no operator has it
    SENT = "sent"  # written to a connection; not answered
    ACCEPTED = "accepted"  # the operator answered for it
    DELIVERED = "delivered"  # its receipt says so
    UNDELIVERABLE = "undeliverable"  # its receipt says so
    EXPIRED = "expired"  # too old to be sent, or its receipt says so
    REJECTED = "rejected"  # refused by an operator, by our own rules, or by its receipt
    UNKNOWN = "unknown"  # written, and nobody knows whether it was taken

    @property
    def last(self) -> bool:
        """Whether nothing follows of itself. ``accepted`` stays so where no receipt was asked for or none came."""
        return self in _LAST


_LAST = frozenset({State.DELIVERED, State.UNDELIVERABLE, State.EXPIRED, State.REJECTED, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text to send, as it is sealed."""

    id: str  # names the text in every log, trace and store: never reused
    source: str  # short code, number or name that it comes from; empty: the operator's first
    destination: str  # E.164, or a short code
    text: str
    purpose: Purpose
    reference: int  # of its parts, 16 bits
    at: float  # made at, seconds since the epoch
    expires_at: float  # not sent after
    not_before: float = 0.0  # not sent before: quiet hours
    operator: str = ""  # the one that must carry it; empty: the router chooses
    origin: str = ""  # what it answers or who asked for it: a text's id, a person of staff, a part of the node
    link: str = ""  # the connection that brought the question
    copies: tuple[str, ...] = ()  # what makes the question's copies known

    def __repr__(self) -> str:
        return f"Outgoing({self.id}, {self.purpose}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a text's life. ``part`` 0 is the whole text."""

    at: float  # seconds since the epoch
    state: State
    part: int = 0
    bind: str = ""  # operator/bind that did it
    remote_id: str = ""  # the operator's id of the part, at ``accepted``
    detail: str = ""  # a status, an error code of the network, who asked; never words of the text


@dataclass(slots=True)
class Kept:
    """A text that is stored and not yet dealt with: what the outbox hands to who sends it."""

    entry: str  # its place in the store
    outgoing: Outgoing
    parts: dict[int, State]  # of the parts that something happened to, by number from 1

    @property
    def id(self) -> str:
        """The text's id."""
        return self.outgoing.id
