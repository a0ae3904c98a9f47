"""A message centre that only measures: PDUs by ``struct``, one write a tick, a window of texts under way.

It takes any number of binds and brings each its share of the texts. Where it knows what a customer must be answered,
every answer is held against that.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

_HEADER = struct.Struct(">LLLL")
_BIND_RESP = b"bench\x00"
_TEXT = b"BAL"
_BINDS = (1, 2, 9)


def deliver_sm(number: int, source: str = "") -> bytes:
    """Answer a deliver_sm of ``source``, without one of the ``number``-th of ten thousand people."""
    body = (
        b"\x00\x01\x01"
        + (source.encode() or b"86139%08d" % (number % 10_000))
        + b"\x00\x00\x0195500\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        + bytes((len(_TEXT),))
        + _TEXT
    )
    return _HEADER.pack(16 + len(body), 5, 0, number + 1) + body


def answer_of(pdu: bytes) -> tuple[bytes, bytes]:
    """Answer destination and octets of a submit_sm (SMPP 3.4 §4.4.1)."""
    source = pdu.index(b"\0", 16) + 3
    destination = pdu.index(b"\0", source) + 3
    rest = pdu.index(b"\0", destination)
    scheduled = pdu.index(b"\0", rest + 4)
    length = pdu.index(b"\0", scheduled + 1) + 5
    return pdu[destination:rest], pdu[length + 1 : length + 1 + pdu[length]]


class Driver:
    """Brings ``total`` texts, ``window`` under way on each bind; one is done when both it and its answer are."""

    def __init__(
        self,
        total: int,
        window: int,
        *,
        sources: Sequence[str] = (),
        answers: Mapping[bytes, bytes] | None = None,
        binds: int = 1,
        quick_acks: bool = False,
    ) -> None:
        """Make one.

        Args:
            sources: who texts, in turn; without, ten thousand people whom no bank knows.
            answers: by number, what must be answered; None: anything will do.
            binds: so many are waited for.
            quick_acks: acknowledge TCP segments at once, for a peer that leaves Nagle's algorithm on.
        """
        self.total = total
        self.window = window
        self.sources = sources
        self.answers = answers
        self.binds = binds
        self.quick_acks = quick_acks
        self.bound = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()
        self.refused = 0
        self.wrong: list[tuple[bytes, bytes]] = []
        self.began = self.ended = 0.0
        self.sent = self.acknowledged = self.answered = 0
        self.links: list[_Link] = []

    def link(self) -> asyncio.Protocol:
        """Answer the protocol of one more connection."""
        return _Link(self)

    def begin(self) -> None:
        """Bring the first window of texts."""
        self.began = time.perf_counter()
        for link in self.links:
            link.bring()

    def next_text(self) -> bytes | None:
        """Answer the next text, or None."""
        if self.sent >= self.total:
            return None
        source = self.sources[self.sent % len(self.sources)] if self.sources else ""
        self.sent += 1
        return deliver_sm(self.sent - 1, source)

    def check(self, pdu: bytes) -> None:
        """Hold an answer against what the customer must be told."""
        self.answered += 1
        if self.answers is not None:
            destination, words = answer_of(pdu)
            if self.answers.get(destination) != words:
                self.wrong.append((destination, words))

    def took_bind(self, link: _Link) -> None:
        """Hear that one more has bound."""
        self.links.append(link)
        if len(self.links) == self.binds and not self.bound.done():
            self.bound.set_result(None)

    def look(self) -> None:
        """See whether all is done."""
        if self.answered >= self.total <= self.acknowledged and not self.done.done():
            self.ended = time.perf_counter()
            self.done.set_result(None)

    def lost(self) -> None:
        """Hear that a connection went."""
        if not self.done.done() and self.began:
            self.done.set_exception(ConnectionError("the ESME went before it was done"))

    def close(self) -> None:
        """End the connections."""
        for link in self.links:
            link.close()


class _Link(asyncio.Protocol):
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._brought = self._acknowledged = self._answered = 0
        self._buffer = b""
        self._out: list[bytes] = []
        self._transport: Any = None
        self._socket: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._socket = transport.get_extra_info("socket")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def bring(self) -> None:
        while self._brought - min(self._acknowledged, self._answered) < self._driver.window:
            text = self._driver.next_text()
            if text is None:
                break
            self._out.append(text)
            self._brought += 1
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def data_received(self, data: bytes) -> None:
        driver = self._driver
        if driver.quick_acks:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        buffer = self._buffer + data
        start, end = 0, len(buffer)
        while end - start >= 16:
            length, command, status, sequence = _HEADER.unpack_from(buffer, start)
            if end - start < length:
                break
            if command == 0x80000005:
                self._acknowledged += 1
                driver.acknowledged += 1
                driver.refused += status != 0
            elif command == 4:
                self._answered += 1
                driver.check(buffer[start : start + length])
                body = b"%x\x00" % sequence
                self._out.append(_HEADER.pack(16 + len(body), 0x80000004, 0, sequence) + body)
            elif command in _BINDS:
                response = command | 0x80000000
                self._transport.write(_HEADER.pack(16 + len(_BIND_RESP), response, 0, sequence) + _BIND_RESP)
                driver.took_bind(self)
            elif command in (0x15, 6):
                self._transport.write(_HEADER.pack(16, command | 0x80000000, 0, sequence))
            start += length
        self._buffer = buffer[start:]
        if driver.began:
            self.bring()
            driver.look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._driver.lost()

    def close(self) -> None:
        self._transport.close()
