"""The end of a log line's way: its time, JSON, and the stream. Every text has a line: a few microseconds for each."""

from __future__ import annotations

import asyncio
import atexit
import json
import threading
import time
import weakref
from collections.abc import Callable, MutableMapping
from json import encoder
from typing import Any, TextIO


def _as_it_prints(value: Any) -> str:
    return repr(value)  # what JSON has no word for; the mask has been over it


class Stamp:
    """Adds ``timestamp``: ISO 8601 in UTC, with microseconds. A structlog processor."""

    __slots__ = ("_begins", "_clock", "_second")

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._begins = ""  # the line's time up to its second, which many lines share

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Add the time of now."""
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._begins, self._second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)), second
        event["timestamp"] = f"{self._begins}.{int((now - second) * 1_000_000):06d}Z"
        return event


class JsonLine:
    """Renders an event as one line of JSON. A structlog processor, the last one."""

    __slots__ = ("_chunks",)

    def __init__(self) -> None:
        self._chunks = _chunks_of_json()

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        """Answer the line."""
        return "".join(self._chunks(event, 0))


def _chunks_of_json() -> Callable[[Any, int], Any]:
    """Answer what writes a value as pieces of JSON: the C encoder, made once and not for every line."""
    make: Any = getattr(encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without it
        encode = json.JSONEncoder(ensure_ascii=False, default=_as_it_prints).encode
        return lambda value, _level: (encode(value),)
    text = encoder.encode_basestring
    chunks: Callable[[Any, int], Any] = make(None, _as_it_prints, text, None, ": ", ", ", False, False, True)
    return chunks


class Lines:
    """Writes lines to a stream: those of one tick of the event loop in one write, warnings and worse at once.

    A structlog logger. A write is a system call, and costs as much as all the rest of a line. A process that is killed
    loses the lines of the tick that it was in.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None  # at the end of whose tick they are written
        self._lock = threading.Lock()  # the bank's threads log too
        atexit.register(_flush, weakref.ref(self))

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._loop = None
            self._write()

    def _write(self) -> None:
        if self._waiting:
            lines = "".join(self._waiting)
            self._waiting.clear()
            self._stream.write(lines)
            self._stream.flush()

    def _soon(self, line: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread of the bank's, a start or an end
            self._now(line)
            return
        with self._lock:
            self._waiting.append(line + "\n")
            if self._loop is loop:
                return
            self._loop = loop
        loop.call_soon(self.flush)

    def _now(self, line: str) -> None:
        with self._lock:
            self._waiting.append(line + "\n")
            self._write()

    msg = log = debug = info = _soon
    warn = warning = error = err = exception = critical = fatal = failure = _now


def _flush(lines: weakref.ref[Lines]) -> None:
    left = lines()
    if left is not None and not left._stream.closed:  # noqa: SLF001 - its own module
        left.flush()
