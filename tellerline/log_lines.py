"""The end of a log line's way: its time, and JSON. Every text has a line, so both are made in a few microseconds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, MutableMapping
from typing import Any


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

    __slots__ = ("_encode",)

    def __init__(self) -> None:
        self._encode = json.JSONEncoder(ensure_ascii=False, default=_as_it_prints).encode

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        """Answer the line."""
        return self._encode(event)
