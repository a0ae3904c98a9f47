"""One TCP connection with an SMPP session on it: the only place where octets meet a socket, for either role."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from sms.smpp import Event, RemoteProtocolError, Session

WRITE_HIGH_OCTETS = 256 * 1024  # a peer that does not read this much has stopped reading


class SmppLink(asyncio.Protocol):
    """Feeds a session from a socket, writes once a tick, and calls it back when a timer is due."""

    def __init__(
        self,
        session: Session,
        on_event: Callable[[SmppLink, Event], None],
        on_open: Callable[[SmppLink], None] | None = None,
        on_closed: Callable[[SmppLink, list[int], str], None] | None = None,
        on_writable: Callable[[], None] | None = None,
    ) -> None:
        """``on_closed`` hears which of our messages were never answered, and why the connection ended."""
        self.session = session
        self._loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._on_open = on_open
        self._on_closed = on_closed
        self._on_writable = on_writable
        self._transport: asyncio.Transport | None = None
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._reason = "the peer closed the connection"
        self.closed = self._loop.create_future()

    @property
    def peer(self) -> str:
        """The address of the other side, for the log."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else "unix"

    @property
    def congested(self) -> bool:
        """Whether the peer has stopped reading: send nothing more until it does."""
        return self._transport is None or self._transport.get_write_buffer_size() > WRITE_HIGH_OCTETS

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; see :class:`asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_OCTETS)
        plain = transport.get_extra_info("socket")
        if plain is not None and plain.family in (socket.AF_INET, socket.AF_INET6):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._on_open is not None:
            self._on_open(self)
        self.wake()

    def data_received(self, data: bytes) -> None:
        """Hand octets to the session and its events to the owner."""
        self.session.receive_data(data, self._loop.time())
        self._turn()

    def resume_writing(self) -> None:
        """Tell the owner that the peer reads again."""
        if self._on_writable is not None:
            self._on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner what was left unanswered."""
        if exc is not None:
            self._reason = f"the connection broke: {exc}"
        if self._timer is not None:
            self._timer.cancel()
        lost = self.session.close()
        if self._on_closed is not None:
            self._on_closed(self, lost, self._reason)
        if not self.closed.done():
            self.closed.set_result(None)

    # --- the owner's side ---

    def wake(self) -> None:
        """Send what the session has to send, at the end of this tick, and look after its timers."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def close(self, reason: str) -> None:
        """Send what is queued, then close the connection."""
        self._reason = reason
        self._write()
        if self._transport is not None:
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Drop the connection at once."""
        self._reason = reason
        if self._transport is not None:
            self._transport.abort()

    def _turn(self) -> None:
        now = self._loop.time()
        try:
            while (event := self.session.next_event(now)) is not None:
                self._on_event(self, event)
        except RemoteProtocolError as error:
            self.close(str(error))
            return
        self.wake()

    def _flush(self) -> None:
        self._flushing = False
        self._write()
        deadline = self.session.next_deadline()
        if deadline is None:
            return
        if self._timer is not None and self._timer_at <= deadline and not self._timer.cancelled():
            return  # it fires early enough and looks again
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        self._turn()

    def _write(self) -> None:
        octets = self.session.data_to_send()
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)
