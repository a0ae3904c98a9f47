"""The core as channels see it, and the wrappers that the composition root puts around it."""

from __future__ import annotations

import time
from typing import Protocol

from prometheus_client import Counter, Histogram

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
        self._metrics = metrics
        self._seconds: dict[str, Histogram] = {}  # of each operation: finding a labelled one takes longer than counting
        self._counts: dict[tuple[str, str, str], Counter] = {}

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """See :class:`Door`."""
        return await self._inner.arrive(channel, number)

    async def perform(self, call: OperationCall) -> OperationResult:
        """See :class:`Door`."""
        began = time.monotonic()
        result = await self._inner.perform(call)
        self._note(call, result.outcome, time.monotonic() - began)
        return result

    def _note(self, call: OperationCall, outcome: str, seconds: float) -> None:
        timed = self._seconds.get(call.operation)
        if timed is None:
            timed = self._seconds[call.operation] = self._metrics.operation_seconds.labels(call.operation)
        timed.observe(seconds)
        what = (call.operation, call.channel, outcome)  # words of the registry: some hundreds at most
        counted = self._counts.get(what)
        if counted is None:
            counted = self._counts[what] = self._metrics.operations.labels(*what)
        counted.inc()

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
