"""The pages that machines ask: is the process alive, may it get calls, what should be looked at, and its figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tellerline.telemetry import Metrics

CHECK_TIMEOUT_S = 2.0  # a check that takes longer is a no; load balancers wait about this long
STOP_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[str | None]]  # None: well; else what is wrong


class Part(Protocol):
    """A part that can be well enough to work, and still be something to look at."""

    def degraded(self) -> Mapping[str, str]:
        """Answer what somebody should look at, and why."""
        ...

    def told(self) -> Mapping[str, Any]:
        """Answer how it stands, as data."""
        ...


class Health:
    """Knows whether the node may get calls and texts, by asking each part."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        metrics: Metrics,
        flows: Callable[[], Mapping[str, object]] = dict,
        parts: Mapping[str, Part] | None = None,
    ) -> None:
        """Make one.

        Args:
            checks: by part, what keeps the node from being ready.
            metrics: what the figures are made of.
            flows: answers what is live, by flow.
            parts: those that can be degraded.
        """
        self._checks = checks
        self._metrics = metrics
        self._flows = flows
        self._parts = parts or {}

    def degraded(self) -> dict[str, str]:
        """Answer what somebody should look at though the node is ready: what, and why."""
        return {what: why for part in self._parts.values() for what, why in part.degraded().items()}

    async def reasons(self) -> dict[str, str]:
        """Answer what is wrong, by part; empty: ready."""
        answers = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
        return {part: answer for part, answer in zip(self._checks, answers, strict=True) if answer is not None}

    async def _ask(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                return await check()
        except TimeoutError:
            return f"no answer within {CHECK_TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - whatever broke in a part is the reason, told by its type only
            return type(error).__name__

    async def live(self, _request: web.Request) -> web.Response:
        """Answer 200 while the event loop turns."""
        return web.json_response({"live": True})

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200 when every part is well, else 503 and what is wrong; and which version of each flow is live."""
        reasons = await self.reasons()
        told = {"ready": not reasons, "reasons": reasons, "degraded": self.degraded(), "flows": self._flows()}
        return web.json_response(told, status=503 if reasons else 200)

    async def detail(self, _request: web.Request) -> web.Response:
        """Answer how each part stands. Always 200: this page is read, not obeyed."""
        reasons, degraded = await self.reasons(), self.degraded()
        state = "down" if reasons else "degraded" if degraded else "well"
        told = {"state": state, "reasons": reasons, "degraded": degraded, "flows": self._flows()}
        return web.json_response(told | {name: part.told() for name, part in self._parts.items()})

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer the figures in Prometheus' text format."""
        return web.Response(body=generate_latest(self._metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


@asynccontextmanager
async def serving(health: Health, host: str, port: int) -> AsyncIterator[int]:
    """Serve the pages and answer the port that they are on.

    Raises:
        OSError: the port is taken.
    """
    app = web.Application()
    app.router.add_get("/health/live", health.live)
    app.router.add_get("/health/ready", health.ready)
    app.router.add_get("/health/detail", health.detail)
    app.router.add_get("/metrics", health.metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_TIMEOUT_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
