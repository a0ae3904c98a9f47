"""One TCP connection with an SMPP session on it: the only place where octets meet a socket, for either role."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from sms.smpp import Event, RemoteProtocolError, Session

WRITE_HIGH_OCTETS = 256 * 1024  # a peer that does not read this much has stopped reading
CLOSE_TIMEOUT_S = 5.0  # for the last octets; a peer that does not take them holds the connection no longer


class SmppLink(asyncio.Protocol):
    """Feeds a session from a socket, writes once a tick, and calls it back when a timer is due."""

    def __init__(
        self,
        session: Session,
        on_event: Callable[[SmppLink, Event], None],
        on_open: Callable[[SmppLink], None] | None = None,
        on_closed: Callable[[SmppLink, list[int], str], None] | None = None,
        on_writable: Callable[[], None] | None = None,
        on_read: Callable[[], None] | None = None,
    ) -> None:
        """Wire the connection.

        Args:
            on_closed: hears which of our messages were never answered, and why the connection ended.
            on_writable: hears that the peer, which had stopped reading, reads again.
            on_read: hears that everything that one read or timer brought has been told.
        """
        self.session = session
        self._loop = asyncio.get_running_loop()
        self.time = self._loop.time
        self.now = self.time()  # when octets came or a timer fired last
        self.congested = True  # whether the peer has stopped reading, or is not there yet: send nothing more
        self._on_event = on_event
        self._on_open = on_open
        self._on_closed = on_closed
        self._on_writable = on_writable
        self._on_read = on_read
        self._transport: asyncio.Transport | None = None
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._closing: asyncio.TimerHandle | None = None
        self._reason = "the peer closed the connection"
        self.closed = self._loop.create_future()

    @property
    def peer(self) -> str:
        """The address of the other side, for the log."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else "unix"

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; see :class:`asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_OCTETS)
        self.congested = False
        plain = transport.get_extra_info("socket")
        if plain is not None and plain.family in (socket.AF_INET, socket.AF_INET6):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._on_open is not None:
            self._on_open(self)
        self.wake()

    def data_received(self, data: bytes) -> None:
        """Hand octets to the session and its events to the owner, and write what they answer at once."""
        self.now = now = self.time()
        self.session.receive_data(data, now)
        self._turn()

    def pause_writing(self) -> None:
        """Hear that the peer has stopped reading."""
        self.congested = True

    def resume_writing(self) -> None:
        """Tell the owner that the peer reads again."""
        self.congested = False
        if self._on_writable is not None:
            self._on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner what was left unanswered."""
        if exc is not None:
            self._reason = f"the connection broke: {exc}"
        self.now = self.time()
        self.congested = True
        for timer in (self._timer, self._closing):
            if timer is not None:
                timer.cancel()
        self._timer = self._closing = None
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
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._closing = self._loop.call_later(CLOSE_TIMEOUT_S, self._transport.abort)

    def abort(self, reason: str) -> None:
        """Drop the connection at once."""
        self._reason = reason
        if self._transport is not None:
            self._transport.abort()

    def _turn(self) -> None:
        session, now, tell = self.session, self.now, self._on_event
        waking, self._flushing = self._flushing, True  # what is answered from here on is written below, in one piece
        try:
            while events := session.next_events(now):
                for event in events:
                    tell(self, event)
            if self._on_read is not None:
                self._on_read()
        except RemoteProtocolError as error:
            self.close(str(error))
        finally:
            self._flushing = waking
        self._send()

    def _flush(self) -> None:
        self._flushing = False
        self._send()

    def _send(self) -> None:
        self._write()
        deadline = self.session.next_deadline()
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return  # it fires early enough and looks again
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        self.now = self.time()
        self._turn()

    def _write(self) -> None:
        octets = self.session.data_to_send()
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)
