"""What happens on a call of the test exchange, as an observer is told it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


@dataclass(slots=True)
class HeardFile:
    """One recording as the caller heard it; times are seconds of the call on the exchange's clock.

    ``ended_s`` is None while it plays. ``cut`` means that a key or the end of the call stopped it.
    """

    file: str
    started_s: float
    ended_s: float | None = None
    cut: bool = False

    @property
    def playing(self) -> bool:
        """Whether it still plays."""
        return self.ended_s is None


class EndedBy(StrEnum):
    """How a call ended, as the dialplan behind ``AGI()`` sees it."""

    SERVER = "server"  # closed with TELLERLINE_COMPLETED=1: the dialplan hangs up
    TRANSFER = "transfer"  # closed with TELLERLINE_QUEUE set: the dialplan goes on to the queue
    CALLER = "caller"  # hung up
    DROPPED = "dropped"  # closed without a word: the dialplan tries the next server
    REFUSED = "refused"  # no connection, or closed before the first command


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The end of a call: how, when, and to which queue."""

    by: EndedBy
    at_s: float
    queue: str | None = None

    @property
    def completed(self) -> bool:
        """Whether the dialplan has nothing left to try: the server did what it was called for."""
        return self.by in (EndedBy.SERVER, EndedBy.TRANSFER)


@dataclass(frozen=True, slots=True)
class Playing:
    """A recording begins to play."""

    heard: HeardFile


@dataclass(frozen=True, slots=True)
class Stopped:
    """A recording has ended, or was cut."""

    heard: HeardFile


@dataclass(frozen=True, slots=True)
class CommandSeen:
    """The server sent a command. ``line`` is as it came."""

    line: str
    at_s: float


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key reached the exchange. ``taken`` is False when no command was there to take it: it is lost."""

    key: str
    at_s: float
    taken: bool


@dataclass(frozen=True, slots=True)
class Transferred:
    """The dialplan hands the caller to a queue of people."""

    queue: str
    at_s: float


CallEvent: TypeAlias = Playing | Stopped | CommandSeen | KeyPressed | Transferred | CallEnded
