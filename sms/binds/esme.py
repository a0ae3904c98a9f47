"""Our side of one bind: a connection to the SMSC, kept up, with a window of messages under way.

Nothing here waits on the way of a message. :meth:`Esme.submit_now` writes at the end of the tick and calls back when
the answer is read; whoever is brought a message answers it by a callback, whenever it is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import traceback
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import structlog

from sms.binds.link import SmppLink
from sms.binds.tls import context_of
from sms.errors import BindError, LinkClosed, SubmitRefused, SubmitUnanswered
from sms.observing import Nobody, Observer
from sms.operators import BindSettings, Mode
from sms.smpp import (
    Bind,
    BindRefused,
    Bound,
    CommandId,
    Event,
    LocalProtocolError,
    Message,
    MessageAnswered,
    MessageReceived,
    PduRejected,
    PeerSilent,
    RequestTimedOut,
    Role,
    Session,
    State,
    Status,
    UnbindRequested,
    Unbound,
    WindowFull,
    pdu,
    status_name,
)

UNBIND_TIMEOUT_S = 5.0
_COMMANDS = MappingProxyType(
    {
        Mode.TRANSCEIVER: CommandId.BIND_TRANSCEIVER,
        Mode.TRANSMITTER: CommandId.BIND_TRANSMITTER,
        Mode.RECEIVER: CommandId.BIND_RECEIVER,
    }
)


@dataclass(slots=True)  # not frozen: one is made for every message, and freezing costs more than all the rest of it
class Submitted:
    """What became of one submit_sm.

    ``status`` is the SMSC's; None: nobody knows, since the link went or the response timer ran out after it was
    written. ``reason`` is for people and empty when all is well; ``seconds`` went by since it was written.
    """

    status: int | None
    message_id: str
    reason: str
    seconds: float


Respond: TypeAlias = Callable[[int], None]
OnMessage: TypeAlias = Callable[[Message, str, Respond], None]
Done: TypeAlias = Callable[[Submitted], None]
Connect: TypeAlias = Callable[[Callable[[], SmppLink]], Awaitable[object]]

_log = structlog.get_logger("sms.esme")


class Esme:
    """Keeps one bind to an SMSC.

    ``on_message(message, link, respond)`` gets every deliver_sm and data_sm with the name of the connection that
    brought it; it calls ``respond(command_status)`` once the message is stored, from the event loop, at any later
    time. ``on_change(esme)`` is called, at most once for each read, when there may be more room or the bind came up
    or went down.
    """

    def __init__(
        self,
        settings: BindSettings,
        operator: str,
        on_message: OnMessage,
        *,
        on_change: Callable[[Esme], None] | None = None,
        observer: Observer | None = None,
        jitter: Callable[[], float] = random.random,
        connect: Connect | None = None,
    ) -> None:
        """Prepare the bind; :meth:`running` brings it up.

        Args:
            connect: opens a connection with the protocol that its argument makes; by default TCP, or TLS over it.

        Raises:
            TlsError: a certificate or key is not usable.
            LocalProtocolError: SMPP cannot carry these settings, a password of nine characters for one.
        """
        self.settings = settings
        self.operator = operator
        self.name = f"{operator}/{settings.name}"
        self.sends = settings.mode.sends
        self.bind_error: BindError | None = None  # the last refusal, while not bound
        self.last_error = ""  # why it is not bound, or was not the last time, for people
        self._on_message = on_message
        self._on_change = on_change
        self._observer = observer or Nobody()
        self._jitter = jitter
        self._tls = context_of(settings.tls) if settings.tls is not None else None
        self._connect_by = connect or self._open
        self._command = _COMMANDS[settings.mode]
        self._bind = Bind(
            settings.system_id,
            settings.password,
            settings.system_type,
            settings.version,
            settings.addr_ton,
            settings.addr_npi,
            settings.address_range,
        )
        pdu.write(self._command, Status.ROK, 1, self._bind)  # what cannot be written is told now, not at every attempt
        self._link: SmppLink | None = None
        self._binds = 0
        self._token = secrets.token_hex(4)  # of this process: its first connection is not its predecessor's first
        self._link_name = f"{self.name}/{self._token}/0"
        self._waiting: dict[int, tuple[Done, float]] = {}
        self._turns: deque[asyncio.Future[None]] = deque()
        self._up = asyncio.Event()
        self._allowed = asyncio.Event()
        self._allowed.set()
        self._moved = asyncio.Event()  # something was answered, by either side
        self._closing = False
        self._refusing = False
        self._task: asyncio.Task[None] | None = None

    # --- what is to be seen ---

    @property
    def bound(self) -> bool:
        """Whether messages flow now."""
        return self._up.is_set()

    @property
    def allowed(self) -> bool:
        """Whether it may connect; see :meth:`allow`."""
        return self._allowed.is_set()

    @property
    def room(self) -> int:
        """How many messages may be written now."""
        link = self._link
        if link is None or link.congested or self._closing:
            return 0
        return link.session.window_free

    @property
    def congestion(self) -> int | None:
        """The SMSC's own word on its load, 0 to 100 (SMPP 5.0 §4.8.4.18); None when it never said."""
        link = self._link
        return None if link is None else link.session.congestion

    @property
    def link_name(self) -> str:
        """Names the present connection: two messages of different names came on different connections."""
        return self._link_name

    @property
    def in_flight(self) -> int:
        """How many of our messages wait for the SMSC's answer."""
        return len(self._waiting)

    async def wait_bound(self, timeout_s: float) -> None:
        """Answer when messages flow.

        Raises:
            BindError: not within ``timeout_s``, and the SMSC's last word was a refusal.
            TimeoutError: not within ``timeout_s``.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        except TimeoutError:
            if self.bind_error is not None:
                raise self.bind_error from None
            raise

    # --- coming and going ---

    @asynccontextmanager
    async def running(self, drain_s: float = UNBIND_TIMEOUT_S) -> AsyncIterator[Esme]:
        """Keep the bind up inside the block; at its end drain, unbind and close."""
        self.start()
        try:
            yield self
        finally:
            await self.close(drain_s)

    def start(self) -> None:
        """Bring the bind up and keep it so until :meth:`close`."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_bound(), name=f"esme {self.name}")

    def allow(self, allowed: bool) -> None:
        """Connect and stay, or unbind and stay away: for a bind that may exist once, held by lease.

        Taken away, it unbinds at once and takes no more messages; answers that still come are heard until the SMSC
        lets go, :data:`UNBIND_TIMEOUT_S` at most.
        """
        if allowed:
            self._allowed.set()
            return
        self._allowed.clear()
        link = self._link
        if link is not None:
            self._leave(link, "not allowed any more")

    def refuse_new(self) -> None:
        """Take no more messages: the SMSC is told to keep them. Answers still go out."""
        self._refusing = True

    async def close(self, drain_s: float = UNBIND_TIMEOUT_S) -> None:
        """Wait for answers under way, at most ``drain_s``, unbind, and close. Nothing is received any more."""
        self._closing = True
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_exception(LinkClosed("closing: nothing was sent"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                while not self._idle():
                    self._moved.clear()
                    await self._moved.wait()
        link = self._link
        if link is not None:
            self._leave(link, "closed")
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

    def _leave(self, link: SmppLink, reason: str) -> None:
        """Unbind where there is a bind to end; hang up where there is none, or when the SMSC does not let go."""
        if not link.session.bound:
            link.abort(reason)
            return
        loop = asyncio.get_running_loop()
        link.session.unbind(loop.time())
        link.wake()
        timer = loop.call_later(UNBIND_TIMEOUT_S, link.abort, reason)
        link.closed.add_done_callback(lambda _: timer.cancel())
        self._down()

    # --- sending ---

    def submit_now(self, message: Message, done: Done) -> None:
        """Write one message at the end of this tick.

        ``done`` is called once, in the very moment in which the SMSC's answer is read and before anything that it
        sent after it, or when the answer cannot come any more.

        Raises:
            WindowFull: nothing was written; there is no :attr:`room`.
            LinkClosed: nothing was written; not bound for sending, or closing.
            LocalProtocolError: nothing was written; SMPP does not carry this message, now or later.
        """
        link = self._link
        if link is None or self._closing or not link.session.may_send:
            raise LinkClosed(f"{self.name} is not bound for sending")
        if link.congested:
            raise WindowFull("the SMSC has stopped reading")
        now = link.time()
        self._waiting[link.session.send(message, now)] = (done, now)
        link.wake()

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
        while self._turns or not self.room:
            await self._turn()
            if self.room:
                break  # ours; another that took the place between the call and our waking makes us wait again
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def done(submitted: Submitted) -> None:
            if submitted.status == Status.ROK and on_taken is not None:
                on_taken()
            if answer.done():
                return
            if submitted.status == Status.ROK:
                answer.set_result(submitted.message_id)
            elif submitted.status is None:
                answer.set_exception(SubmitUnanswered(submitted.reason))
            else:
                answer.set_exception(SubmitRefused(submitted.status))

        self.submit_now(message, done)
        return await answer

    async def _turn(self) -> None:
        """Wait in the queue for room."""
        if self._closing:
            raise LinkClosed("closing: nothing was sent")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._let_in()  # the turn was ours and is not used
            raise

    def _let_in(self) -> None:
        free = self.room if self._turns else 0
        while free and self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def _changed(self) -> None:
        """There may be more room, or the bind came up or went down."""
        self._moved.set()
        self._let_in()
        if self._on_change is not None:
            try:
                self._on_change(self)
            except Exception as error:  # noqa: BLE001 - the connection has nothing to do with it
                _log.error("change.handler_failed", bind=self.name, error=_fault(error))

    # --- the connection ---

    async def _keep_bound(self) -> None:
        settings = self.settings
        failures = 0
        while True:
            await self._allowed.wait()
            binds = self._binds
            try:
                reason = await self._connect()
            except Exception as error:  # noqa: BLE001 - whatever it is, the bind is tried again and not given up
                reason = _fault(error)
            self.last_error = reason
            if self._closing:
                return
            if not self._allowed.is_set():
                _log.info("link.released", bind=self.name)
                failures = 0
                continue
            failures = 0 if self._binds > binds else failures + 1
            delay_s = min(settings.backoff_max_s, settings.backoff_first_s * 2 ** min(failures, 16))
            delay_s *= 0.5 + self._jitter() / 2  # nodes that lost the same SMSC do not come back in one moment
            _log.warning("link.down", bind=self.name, reason=reason, retry_in_s=round(delay_s, 2))
            await asyncio.sleep(delay_s)

    async def _open(self, protocol: Callable[[], SmppLink]) -> None:
        settings = self.settings
        server_name = None
        if self._tls is not None and settings.tls is not None:
            server_name = settings.tls.server_name or settings.host
        await asyncio.get_running_loop().create_connection(
            protocol, settings.host, settings.port, ssl=self._tls, server_hostname=server_name
        )

    async def _connect(self) -> str:
        """Connect, bind and stay until the connection ends; answer why it did."""
        loop = asyncio.get_running_loop()
        session = Session(Role.ESME, loop.time(), self.settings.limits)
        reasons: list[str] = []

        def closed(link: SmppLink, lost: list[int], reason: str) -> None:
            reasons.append(reason)
            self._closed(link, lost, reason)

        link = SmppLink(session, self._handle, on_closed=closed, on_writable=self._changed, on_read=self._changed)
        try:
            async with asyncio.timeout(self.settings.connect_timeout_s):
                await self._connect_by(lambda: link)
        except TimeoutError:
            return "no connection in time"
        except (OSError, UnicodeError) as error:  # a host name that is none is a UnicodeError
            return str(error) or type(error).__name__
        self._link = link
        try:
            if not self._allowed.is_set() or self._closing:
                return "not allowed"
            session.bind(self._bind, loop.time(), self._command)
            link.wake()
            await link.closed
        finally:
            if not link.closed.done():
                link.abort("stopped")
        return reasons[0] if reasons else "stopped"

    def _down(self) -> None:
        if self._up.is_set():
            self._up.clear()
            self._observer.bound(self.name, up=False)

    def _closed(self, link: SmppLink, lost: list[int], reason: str) -> None:
        self._down()
        if self._link is link:
            self._link = None
        for number in lost:
            self._settle(link, number, None, "", reason)
        self._changed()

    def _settle(self, link: SmppLink, number: int, status: int | None, message_id: str, reason: str) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return
        done, sent_at = waiting
        seconds = link.now - sent_at
        self._observer.submitted(self.name, status, seconds)
        try:
            done(Submitted(status, message_id, reason, seconds))
        except Exception as error:  # noqa: BLE001 - one message's failure is not the others'
            _log.error("submit.callback_failed", bind=self.name, error=_fault(error))

    def _handle(self, link: SmppLink, event: Event) -> None:
        if type(event) is MessageReceived:
            self._receive(link, event)
        elif type(event) is MessageAnswered:
            status = event.command_status
            self._settle(link, event.sequence_number, status, event.message_id, status_name(status) if status else "")
        else:
            self._hear(link, event)

    def _hear(self, link: SmppLink, event: Event) -> None:
        match event:
            case RequestTimedOut():
                self._settle(link, event.sequence_number, None, "", "no answer within the response timer")
            case Bound():
                self._bound(link, event)
            case BindRefused():
                self.bind_error = BindError(event.command_status)
                link.close(str(self.bind_error))
            case PeerSilent():
                link.abort(event.reason)
            case UnbindRequested():
                self._down()
                link.close("the SMSC unbound")
            case Unbound():
                link.close("unbound")
            case PduRejected():
                _log.warning(
                    "pdu.rejected",
                    bind=self.name,
                    command_id=f"0x{event.command_id:08x}",
                    command_status=status_name(event.command_status),
                    reason=event.reason,
                )
            case _:
                raise AssertionError(f"{type(event).__name__} is no event of an ESME")

    def _bound(self, link: SmppLink, event: Bound) -> None:
        self._binds += 1
        self._link_name = f"{self.name}/{self._token}/{self._binds}"
        self.bind_error = None
        self._up.set()
        _log.info("link.bound", bind=self.name, smsc=link.peer, system_id=event.system_id)
        self._observer.bound(self.name, up=True)

    def _receive(self, link: SmppLink, event: MessageReceived) -> None:
        respond = partial(self._respond, link, event.sequence_number)
        if self._closing or self._refusing:
            respond(Status.RX_T_APPN)
            return
        try:
            self._on_message(event.message, self._link_name, respond)
        except Exception as error:  # noqa: BLE001 - it would take the link down, come again over the next, for ever
            _log.error("message.handler_failed", bind=self.name, error=_fault(error))
            respond(Status.RX_T_APPN)

    def _respond(self, link: SmppLink, number: int, command_status: int) -> None:
        session = link.session
        if session.state is State.CLOSED:
            return
        try:
            session.respond(number, command_status)
        except LocalProtocolError:  # answered already
            return
        link.wake()
        self._observer.received(self.name, command_status)
        if self._closing:
            self._moved.set()


def _fault(error: Exception) -> str:
    """Say what broke and where, without the error's text, which may hold words of a message."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].name}, line {frames[-1].lineno}" if frames else type(error).__name__
