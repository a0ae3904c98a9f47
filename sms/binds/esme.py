"""Our side of the SMSC: one bound connection, kept up, with a window of messages under way."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from core_client.domain.secret import Secret
from sms.binds.link import SmppLink
from sms.errors import BindError, LinkClosed, SubmitRefused, SubmitUnanswered
from sms.smpp import (
    Bind,
    BindRefused,
    Bound,
    CommandId,
    Event,
    Limits,
    LocalProtocolError,
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
    status_name,
)

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 30.0  # an SMSC that restarts is back in seconds; one that is down is not hammered
CONNECT_TIMEOUT_S = 10.0
UNBIND_TIMEOUT_S = 5.0

Respond: TypeAlias = Callable[[int], None]
OnMessage: TypeAlias = Callable[[Message, str, Respond], None]

_log = structlog.get_logger("sms.esme")


@dataclass(frozen=True, slots=True)
class EsmeConfig:
    """Where the SMSC is and what we are called there."""

    host: str
    port: int
    system_id: str
    password: Secret
    system_type: str = ""
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    bind: CommandId = CommandId.BIND_TRANSCEIVER
    limits: Limits = field(default_factory=Limits)
    backoff_first_s: float = BACKOFF_FIRST_S
    backoff_max_s: float = BACKOFF_MAX_S
    connect_timeout_s: float = CONNECT_TIMEOUT_S


class Esme:
    """Keeps one bind to an SMSC.

    ``on_message(message, link, respond)`` gets every deliver_sm with the name of the connection that brought it;
    it calls ``respond(command_status)`` once the message is stored, from the event loop, at any later time.
    """

    def __init__(
        self,
        config: EsmeConfig,
        on_message: OnMessage,
        *,
        on_bound: Callable[[], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._on_message = on_message
        self._on_bound = on_bound
        self._jitter = jitter
        self._link: SmppLink | None = None
        self._binds = 0
        self._token = secrets.token_hex(4)  # of this process: its first connection is not its predecessor's first
        self._waiting: dict[int, tuple[asyncio.Future[str], Callable[[], None] | None]] = {}
        self._window: deque[asyncio.Future[None]] = deque()
        self._bound = asyncio.Event()
        self._moved = asyncio.Event()  # something was answered, by either side
        self._closing = False
        self._refusing = False
        self._task: asyncio.Task[None] | None = None
        self.bind_error: BindError | None = None  # the last refusal, while not bound

    @property
    def bound(self) -> bool:
        """Whether messages flow now."""
        return self._bound.is_set()

    @property
    def link_name(self) -> str:
        """Names the present connection: two messages of different names came on different connections."""
        return f"{self._config.system_id}/{self._token}/{self._binds}"

    @property
    def in_flight(self) -> int:
        """How many of our messages wait for the SMSC's answer."""
        return len(self._waiting)

    @asynccontextmanager
    async def running(self, drain_s: float = UNBIND_TIMEOUT_S) -> AsyncIterator[Esme]:
        """Keep the bind up inside the block; at its end drain, unbind and close."""
        self._task = asyncio.create_task(self._keep_bound(), name=f"esme {self._config.system_id}")
        try:
            yield self
        finally:
            await self.close(drain_s)

    async def wait_bound(self, timeout_s: float) -> None:
        """Answer when messages flow.

        Raises:
            BindError: not within ``timeout_s``, and the SMSC's last word was a refusal.
            TimeoutError: not within ``timeout_s``.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._bound.wait()
        except TimeoutError:
            if self.bind_error is not None:
                raise self.bind_error from None
            raise

    async def submit(self, message: Message, on_taken: Callable[[], None] | None = None) -> str:
        """Send one message and answer the SMSC's id for it.

        Waits while not bound and while the window is full: put a timeout around it. ``on_taken`` is called in the
        very moment in which the SMSC's acceptance is read, before anything that it sent after it.

        Raises:
            SubmitRefused: the SMSC did not take it.
            SubmitUnanswered: it may have taken it.
            LinkClosed: the ESME is closing; it was not sent.
            LocalProtocolError: SMPP does not carry it; it was not sent.
        """
        link = await self._room()
        loop = asyncio.get_running_loop()
        number = link.session.send(message, loop.time())
        future: asyncio.Future[str] = loop.create_future()
        self._waiting[number] = (future, on_taken)
        link.wake()
        try:
            return await future
        finally:
            if self._waiting.get(number, (None, None))[0] is future:
                del self._waiting[number]

    def refuse_new(self) -> None:
        """Take no more messages: the SMSC is told to keep them. Answers still go out."""
        self._refusing = True

    async def close(self, drain_s: float = UNBIND_TIMEOUT_S) -> None:
        """Wait for answers under way, at most ``drain_s``, unbind, and close. Nothing is received any more."""
        self._closing = True
        while self._window:
            turn = self._window.popleft()
            if not turn.done():
                turn.set_exception(LinkClosed("closing: nothing was sent"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                while not self._idle():
                    self._moved.clear()
                    await self._moved.wait()
        link = self._link
        if link is not None and link.session.bound:
            link.session.unbind(asyncio.get_running_loop().time())
            link.wake()
            await asyncio.wait([link.closed], timeout=UNBIND_TIMEOUT_S)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._link is not None:
            self._link.abort("closed")
            await asyncio.wait([self._link.closed], timeout=UNBIND_TIMEOUT_S)

    def _idle(self) -> bool:
        return not self._waiting and (self._link is None or not self._link.session.unanswered)

    # --- sending ---

    async def _room(self) -> SmppLink:
        loop = asyncio.get_running_loop()
        while True:
            if self._closing:
                raise LinkClosed("closing: nothing was sent")
            link = self._link
            if link is not None and link.session.window_free and not link.congested and not self._window:
                return link
            turn: asyncio.Future[None] = loop.create_future()
            self._window.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._let_in()  # the turn was ours and is not used
                raise
            link = self._link
            if link is not None and link.session.window_free and not link.congested:
                return link
            # another took the place, or the link went, between the call and our waking: wait again

    def _let_in(self) -> None:
        self._moved.set()
        link = self._link
        free = link.session.window_free if link is not None and not link.congested else 0
        while free and self._window:
            turn = self._window.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    # --- the connection ---

    async def _keep_bound(self) -> None:
        loop = asyncio.get_running_loop()
        config = self._config
        failures = 0
        while True:
            binds = self._binds
            reason = await self._connect(loop)
            if self._closing:
                return
            failures = 0 if self._binds > binds else failures + 1
            delay_s = min(config.backoff_max_s, config.backoff_first_s * 2 ** min(failures, 16))
            delay_s *= 0.5 + self._jitter() / 2  # nodes that lost the same SMSC do not come back in one moment
            _log.warning("link.down", smsc=f"{config.host}:{config.port}", reason=reason, retry_in_s=round(delay_s, 2))
            await asyncio.sleep(delay_s)

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> str:
        """Connect, bind and stay until the connection ends; answer why it did."""
        config = self._config
        session = Session(Role.ESME, loop.time(), config.limits)
        reasons: list[str] = []

        def closed(link: SmppLink, lost: list[int], reason: str) -> None:
            self._closed(link, lost, reason)
            reasons.append(reason)

        link = SmppLink(session, self._handle, on_closed=closed, on_writable=self._let_in)
        try:
            async with asyncio.timeout(config.connect_timeout_s):
                await loop.create_connection(lambda: link, config.host, config.port)
        except (OSError, TimeoutError) as error:
            return str(error) or "no connection in time"
        self._link = link
        bind = Bind(
            config.system_id,
            config.password,
            config.system_type,
            addr_ton=config.addr_ton,
            addr_npi=config.addr_npi,
            address_range=config.address_range,
        )
        try:
            session.bind(bind, loop.time(), config.bind)
            link.wake()
            await link.closed
        finally:
            link.abort("stopped")
        return reasons[0] if reasons else "stopped"

    def _closed(self, link: SmppLink, lost: list[int], reason: str) -> None:
        self._bound.clear()
        if self._link is link:
            self._link = None
        for number in lost:
            self._fail(number, SubmitUnanswered(reason))
        self._moved.set()

    def _fail(self, number: int, error: Exception) -> None:
        future, _ = self._waiting.pop(number, (None, None))
        if future is not None and not future.done():
            future.set_exception(error)

    def _handle(self, link: SmppLink, event: Event) -> None:
        match event:
            case MessageReceived():
                self._receive(link, event)
            case MessageAnswered():
                self._answered(event)
            case RequestTimedOut():
                self._fail(event.sequence_number, SubmitUnanswered("no answer within the response timer"))
                self._let_in()
            case Bound():
                self._binds += 1
                self.bind_error = None
                self._bound.set()
                _log.info("link.bound", smsc=link.peer, system_id=event.system_id)
                self._let_in()
                if self._on_bound is not None:
                    self._on_bound()
            case BindRefused():
                self.bind_error = BindError(event.command_status)
                link.close(str(self.bind_error))
            case PeerSilent():
                link.abort(event.reason)
            case UnbindRequested():
                self._bound.clear()
                link.close("the SMSC unbound")
            case Unbound():
                link.close("unbound")
            case PduRejected():
                _log.warning(
                    "pdu.rejected",
                    command_id=f"0x{event.command_id:08x}",
                    command_status=status_name(event.command_status),
                    reason=event.reason,
                )
            case _:
                raise AssertionError(f"{type(event).__name__} is no event of an ESME")

    def _receive(self, link: SmppLink, event: MessageReceived) -> None:
        def respond(command_status: int) -> None:
            if link.session.bound or link.session.unanswered:
                with contextlib.suppress(LocalProtocolError):  # answered already
                    link.session.respond(event.sequence_number, command_status)
                link.wake()
            self._moved.set()

        if self._closing or self._refusing:
            respond(Status.RX_T_APPN)
        else:
            self._on_message(event.message, self.link_name, respond)

    def _answered(self, event: MessageAnswered) -> None:
        future, on_taken = self._waiting.pop(event.sequence_number, (None, None))
        if future is not None and not future.done():
            if event.command_status == Status.ROK:
                if on_taken is not None:
                    on_taken()
                future.set_result(event.message_id)
            else:
                future.set_exception(SubmitRefused(event.command_status))
        self._let_in()
