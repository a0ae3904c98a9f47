"""Puts a face on a port, with TLS where the settings say so."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tellerline.bank_face.face import Face

SHUTDOWN_S = 10.0  # for requests that are being answered; what was taken on has longer


@dataclass(frozen=True, slots=True)
class Tls:
    """The face's own certificate; with ``client_ca``, whoever has none signed by it is not let in."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Answer the server's TLS settings: 1.2 at least.

        Raises:
            OSError: a file cannot be read or is not what it should be.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        if self.client_ca is not None:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@contextlib.asynccontextmanager
async def serving(
    face: Face, host: str, port: int, *, tls: Tls | None = None, drain_s: float = 30.0
) -> AsyncIterator[int]:
    """Serve a face and answer its port. At the end nothing new is let in, and what was taken on is finished.

    What is not finished within ``drain_s`` is left to the next start: it is in the database.

    Raises:
        OSError: the port is taken, or a TLS file cannot be used.
    """
    runner = web.AppRunner(face.app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False)
    context = tls.context() if tls is not None else None
    async with face.open():
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, ssl_context=context)
            await site.start()
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()
            await _drained(face, drain_s)


async def _drained(face: Face, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await face.doing.drained()
    except TimeoutError:
        face.doing.stop_waiting()
