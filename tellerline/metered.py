"""A core whose operations are counted and timed."""

from __future__ import annotations

import time

from core_client.services.client import OperationCall, OperationResult

from flows.performing import Core
from tellerline.telemetry import Metrics


class MeteredCore:
    """A core whose operations are counted and timed."""

    def __init__(self, core: Core, metrics: Metrics) -> None:
        self._core = core
        self._metrics = metrics

    async def perform(self, call: OperationCall) -> OperationResult:
        """Carry out one operation; see ``CoreClient.perform``."""
        began = time.monotonic()
        result = await self._core.perform(call)
        self._metrics.operation_seconds.labels(call.operation).observe(time.monotonic() - began)
        self._metrics.operations.labels(call.operation, call.channel, result.outcome).inc()
        return result

    async def leave(self, auth_session_id: str) -> None:
        """The party is gone."""
        await self._core.leave(auth_session_id)
