"""A face on a port of its own, served by a thread: for drivers that know nothing of our event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests

from core_client.testing.world import world
from tests.contract.core_over_http import CLIENT, SECRET, face_of

START_S = 20.0


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is, and a token for it."""

    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def post(self, path: str, body: Any) -> Any:
        return requests.post(self.url + path, json=body, headers=self.headers, timeout=10).json()


@contextlib.contextmanager
def served_face() -> Iterator[Served]:
    """Serve the demo bank inside the block."""
    loop = asyncio.new_event_loop()
    stop, listening = asyncio.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with world() as bank, face_of(bank) as url:
            found.append(url)
            listening.set()
            await stop.wait()
            await bank.bank.ledger.check_books()

    ended: list[BaseException] = []

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            ended.append(error)
            raise
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="face", daemon=True)
    thread.start()
    assert listening.wait(START_S), ended
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
    token = requests.post(f"{found[0]}/oauth2/token", data=form, timeout=10).json()["access_token"]
    try:
        yield Served(found[0], token)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(START_S)
        assert not ended, ended
