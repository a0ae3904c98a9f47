"""The core as channels see it, and the wrappers that the composition root puts around it."""

from __future__ import annotations

import time
from typing import Protocol

from core_client.services.call import Arrival, OperationCall, OperationResult
from tellerline.telemetry import Metrics


class Door(Protocol):
    """What channels and the runner need of :class:`core_client.services.client.CoreClient`."""

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """Begin an auth session for a party."""
        ...

    async def perform(self, call: OperationCall) -> OperationResult:
        """Carry out one operation."""
        ...

    async def keep(self, auth_session_id: str) -> None:
        """The auth session must outlive the text that began it."""
        ...

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        """The dialogue goes on with this answer."""
        ...

    def let_go(self, auth_session_id: str) -> None:
        """The text is answered: its auth session goes, unless it was kept."""
        ...

    async def leave(self, auth_session_id: str) -> None:
        """The party is gone."""
        ...


class MeteredDoor:
    """Counts and times operations."""

    def __init__(self, inner: Door, metrics: Metrics) -> None:
        self._inner = inner
        self._note = metrics.operations.note

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """See :class:`Door`."""
        return await self._inner.arrive(channel, number)

    async def perform(self, call: OperationCall) -> OperationResult:
        """See :class:`Door`."""
        began = time.monotonic()
        result = await self._inner.perform(call)
        self._note(call.operation, call.channel, result.outcome, time.monotonic() - began)
        return result

    async def keep(self, auth_session_id: str) -> None:
        """See :class:`Door`."""
        await self._inner.keep(auth_session_id)

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        """See :class:`Door`."""
        self._inner.heard(call, result)

    def let_go(self, auth_session_id: str) -> None:
        """See :class:`Door`."""
        self._inner.let_go(auth_session_id)

    async def leave(self, auth_session_id: str) -> None:
        """See :class:`Door`."""
        await self._inner.leave(auth_session_id)
