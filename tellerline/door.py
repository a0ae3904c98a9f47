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

    async def leave(self, auth_session_id: str) -> None:
        """The party is gone."""
        ...


class MeteredDoor:
    """Counts and times operations."""

    def __init__(self, inner: Door, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """See :class:`Door`."""
        return await self._inner.arrive(channel, number)

    async def perform(self, call: OperationCall) -> OperationResult:
        """See :class:`Door`."""
        began = time.monotonic()
        result = await self._inner.perform(call)
        self._metrics.operation_seconds.labels(call.operation).observe(time.monotonic() - began)
        self._metrics.operations.labels(call.operation, call.channel, result.outcome).inc()
        return result

    async def leave(self, auth_session_id: str) -> None:
        """See :class:`Door`."""
        await self._inner.leave(auth_session_id)
