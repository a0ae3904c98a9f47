"""What the runner speaks on when the party texts: what is said becomes the text of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeAlias

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

TextOf: TypeAlias = Callable[[Say, "Catalogue | None"], str]
"""Turns what the engine says into text, in the words of a flow version's catalogue; None: the node's own."""


class SmsLine:
    """One text's turn: gathers what is said, and has it stored before the dialogue is forgotten.

    ``answer`` takes the whole answer, once; it returns when the answer is durable.
    """

    def __init__(self, text_of: TextOf, answer: Callable[[str], Awaitable[None]]) -> None:
        self._text_of = text_of
        self._catalogue: Catalogue | None = None
        self._answer = answer
        self._said: list[str] = []
        self.answered = False
        self.reason = "waits"

    @property
    def channel(self) -> Channel:
        """SMS."""
        return Channel.SMS

    def speak_from(self, catalogue: Catalogue) -> None:
        """See :class:`flows.line.Line`."""
        self._catalogue = catalogue

    async def say(self, say: Say) -> PartyLeft | None:
        """Add to the answer."""
        text = self._text_of(say, self._catalogue)
        if text:
            self._said.append(text)
        return None

    async def gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
        """Refuse: a text has no keys, and the loader lets no flow ask for them here."""
        raise AssertionError("keys are never gathered from a text")

    async def left(self) -> NoReturn:
        """Never answer: who texts is not there to leave."""
        await asyncio.Event().wait()
        raise AssertionError("nobody sets an event that nobody else has")

    async def transfer(self, wait: TransferToAgent) -> TransferEnded | PartyLeft:
        """Answer that nobody was put through: what was said before promises a call."""
        return TransferEnded("failed")

    async def record(self, wait: Record) -> RecordingEnded | PartyLeft:
        """Refuse: a text has no voice, and the loader lets no flow record one here."""
        raise AssertionError("a text is never recorded")

    async def end(self, reason: str) -> None:
        """Have the answer stored. The runner forgets the session after this, so it must not be sooner."""
        self.reason = reason
        await self.flush()

    async def flush(self) -> None:
        """Have what was said stored, unless that has happened."""
        if not self.answered:
            self.answered = True
            await self._answer("\n".join(self._said))
