"""Who is told of an event, in order, without ever holding up or breaking the connection."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import inspect
import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from ivr.ami.messages import AmiMessage

MAX_EVENTS_WAITING = 10_000  # some seconds of a busy exchange; a handler that is slower than that loses events
Handler: TypeAlias = Callable[[AmiMessage], Awaitable[None] | None]

_log = structlog.get_logger("ivr.ami")


class Handlers:
    """Handlers by pattern of event name (``DialBegin``, ``Queue*``), called one after the other by :meth:`run`."""

    def __init__(self, handler_timeout_s: float, max_waiting: int = MAX_EVENTS_WAITING) -> None:
        self._timeout_s = handler_timeout_s
        self._waiting: asyncio.Queue[AmiMessage] = asyncio.Queue(max_waiting)
        self._handlers: list[tuple[re.Pattern[str], Handler]] = []
        self.events_dropped = 0

    def add(self, pattern: str, handler: Handler) -> Callable[[], None]:
        """Call ``handler`` for events whose name matches ``pattern``; answer how to stop that."""
        entry = (re.compile(fnmatch.translate(pattern), re.IGNORECASE), handler)
        self._handlers.append(entry)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._handlers.remove(entry)

        return remove

    def offer(self, event: AmiMessage) -> None:
        """Take an event from the connection. Never blocks, never raises; a full queue drops it and counts that."""
        if not any(pattern.match(event.name) for pattern, _ in self._handlers):
            return
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            if not self.events_dropped:
                _log.error("ami.events_dropped", waiting=self._waiting.maxsize)
            self.events_dropped += 1

    async def run(self) -> None:
        """Call handlers, for ever."""
        while True:
            event = await self._waiting.get()
            for pattern, handler in tuple(self._handlers):
                if pattern.match(event.name):
                    await self._call(handler, event)

    async def _call(self, handler: Handler, event: AmiMessage) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                result = handler(event)
                if inspect.isawaitable(result):
                    await result
        except Exception as error:  # noqa: BLE001 - a handler's fault is the handler's; the connection lives on
            # The error's text may quote a telephone number: its kind and the handler's name must do.
            name = getattr(handler, "__qualname__", type(handler).__name__)
            _log.error("ami.handler_failed", handler=name, event_name=event.name, error=type(error).__name__)
