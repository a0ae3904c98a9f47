"""A message centre without a network: both ends of a connection in this process, for tests in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sms.binds.link import SmppLink
from sms.smpp import (
    BindRequested,
    Event,
    Message,
    MessageAnswered,
    MessageReceived,
    PduRejected,
    Role,
    Session,
    UnbindRequested,
    Unbound,
)


class Wire(asyncio.Transport):
    """One end of a connection; what is written arrives at the other end in the next tick."""

    def __init__(self) -> None:
        super().__init__()
        self.other: Wire
        self.protocol: asyncio.Protocol
        self.writes: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._closing = self._ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.is_closing():
            self.writes.append(bytes(data))
            self._loop.call_soon(self.other.arrive, bytes(data))

    def arrive(self, data: bytes) -> None:
        if not self._ended:
            self.protocol.data_received(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self._closing or self._ended

    def close(self) -> None:
        self._closing = True
        self._loop.call_soon(self.abort)  # behind what was written before

    def abort(self) -> None:
        for end in (self, self.other):
            if not end._ended:
                end._ended = True
                self._loop.call_soon(end.protocol.connection_lost, None)


class MemoryCentre:
    """Lets everybody in, answers what ``answers`` says, and keeps what it is sent."""

    def __init__(self) -> None:
        self.attempts: list[float] = []  # when somebody connected, or tried to
        self.refusing = 0  # connections, before one is taken
        self.silent = False  # never answers a bind
        self.holding = False  # messages are kept and not answered
        self.keeping = False  # an unbind is never answered
        self.refuse_bind = 0  # status
        self.sent: list[tuple[SmppLink, MessageReceived]] = []
        self.answered: list[MessageAnswered] = []
        self.rejected: list[PduRejected] = []
        self.requests: list[BindRequested] = []
        self.links: list[SmppLink] = []
        self.wires: list[Wire] = []  # the ESME's ends

    async def connect(self, protocol: Callable[[], SmppLink]) -> None:
        """Be what an Esme connects by."""
        loop = asyncio.get_running_loop()
        self.attempts.append(loop.time())
        if self.refusing:
            self.refusing -= 1
            raise ConnectionRefusedError("nobody there")
        here = SmppLink(Session(Role.SMSC, loop.time()), self._handle)
        near, far = Wire(), Wire()
        near.other, far.other = far, near
        near.protocol, far.protocol = protocol(), here
        self.links.append(here)
        self.wires.append(near)
        far.protocol.connection_made(far)
        near.protocol.connection_made(near)

    def deliver(self, message: Message) -> int:
        link = self.links[-1]
        number = link.session.send(message, asyncio.get_running_loop().time())
        link.wake()
        return number

    def answer(self, status: int = 0, message_id: str = "1A") -> None:
        """Answer the oldest message that is held."""
        link, event = self.sent.pop(0)
        link.session.respond(event.sequence_number, status, "" if status else message_id)
        link.wake()

    def _handle(self, link: SmppLink, event: Event) -> None:
        match event:
            case BindRequested():
                self.requests.append(event)
                if self.silent:
                    return
                if self.refuse_bind:
                    link.session.refuse_bind(event, self.refuse_bind)
                else:
                    link.session.accept_bind(event, "memory")
            case MessageReceived():
                self.sent.append((link, event))
                if not self.holding:
                    self.answer()
            case MessageAnswered():
                self.answered.append(event)
            case PduRejected():
                self.rejected.append(event)
            case UnbindRequested():
                if self.keeping:
                    link.session.data_to_send()
                else:
                    link.close("unbound")
            case Unbound():
                link.close("unbound")
        link.wake()
