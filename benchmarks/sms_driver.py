"""A message centre that only measures: PDUs by ``struct``, one write a tick, a window of texts under way."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Any, cast

_HEADER = struct.Struct(">LLLL")
_BIND_RESP = b"bench\x00"
_TEXT = b"BAL"


def deliver_sm(number: int) -> bytes:
    """Answer a deliver_sm from the ``number``-th of ten thousand customers."""
    source = b"86139%08d" % (number % 10_000)
    body = (
        b"\x00\x01\x01"
        + source
        + b"\x00\x00\x0195500\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        + bytes((len(_TEXT),))
        + _TEXT
    )
    return _HEADER.pack(16 + len(body), 5, 0, number + 1) + body


class Driver(asyncio.Protocol):
    """Brings ``total`` texts with ``window`` under way; one is done when it is acknowledged and its answer is too."""

    def __init__(self, total: int, window: int) -> None:
        self.total = total
        self.window = window
        self.bound = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()
        self.refused = 0
        self.began = self.ended = 0.0
        self._sent = self._acknowledged = self._answered = 0
        self._buffer = b""
        self._out: list[bytes] = []
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def begin(self) -> None:
        """Bring the first window of texts."""
        self.began = time.perf_counter()
        self._bring()

    def _bring(self) -> None:
        while self._sent < self.total and self._sent - min(self._acknowledged, self._answered) < self.window:
            self._out.append(deliver_sm(self._sent))
            self._sent += 1
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        start, end = 0, len(buffer)
        while end - start >= 16:
            length, command, status, sequence = _HEADER.unpack_from(buffer, start)
            if end - start < length:
                break
            start += length
            if command == 0x80000005:
                self._acknowledged += 1
                self.refused += status != 0
            elif command == 4:
                self._answered += 1
                body = b"%x\x00" % sequence
                self._out.append(_HEADER.pack(16 + len(body), 0x80000004, 0, sequence) + body)
            elif command == 9:
                self._transport.write(_HEADER.pack(16 + len(_BIND_RESP), 0x80000009, 0, sequence) + _BIND_RESP)
                self.bound.set_result(None)
            elif command in (0x15, 6):
                self._out.append(_HEADER.pack(16, command | 0x80000000, 0, sequence))
        self._buffer = buffer[start:]
        if self.began:
            self._bring()
        if self._answered >= self.total <= self._acknowledged and not self.done.done():
            self.ended = time.perf_counter()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the ESME went before it was done"))

    def close(self) -> None:
        """End the connection."""
        self._transport.close()
