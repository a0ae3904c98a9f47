"""What a channel gives the runner to speak on: one method for each thing that a turn can ask for."""

from __future__ import annotations

from typing import Protocol

from flows.dialogue import (
    Channel,
    DigitsReceived,
    GatherDigits,
    InputTimedOut,
    PartyLeft,
    Record,
    RecordingEnded,
    Say,
    TransferEnded,
    TransferToAgent,
)
from sounds.catalogue import Catalogue


class Line(Protocol):
    """One party, on one channel. The runner calls one method at a time, except :meth:`left`."""

    @property
    def channel(self) -> Channel:
        """Voice or SMS."""
        ...

    def speak_from(self, catalogue: Catalogue) -> None:
        """Say things in the words and recordings of ``catalogue`` from now on: those of the dialogue's flow version."""
        ...

    async def say(self, say: Say) -> PartyLeft | None:
        """Say it. Voice answers after playing, or at once on a key when ``barge_in``; SMS adds it to the answer.

        A key that ends a prompt is kept as the first key of the gather of the same turn, and never longer.
        """
        ...

    async def gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
        """Wait for keys. Voice only. A secret gather answers with a handle and no digits."""
        ...

    async def left(self) -> None:
        """Answer when the party has left; SMS never does. Cancelled by the runner when no longer needed.

        Never runs at the same time as another method of the line.
        """
        ...

    async def transfer(self, wait: TransferToAgent) -> TransferEnded | PartyLeft:
        """Hand the party to the queue and answer how it ended."""
        ...

    async def record(self, wait: Record) -> RecordingEnded | PartyLeft:
        """Record a message. Voice only. A caller who hangs up after speaking has left a message: not PartyLeft."""
        ...

    async def end(self, reason: str) -> None:
        """End properly: hang up; send the answer. ``reason`` is for the log."""
        ...
