"""``tellerline serve`` in a process of its own, which can be killed and started again on the same state."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import IO

START_TIMEOUT_S = 60.0
LOOK_S = 0.05
_STARTED = b'"event": "node.started"'
_NUMBER = re.compile(rb"861[3-9]\d{9}")  # a subscriber's, in full


class NodeProcess:
    """One node. Its log is in ``folder/NAME.log``, over all its lives."""

    def __init__(self, folder: Path, name: str, settings: str) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.config = folder / f"{name}.toml"
        self.config.write_text(settings, encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None
        self._out: IO[bytes] | None = None
        self.starts = 0

    async def start(self) -> None:
        """Start it, and answer when it answers calls and texts."""
        self.starts += 1
        self._out = self.log.open("ab")
        began = self._out.tell()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tellerline", "serve", "-c", str(self.config),
            stderr=self._out, env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
        async with asyncio.timeout(START_TIMEOUT_S):
            while _STARTED not in self._since(began):
                assert self.runs, self.tail()
                await asyncio.sleep(LOOK_S)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.returncode is None

    def _since(self, place: int) -> bytes:
        with self.log.open("rb") as log:
            log.seek(place)
            return log.read()

    def tail(self) -> str:
        """The last that it logged."""
        return self.log.read_bytes()[-4000:].decode(errors="replace")

    def numbers_in_full(self) -> int:
        """Answer how many numbers of subscribers are in its log that are not masked."""
        return len(_NUMBER.findall(self.log.read_bytes()))

    def said(self, event: str) -> int:
        """Answer how often it logged an event."""
        return self.log.read_bytes().count(f'"event": "{event}"'.encode())

    async def kill(self) -> None:
        """Kill -9. It must not have ended of itself."""
        assert self.runs, f"{self.name} ended of itself: {self.tail()}"
        await self.end()

    async def end(self) -> None:
        """Let nothing of it run on, whatever has happened."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
        if self._out is not None:
            self._out.close()

    async def stop(self, timeout_s: float = 60.0) -> int:
        """Ask it to stop; answer its exit code."""
        assert self._process is not None
        if self.runs:
            self._process.terminate()
        async with asyncio.timeout(timeout_s):
            code = await self._process.wait()
        await self.end()
        return code
