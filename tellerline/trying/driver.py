"""The wire that a conversation is played through: a protocol that every driver implements.

A driver is an async context manager that builds a fresh world from :class:`~tellerline.trying.conversation.Given`
(the demo bank's customers, and nothing that an earlier conversation did). Times are the conversation's own
seconds: a driver that runs faster than the wall clock scales them itself. The player does all matching; a driver
only acts and reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from tellerline.trying.conversation import Told


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording, heard by the customer.

    ``audio_id`` is the catalogue's (``zh/welcome``, ``zh/n/23``). ``cut`` is True when a key or the end of the call
    stopped it; a cut recording is never matched by ``hear``. ``at_s`` counts from the start of the conversation.
    """

    audio_id: str
    at_s: float
    cut: bool = False


class EndedBy(StrEnum):
    """Who ended a call, and how."""

    BANK = "bank"  # hung up on purpose, the dialogue was over
    CUSTOMER = "customer"
    TRANSFER = "transfer"  # went to a queue of people
    FAILURE = "failure"  # ended without a proper end: the server died, or refused the call


@dataclass(frozen=True, slots=True)
class CallEnded:
    """How a call ended. ``queue`` is set with TRANSFER; ``detail`` is for the reader."""

    by: EndedBy
    queue: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A text that reached a handset, put together from its parts."""

    to: str
    from_: str
    body: str
    at_s: float


class Leg(Protocol):
    """The customer's end of one call."""

    async def heard(self, timeout_s: float) -> Heard | None:
        """Answer the next recording that was heard (complete or cut), in order, each once.

        A recording is reported when its playing is over. None: nothing more was heard within ``timeout_s``, or the
        call has ended and everything was reported (:meth:`ended` tells the two apart).
        """
        ...

    async def press(self, keys: str) -> None:
        """Press ``keys`` (0-9 * # A-D) one after another, as a person would, without waiting for an answer.

        Pressing on a call that has ended does nothing.
        """
        ...

    async def silence(self, seconds: float) -> None:
        """Do nothing for ``seconds``, whatever is playing."""
        ...

    async def speak(self, seconds: float) -> None:
        """Say something for ``seconds``, a moment after what was heard: a message, where one is recorded."""
        ...

    async def hang_up(self) -> None:
        """Hang up; when it returns the server has been told."""
        ...

    async def ended(self, timeout_s: float) -> CallEnded | None:
        """Answer how the call ended, waiting at most ``timeout_s``; None: it goes on. Does not consume heard()."""
        ...

    async def complaints(self) -> tuple[str, ...]:
        """Answer what an independent witness contradicts, once the conversation is over.

        The asterisk driver compares the recorded leg with what :meth:`heard` reported; others have no other
        witness and answer nothing.
        """
        ...


class Driver(Protocol):
    """One wire, opened for one conversation."""

    @property
    def name(self) -> str:
        """Which wire it is: engine, fastagi, asterisk."""
        ...

    def now_s(self) -> float:
        """Answer the conversation's seconds so far."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def tell(self, told: Mapping[str, Told]) -> None:
        """Let the bank answer so, once each, the next time that an operation (``*``: any) is asked."""
        ...

    async def call(self, from_: str | None, to: str, *, attestation: str | None, trunk: str | None) -> Leg:
        """Dial ``to`` from ``from_`` (None: withheld) and answer the leg once the call is up.

        Raises:
            ParleyError: this wire has no such trunk or attestation.
        """
        ...

    async def called(self, to: str, timeout_s: float) -> Leg | None:
        """Answer the call that the bank makes to ``to``; None: it did not call."""
        ...

    async def text(self, from_: str, to: str, body: str) -> None:
        """Send a text from a handset."""
        ...

    async def received(self, timeout_s: float) -> TextMessage | None:
        """Answer the next text that reached any handset, each once; None: none within ``timeout_s``."""
        ...

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...
