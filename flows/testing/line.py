"""A line that says what its script says, and remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TypeAlias

from core_client.domain.secret import Secret
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
from flows.vault import Vault
from sounds.catalogue import Catalogue

Scripted: TypeAlias = "str | InputTimedOut | PartyLeft | TransferEnded | RecordingEnded"
"""Keys as a text (a secret gather keeps them in the vault), or what happens instead."""


class ScriptedLine:
    """Answers each wait with the next of its script; an empty script means that the party left."""

    def __init__(self, channel: Channel, vault: Vault, script: Iterable[Scripted] = ()) -> None:
        self._channel = channel
        self._vault = vault
        self._script = list(script)
        self._gone = asyncio.Event()
        self.said: list[Say] = []
        self.catalogue: Catalogue | None = None
        self.waits: list[GatherDigits | TransferToAgent | Record] = []
        self.ended: str | None = None

    @property
    def channel(self) -> Channel:
        """See :class:`flows.line.Line`."""
        return self._channel

    def speak_from(self, catalogue: Catalogue) -> None:
        """See :class:`flows.line.Line`."""
        self.catalogue = catalogue

    def hang_up(self) -> None:
        """The party leaves now."""
        self._gone.set()

    async def say(self, say: Say) -> PartyLeft | None:
        """See :class:`flows.line.Line`."""
        if self._gone.is_set():
            return PartyLeft()
        self.said.append(say)
        return None

    async def gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
        """See :class:`flows.line.Line`."""
        self.waits.append(wait)
        answer = self._next()
        if isinstance(answer, str):
            ended_by = answer[-1] if answer and answer[-1] in wait.terminators else ""
            digits = answer[:-1] if ended_by else answer
            if wait.secret and digits not in wait.escapes:
                return DigitsReceived("", self._vault.keep(Secret(digits)), ended_by)
            return DigitsReceived(digits, None, ended_by)
        if isinstance(answer, TransferEnded | RecordingEnded):
            raise TypeError("the script ends something else where keys are waited for")
        return answer

    async def left(self) -> None:
        """See :class:`flows.line.Line`."""
        await self._gone.wait()

    async def transfer(self, wait: TransferToAgent) -> TransferEnded | PartyLeft:
        """See :class:`flows.line.Line`."""
        self.waits.append(wait)
        answer = self._next()
        if isinstance(answer, TransferEnded | PartyLeft):
            return answer
        raise TypeError("the script presses keys where a transfer is waited for")

    async def record(self, wait: Record) -> RecordingEnded | PartyLeft:
        """See :class:`flows.line.Line`."""
        self.waits.append(wait)
        answer = self._next()
        if isinstance(answer, RecordingEnded | PartyLeft):
            return answer
        raise TypeError("the script does something else where a recording is waited for")

    async def end(self, reason: str) -> None:
        """See :class:`flows.line.Line`."""
        self.ended = reason

    def _next(self) -> Scripted:
        if self._gone.is_set() or not self._script:
            self._gone.set()
            return PartyLeft()
        return self._script.pop(0)
