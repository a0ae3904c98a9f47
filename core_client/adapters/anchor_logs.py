"""Logs of anchors: a file that is only added to, and a stream of the shared store."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core_client.domain.anchors import Anchor, AnchorError, read_anchor
from core_client.errors import Unavailable

STREAM = "tellerline:{anchors}"  # never trimmed: a line a minute is 130 MB in ten years
_FIELD = b"a"
_PAGE = 5_000
_LAST = 4_096  # bytes at the end of a file in which its last line lies


class AnchorFile:
    """A file, one anchor a line, each on the disk before :meth:`append` returns.

    Whoever may write the database should not be able to write this: give it a folder of another owner or machine, or
    ``chattr +a`` it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """The path."""
        return str(self._path)

    async def read(self) -> tuple[Sequence[Anchor], int]:
        """Answer the anchors, and how many lines are none; a file that is not there has none."""

        def lines() -> list[str]:
            with suppress(FileNotFoundError):
                return self._path.read_text(encoding="utf-8", errors="replace").splitlines()
            return []

        try:
            return anchors_in(await asyncio.to_thread(lines))
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be read: {error.strerror}") from None

    async def append(self, anchor: Anchor) -> None:
        """Add a line and wait for the disk."""
        await self.extend(lambda _: anchor)

    async def extend(self, follow: Callable[[Anchor | None], Anchor]) -> Anchor:
        """Add the anchor that follows the last one, and wait for the disk; other processes wait meanwhile."""
        try:
            return await asyncio.to_thread(self._extend, follow)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}") from None

    def _extend(self, follow: Callable[[Anchor | None], Anchor]) -> Anchor:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end = os.pread(descriptor, _LAST, max(0, os.fstat(descriptor).st_size - _LAST))
            known, _ = anchors_in(end.decode(errors="replace").splitlines())
            anchor = follow(known[-1] if known else None)
            line = anchor.line().encode() + b"\n"
            # A line that a crash cut off stays as it is, on a line of its own.
            os.write(descriptor, line if not end or end.endswith(b"\n") else b"\n" + line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return anchor


class AnchorStream:
    """A stream of the shared store."""

    def __init__(self, redis: Redis, stream: str = STREAM) -> None:
        self._redis: Any = redis  # typed for every mode of the client; this one answers bytes
        self._stream = stream

    @property
    def place(self) -> str:
        """The stream's name."""
        return f"stream {self._stream}"

    async def read(self) -> tuple[Sequence[Anchor], int]:
        """Answer the anchors, and how many entries are none."""
        lines: list[str] = []
        start = "-"
        try:
            while page := await self._redis.xrange(self._stream, start, "+", _PAGE):
                lines += [fields.get(_FIELD, b"").decode(errors="replace") for _, fields in page]
                start = f"({page[-1][0].decode()}"
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable(f"the store did not answer: {type(error).__name__}") from None
        return anchors_in(lines)

    async def append(self, anchor: Anchor) -> None:
        """Add an entry; the embedded store has it on the disk before it answers."""
        try:
            await self._redis.xadd(self._stream, {_FIELD: anchor.line()})
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable(f"the store did not answer: {type(error).__name__}") from None


def anchors_in(lines: Iterable[str]) -> tuple[list[Anchor], int]:
    """Answer the anchors among ``lines``, and how many lines are none. Empty lines are nothing."""
    found: list[Anchor] = []
    wrong = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            found.append(read_anchor(line))
        except AnchorError:
            wrong += 1
    return found, wrong


def anchors_in_log(lines: Iterable[str]) -> list[Anchor]:
    """Answer the anchors among a log system's JSON lines: the field ``anchor`` of the event ``audit.anchored``."""
    found: list[Anchor] = []
    for line in lines:
        with suppress(ValueError, AnchorError):  # other lines are other events
            event = json.loads(line)
            if isinstance(event, dict) and event.get("event") == "audit.anchored":
                found.append(read_anchor(str(event["anchor"])))
    return found
