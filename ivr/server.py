"""The FastAGI server: takes calls from Asterisk, gives each to ``on_call``, and ends them all properly.

What the dialplan finds after ``AGI()``:

* ``TELLERLINE_COMPLETED=1``: the call came to its proper end; hang up (or go on to ``TELLERLINE_QUEUE``).
* ``TELLERLINE_COMPLETED=1`` and ``TELLERLINE_BUSY=1``: this server is full and has told the caller so (only where
  a busy prompt is configured); hang up.
* neither: this server did not do it. It was full and had no busy prompt, it stopped, or it broke: try the next.

While draining, the listening socket is closed, so that Asterisk's connection is refused and the next server is
tried at once. ``agi://`` has no password and no TLS: ``allow`` names the networks of the exchanges.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeAlias

import structlog

from ivr.caller import mask_number
from ivr.session import FAR, AgiSession, Gone, Why

BACKLOG = 1024  # Asterisk gives a server 2 s to accept; a burst of calls must not wait for the loop
SWEEP_S = 0.5  # how often deadlines are looked at; they are seconds long
STRANGERS_LOGGED_PER_S = 1.0  # a scan must not fill the disk

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

_log = structlog.get_logger("ivr.server")


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Every limit and deadline of the server.

    Attributes:
        max_calls: calls at once; the next one is busy.
        max_waiting: connections beyond ``max_calls`` that may hear the busy prompt; more are closed at once.
        header_timeout_s: from the connection to the end of the header block.
        command_timeout_s: beyond the time that a command itself takes.
        call_limit_s: the longest call; then the dialogue is told that the party left, and the caller the
            ``limit_prompt``.
        after_left_s: how long the dialogue may go on after the caller left, before it is cancelled. A money
            operation in flight is the runner's: cancelling the dialogue does not cancel it.
    """

    max_calls: int = 600
    max_waiting: int = 60
    header_timeout_s: float = 5.0
    command_timeout_s: float = 10.0
    call_limit_s: float = 1800.0
    after_left_s: float = 30.0


@dataclass(frozen=True, slots=True)
class ServerPrompts:
    """Recordings, as Asterisk names them, that the server itself plays; empty ones are not played."""

    busy: str = ""
    limit: str = ""
    longest_s: float = 60.0


class CallObserver(Protocol):
    """Where figures go. Called on the loop: count, do not wait."""

    def call_began(self) -> None:
        """A call has begun."""
        ...

    def call_ended(self, why: Why, seconds: float) -> None:
        """A call has ended."""
        ...

    def connection_refused(self) -> None:
        """A connection was closed before it became a call: a stranger's, or one too many."""
        ...


OnCall: TypeAlias = Callable[[AgiSession], Awaitable[None]]


