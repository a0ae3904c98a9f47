"""An ESME with nothing behind it: our session on a socket, and what it saw, in order."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core_client.domain.secret import Secret
from sms.binds.link import SmppLink
from sms.smpp import (
    Address,
    Bind,
    BindRefused,
    Bound,
    CommandId,
    Event,
    Limits,
    Message,
    MessageAnswered,
    MessageReceived,
    PduRejected,
    PeerSilent,
    RequestTimedOut,
    Role,
    Session,
    Status,
    UnbindRequested,
    Unbound,
)

TIMEOUT_S = 10.0
BANK, WANG = Address("95500", 0, 1), Address("8613900000001", 1, 1)


@dataclass(frozen=True)
class Answer:
    """What was answered to the submit_sm of ``number``, counted from 1; status None: nothing, and never will be."""

    number: int
    status: int | None
    message_id: str = ""


@dataclass
class PlainEsme:
    """``seen`` is what the session told, in order: Answer, Message, or a word."""

    link: SmppLink = field(init=False)
    seen: list[Answer | Message | str] = field(default_factory=list)
    bind_status: int | None = None
    respond_with: list[int] = field(default_factory=list)  # to the next messages; then success
    submitted: int = 0
    _numbers: dict[int, int] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def answers(self) -> list[Answer]:
        return [one for one in self.seen if isinstance(one, Answer)]

    @property
    def received(self) -> list[Message]:
        return [one for one in self.seen if isinstance(one, Message)]

    def submit(self, message: Message) -> int:
        self.submitted += 1
        self._numbers[self.link.session.send(message, self.link.time())] = self.submitted
        self.link.wake()
        return self.submitted

    async def answered(self, count: int) -> list[Answer]:
        """Return the answers once there are ``count``."""
        await self.until(lambda: len(self.answers) >= count)
        return self.answers

    async def until(self, true: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not true():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"it did not come within {TIMEOUT_S} s; seen: {self.seen}") from None

    def take(self, link: SmppLink, event: Event) -> None:
        match event:
            case Bound():
                self.bind_status = Status.ROK
            case BindRefused():
                self.bind_status = event.command_status
            case MessageAnswered():
                number = self._numbers.pop(event.sequence_number)
                self.seen.append(Answer(number, event.command_status, event.message_id))
            case RequestTimedOut():
                self.seen.append(Answer(self._numbers.pop(event.sequence_number), None))
            case MessageReceived():
                self.seen.append(event.message)
                link.session.respond(event.sequence_number, self.respond_with.pop(0) if self.respond_with else 0)
                link.wake()
            case PduRejected():
                self.seen.append(f"rejected {event.command_id:#x}")
            case UnbindRequested() | Unbound():
                self.seen.append("unbound")
                link.close("unbound")
            case PeerSilent():
                link.abort(event.reason)
            case _:
                raise AssertionError(f"{type(event).__name__} was not expected")
        self._changed.set()

    def lost(self, _link: SmppLink, unanswered: list[int], _reason: str) -> None:
        self.seen += [Answer(self._numbers.pop(number), None) for number in unanswered]
        self.seen.append("closed")
        self._changed.set()


@asynccontextmanager
async def plain_esme(
    port: int,
    system_id: str = "tellerline",
    password: str = "demo",
    command: CommandId = CommandId.BIND_TRANSCEIVER,
    *,
    window: int = 50,
    response_timeout_s: float = 5.0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[PlainEsme]:
    """Bind inside the block, or try to: ``bind_status`` says what came of it."""
    loop = asyncio.get_running_loop()
    session = Session(Role.ESME, loop.time(), Limits(window=window, response_timeout_s=response_timeout_s))
    esme = PlainEsme()
    esme.link = link = SmppLink(session, esme.take, on_closed=esme.lost)
    await loop.create_connection(lambda: link, "127.0.0.1", port, ssl=tls)
    session.bind(Bind(system_id, Secret(password)), loop.time(), command)
    link.wake()
    try:
        await esme.until(lambda: esme.bind_status is not None or "closed" in esme.seen)
        yield esme
    finally:
        link.abort("done")
        await link.closed


def text(body: bytes = b"hello", *, registered: int = 0, to: Address = WANG) -> Message:
    return Message(BANK, to, body, registered_delivery=registered)
