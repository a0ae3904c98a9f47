"""Hears the bank's callbacks (``X-Callback-URL``), and believes none of them.

A callback says that something is to be seen, and is no proof of it: whoever can reach the address could make one up.
So it only rings a bell, and the request's state is asked for at once instead of a moment later.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ssl
from collections.abc import AsyncIterator

from aiohttp import web

MAX_BODY_BYTES = 64 * 1024
STOP_S = 2.0


class HttpBells:
    """:class:`~core_client.adapters.gsma.asking.Bells` on a port of its own."""

    def __init__(self, public_url: str, key: bytes) -> None:
        """Make one.

        Args:
            public_url: how the bank reaches this address, without a slash at the end.
            key: makes the addresses: one that nobody was given is not there.
        """
        self._public_url = public_url.rstrip("/")
        self._key = key
        self._waiting: dict[str, asyncio.Event] = {}

    def address(self, correlation_id: str) -> str:
        """Answer the URL that the bank calls for this request."""
        self._waiting.setdefault(correlation_id, asyncio.Event())
        return f"{self._public_url}/{self._proof(correlation_id)}/{correlation_id}"

    async def rung(self, correlation_id: str) -> None:
        """Wait for the call."""
        bell = self._waiting.setdefault(correlation_id, asyncio.Event())
        await bell.wait()
        bell.clear()

    def forget(self, correlation_id: str) -> None:
        """Wait for this call no longer."""
        self._waiting.pop(correlation_id, None)

    def _proof(self, correlation_id: str) -> str:
        return hmac.digest(self._key, f"callback:{correlation_id}".encode(), "sha256").hex()[:32]

    async def _called(self, request: web.Request) -> web.Response:
        correlation_id = request.match_info["correlation_id"].lower()
        if not hmac.compare_digest(request.match_info["proof"].encode(), self._proof(correlation_id).encode()):
            return web.Response(status=404)
        await request.read()
        bell = self._waiting.get(correlation_id)
        if bell is not None:
            bell.set()
        return web.Response(status=204)

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        """Listen, and answer the port.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_put("/{proof}/{correlation_id}", self._called)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, ssl_context=tls)
            await site.start()
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()