class FastAgiServer:
    """Takes FastAGI connections. ``async with`` starts it and closes it.

    Args:
        on_call: runs one call; returns when it has ended.
        host: address to listen on.
        port: port to listen on; 0 takes a free one, see :attr:`port`.
        limits: see :class:`ServerLimits`.
        prompts: what the server itself plays.
        allow: networks that may connect.
        observer: told of calls that begin and end.
    """

    def __init__(
        self,
        on_call: OnCall,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: ServerLimits | None = None,
        prompts: ServerPrompts | None = None,
        allow: Sequence[Network] = LOOPBACK,
        observer: CallObserver | None = None,
    ) -> None:
        self._on_call = on_call
        self._host = host
        self._port = port
        self._limits = limits or ServerLimits()
        self._prompts = prompts or ServerPrompts()
        self._allow = tuple(allow)
        self._observer = observer
        self._loop: asyncio.AbstractEventLoop
        self._listener: asyncio.Server | None = None
        self._sessions: dict[AgiSession, float] = {}  # value: when its dialogue is cancelled
        self._tasks: dict[AgiSession, asyncio.Task[None]] = {}
        self._calls = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._sweep_s = min(SWEEP_S, self._limits.command_timeout_s / 4, self._limits.header_timeout_s / 4)
        self._stranger_logged_at = float("-inf")

    # --- life ----------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return self._calls

    @property
    def accepting(self) -> bool:
        """Whether new calls are taken."""
        return self._listener is not None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address is taken, or not ours.
        """
        self._loop = asyncio.get_running_loop()
        self._listener = await self._loop.create_server(self._session, self._host, self._port, backlog=BACKLOG)
        self._port = self._listener.sockets[0].getsockname()[1]
        self._sweeping = self._loop.call_later(self._sweep_s, self._sweep)

    async def drain(self, deadline_s: float) -> int:
        """Refuse new calls, let those in progress finish, and answer how many had not after ``deadline_s``."""
        self._stop_listening()
        try:
            async with asyncio.timeout(deadline_s):
                await self._quiet.wait()
        except TimeoutError:
            _log.warning("server.drain_expired", calls=self._calls, deadline_s=deadline_s)
        return len(self._sessions)

    async def close(self) -> None:
        """Refuse new calls and end those in progress now. Their dialplan tries the next server."""
        self._stop_listening()
        for session in list(self._sessions):
            session.give_up(Why.DRAINED)
            session.conclude(Why.DRAINED)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for session in list(self._sessions):
            session.abort()
        await self._quiet.wait()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    # --- what sessions tell --------------------------------------------------------------------------------------

    def _session(self) -> AgiSession:
        return AgiSession(self, self._loop, self._loop.time() + self._limits.header_timeout_s)

    def connected(self, session: AgiSession) -> bool:
        """Answer whether this peer may stay: an allowed network, and room."""
        self._sessions[session] = FAR
        self._quiet.clear()
        if not self._allowed(session.peer):
            self._refuse(session)
            now = self._loop.time()
            if now - self._stranger_logged_at >= STRANGERS_LOGGED_PER_S:
                self._stranger_logged_at = now
                _log.warning("connection.refused", peer=session.peer, reason="its network is not in the allow-list")
            return False
        if not self.accepting or len(self._sessions) > self._limits.max_calls + self._limits.max_waiting:
            self._refuse(session)
            return False
        return True

    def _refuse(self, session: AgiSession) -> None:
        session.conclude(Why.REFUSED)
        if self._observer is not None:
            self._observer.connection_refused()

    def began(self, session: AgiSession) -> None:
        """Run the call in a task of its own, that this server owns."""
        busy = self._calls >= self._limits.max_calls
        self._calls += 1
        if self._observer is not None:
            self._observer.call_began()
        run = self._turn_away(session) if busy else self._run(session)
        self._tasks[session] = self._loop.create_task(run, name=f"call {session.call_id}")

    def left(self, session: AgiSession) -> None:
        """Give the dialogue ``after_left_s`` to end by itself."""
        if session in self._tasks and self._sessions.get(session) == FAR:
            self._sessions[session] = self._loop.time() + self._limits.after_left_s

    def closed(self, session: AgiSession) -> None:
        """Forget the connection; its task may still run."""
        if session not in self._tasks:
            self._forget(session)

    # --- one call ------------------------------------------------------------------------------------------------

    async def _run(self, session: AgiSession) -> None:
        try:
            await self._on_call(session)
        except Exception as error:  # noqa: BLE001 - the last fence: one call's defect must not end the others
            session.conclude(Why.FAILED)
            _log.exception("call.failed", call_id=session.call_id, error=type(error).__name__)
        finally:
            gone = session.gone
            if gone is not None:
                session.conclude(gone.why)
            session.conclude(Why.DROPPED)
            try:
                if gone is not None and gone.why is Why.LIMIT:
                    await self._say_limit(session)
            finally:
                self._finish(session)

    async def _turn_away(self, session: AgiSession) -> None:
        """Say that all lines are busy, where there is a prompt for it; else leave it to the next server."""
        try:
            if not self._prompts.busy:
                session.conclude(Why.REFUSED)
                return
            session.conclude(Why.BUSY)
            await self._farewell(session, self._prompts.busy, TELLERLINE_BUSY="1")
        finally:
            self._finish(session)

    async def _say_limit(self, session: AgiSession) -> None:
        session.listen_again()
        await self._farewell(session, self._prompts.limit)

    async def _farewell(self, session: AgiSession, prompt: str, **variables: str) -> None:
        """Play ``prompt`` and mark the call as completed."""
        if prompt:
            played = await session.command("STREAM FILE", prompt, "", within_s=self._prompts.longest_s)
            if isinstance(played, Gone):
                return
        for name, value in (*variables.items(), ("TELLERLINE_COMPLETED", "1")):
            await session.command("SET VARIABLE", name, value)

    def _finish(self, session: AgiSession) -> None:
        session.close()
        self._calls -= 1
        self._tasks.pop(session, None)
        seconds = self._loop.time() - session.began_at
        why = session.outcome or Why.DROPPED
        if self._observer is not None:
            self._observer.call_ended(why, seconds)
        _log.info(
            "call.ended",
            call_id=session.call_id,
            caller=mask_number(session.header.get("agi_callerid", "")),
            called=session.header.get("agi_extension", ""),
            ended=str(why),
            seconds=round(seconds, 3),
            commands=session.commands,
            **session.facts,
        )
        self._forget(session)

    def _forget(self, session: AgiSession) -> None:
        self._sessions.pop(session, None)
        if not self._sessions:
            self._quiet.set()

    # --- deadlines -----------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        now = self._loop.time()
        limits = self._limits
        for session, cancel_at in list(self._sessions.items()):
            if session not in self._tasks:
                if now > session.deadline:
                    session.conclude(Why.STALLED)
                    session.abort()
            elif now > cancel_at:
                self._sessions[session] = FAR
                self._tasks[session].cancel()
            elif now > session.deadline + limits.command_timeout_s:
                session.give_up(Why.STALLED)
                session.abort()
            elif now > session.began_at + limits.call_limit_s and session.outcome is None and not session.hung_up:
                session.give_up(Why.LIMIT)
                self.left(session)
        self._sweeping = self._loop.call_later(self._sweep_s, self._sweep)

    def _allowed(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._allow)
