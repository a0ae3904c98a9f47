"""One connection to the store on which many commands are under way: written together, answered in order.

redis-py makes it (unix socket, TLS, password, Sentinel: whatever its URL says) and then hands its transport over.
Nothing is ever sent twice here: what was written and not answered may have happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Redis

from sms.store.resp import Answers, NotResp

DEFAULT_ANSWER_TIMEOUT_S = 10.0  # where the URL sets none: longer than any honest fsync
CLOSE_TIMEOUT_S = 5.0


class Lost(Exception):  # noqa: N818 - a state of the world
    """The connection went, or cannot be made."""


class Wire(asyncio.Protocol):
    """Writes commands and hands answers on, in the order of the commands."""

    def __init__(self, on_answer: Callable[[Any], None], on_lost: Callable[[str], None]) -> None:
        """``on_answer`` hears every answer; ``on_lost`` hears once, with the reason, that no more will come."""
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._answers = Answers()
        self._streams: tuple[Any, Any] = (None, None)  # redis-py's, kept as long as their transport
        self._transport: asyncio.Transport | None = None
        self._before: asyncio.BaseProtocol | None = None
        self._gone = asyncio.Event()
        self._written: deque[float] = deque()  # when each command that is not answered was written
        self._timer: asyncio.TimerHandle | None = None
        self._timeout_s = DEFAULT_ANSWER_TIMEOUT_S
        self._loop = asyncio.get_running_loop()
        self._open = False

    async def open(self, redis: Redis) -> None:
        """Connect as ``redis`` does, and take its connection's transport over.

        Raises:
            Lost: no connection; nothing was sent.
        """
        try:
            pool = redis.connection_pool
            connection = pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py's own lack
            self._timeout_s = float(pool.connection_kwargs.get("socket_timeout") or DEFAULT_ANSWER_TIMEOUT_S)
            async with asyncio.timeout(self._timeout_s):
                await connection.connect()
            # No public way leads to the transport. The connection is left empty, so that it closes nothing.
            self._streams = (connection._reader, connection._writer)  # noqa: SLF001
            connection._reader = connection._writer = None  # noqa: SLF001
            transport = self._streams[1].transport
        except Exception as error:  # whatever the client says: there is no connection
            raise Lost(type(error).__name__) from error
        self._transport = transport
        self._before = transport.get_protocol()
        transport.set_protocol(self)
        if transport.is_closing():
            raise Lost("closed at once")
        self._open = True
        self._timer = self._loop.call_later(self._timeout_s, self._look)

    def write(self, commands: Sequence[bytes]) -> None:
        """Write commands at once."""
        assert self._transport is not None  # noqa: S101 - opened first
        self._written.extend([self._loop.time()] * len(commands))
        self._transport.write(b"".join(commands))

    def data_received(self, data: bytes) -> None:
        """Hand on every answer that is whole."""
        try:
            for answer in self._answers.feed(data):
                if not self._open:
                    return
                self._written.popleft()
                self._on_answer(answer)
        except (NotResp, IndexError):
            self.abort("the store answered what nobody asked")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits, and redis-py's stream, which still watches the transport."""
        if self._before is not None:
            self._before.connection_lost(exc)
        self._gone.set()
        self._end("closed" if exc is None else type(exc).__name__)

    def abort(self, reason: str) -> None:
        """Close now. What was not answered never will be."""
        if self._transport is not None:
            self._transport.abort()
        self._end(reason)

    async def close(self) -> None:
        """Close, and wait until it is closed."""
        self.abort("closed")
        if self._transport is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._gone.wait()

    def _end(self, reason: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._open:
            self._open = False
            self._written.clear()
            self._on_lost(reason)

    def _look(self) -> None:
        """See whether the oldest command waits too long. One timer for all of them."""
        now = self._loop.time()
        oldest = self._written[0] if self._written else now
        if now - oldest >= self._timeout_s:
            self.abort("no answer in time")
        else:
            self._timer = self._loop.call_at(oldest + self._timeout_s, self._look)
