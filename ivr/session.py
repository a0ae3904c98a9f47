"""One FastAGI connection on our side: commands out, replies in, and the news that the caller has left.

The protocol is :mod:`ivr.agi`; this module owns the socket. A command answers a :class:`~ivr.agi.Reply` or
:class:`Gone`; only a defect raises. Deadlines are looked at by the server's sweep, not by a timer for each command:
a call sends about twelve commands a minute, and six hundred calls share one timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, cast

from ivr.agi import AgiServerConnection, HeaderReceived, HungUp, Reply
from ivr.errors import RemoteProtocolError

COMMANDS_WITHOUT_CALLER = frozenset({"EXEC", "GET FULL VARIABLE", "GET VARIABLE", "NOOP", "SET VARIABLE", "VERBOSE"})
# Their replies come although the caller has left, and tell something: how long the message was, say.
ANSWERED_ANYWAY = COMMANDS_WITHOUT_CALLER | {"RECORD FILE"}
FAR = float("inf")


class Why(StrEnum):
    """Why commands no longer reach the caller, or how a call ended."""

    COMPLETED = "completed"  # the dialogue came to its end
    TRANSFERRED = "transferred"  # to people
    HUNG_UP = "hung_up"  # the caller left
    BUSY = "busy"  # too many calls: told so
    REFUSED = "refused"  # too many calls or a stranger: closed without a word
    LOST = "lost"  # the connection broke
    STALLED = "stalled"  # the exchange did not answer within a command's deadline
    BROKEN = "broken"  # the exchange sent what is no AGI
    LIMIT = "limit"  # the longest call that is allowed
    DRAINED = "drained"  # the server stops and could not wait any longer
    DROPPED = "dropped"  # the dialogue returned without ending the call
    FAILED = "failed"  # the dialogue raised: a defect


@dataclass(frozen=True, slots=True)
class Gone:
    """There is nobody to play to any more. An outcome, not an error."""

    why: Why


class SessionOwner(Protocol):
    """Who is told what becomes of a connection: the server."""

    def connected(self, session: AgiSession) -> bool:
        """Answer whether this peer may stay."""
        ...

    def began(self, session: AgiSession) -> None:
        """The header block has come: the call can begin."""
        ...

    def left(self, session: AgiSession) -> None:
        """The caller has left, or the connection has."""
        ...

    def closed(self, session: AgiSession) -> None:
        """The connection is closed."""
        ...


class AgiSession(asyncio.Protocol):
    """A call, as far as FastAGI goes.

    One command runs at a time. A caller of :meth:`command` that is cancelled leaves its command running in
    Asterisk, where nothing can stop it; the next command waits for its reply.
    """

    __slots__ = (
        "_codec",
        "_gone",
        "_idle",
        "_left",
        "_loop",
        "_owner",
        "_transport",
        "_verb",
        "_waiter",
        "began_at",
        "commands",
        "deadline",
        "facts",
        "header",
        "outcome",
        "peer",
    )

    def __init__(self, owner: SessionOwner, loop: asyncio.AbstractEventLoop, header_deadline: float) -> None:
        self._owner = owner
        self._loop = loop
        self._codec = AgiServerConnection()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply | Gone] | None = None  # of the command that runs
        self._idle: asyncio.Future[None] | None = None  # of who waits for an abandoned command
        self._left: asyncio.Event | None = None
        self._gone: Gone | None = None
        self._verb = ""
        self.deadline = header_deadline
        self.began_at = loop.time()
        self.commands = 0
        self.header: Mapping[str, str] = {}
        self.outcome: Why | None = None
        self.facts: dict[str, object] = {}
        self.peer = ""

    # --- for the dialogue ----------------------------------------------------------------------------------------

    @property
    def call_id(self) -> str:
        """Asterisk's uniqueid of the channel."""
        return self.header.get("agi_uniqueid", "")

    @property
    def hung_up(self) -> bool:
        """Whether the caller, or the connection, has left."""
        return self._gone is not None or self._codec.hung_up

    @property
    def gone(self) -> Gone | None:
        """Why nobody can be reached, or None."""
        if self._gone is None and self._codec.hung_up:
            return Gone(Why.HUNG_UP)
        return self._gone

    async def command(self, verb: str, *arguments: str, within_s: float = 0.0) -> Reply | Gone:
        """Run one command and answer its reply.

        Args:
            verb: in upper case: ``STREAM FILE``.
            arguments: unquoted; they are quoted here.
            within_s: how long the command itself takes at most; the server's ``command_timeout_s`` comes on top.

        Raises:
            LocalProtocolError: an argument holds an end of line, or the line is too long. Nothing was sent.
        """
        while True:
            if self._gone is not None:
                return self._gone
            if self._codec.hung_up and verb not in COMMANDS_WITHOUT_CALLER:
                return Gone(Why.HUNG_UP)
            if self._waiter is None:
                break
            await self._wait_idle()
        data = self._codec.send_command(verb, arguments)
        self._verb = verb
        self.commands += 1
        self.deadline = self._loop.time() + within_s  # the sweep adds the server's own timeout
        waiter: asyncio.Future[Reply | Gone] = self._loop.create_future()
        self._waiter = waiter
        assert self._transport is not None  # noqa: S101 - a header came, so there is a connection
        self._transport.write(data)
        return await waiter

    async def left(self) -> None:
        """Return when the caller, or the connection, has left."""
        if self.hung_up:
            return
        if self._left is None:
            self._left = asyncio.Event()
        await self._left.wait()

    def conclude(self, why: Why) -> None:
        """Note how the call ends, for the log and the figures. The first word stands."""
        if self.outcome is None:
            self.outcome = why

    # --- for the server ------------------------------------------------------------------------------------------

    def give_up(self, why: Why) -> None:
        """Answer :class:`Gone` to whatever waits and to every command from now on."""
        if self._gone is None:
            self._gone = Gone(why)
            self._tell_left()
        self._answer(self._gone)

    def listen_again(self) -> None:
        """Take back :meth:`give_up`, for the server's own last words."""
        self._gone = None

    def close(self) -> None:
        """Close the connection after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio.Protocol ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the owner decide about the peer. asyncio and uvloop set TCP_NODELAY on every TCP socket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if name else ""
        if not self._owner.connected(self):
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Take lines from the exchange."""
        try:
            events = self._codec.receive_data(data)
        except RemoteProtocolError as error:
            self.facts["fault"] = str(error)  # our own words, never the peer's
            self.give_up(Why.BROKEN)
            self.abort()
            return
        for event in events:
            if isinstance(event, Reply):
                self._take(event)
            elif isinstance(event, HungUp):
                self._hang_up()
            elif isinstance(event, HeaderReceived):
                self.header = event.variables
                self.deadline = FAR
                self._owner.began(self)

    def eof_received(self) -> bool:
        """Close when the exchange has closed: half a connection is of no use."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everybody."""
        self.give_up(Why.HUNG_UP if self._codec.hung_up else Why.LOST)
        self._release()
        self._owner.left(self)
        self._owner.closed(self)

    # --- inside --------------------------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        waiter, self._waiter = self._waiter, None
        self.deadline = FAR
        if waiter is not None and not waiter.done():
            waiter.set_result(reply)
        if self._idle is not None:
            self._release()

    def _hang_up(self) -> None:
        if self._waiter is not None and self._verb not in ANSWERED_ANYWAY:
            self._answer(Gone(Why.HUNG_UP))
        self._tell_left()
        self._owner.left(self)

    def _answer(self, gone: Gone) -> None:
        """Answer the command that runs now; its reply is still due and will find nobody."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(gone)

    async def _wait_idle(self) -> None:
        if self._idle is None or self._idle.done():
            self._idle = self._loop.create_future()
        await self._idle

    def _release(self) -> None:
        self._waiter = None
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
        self._idle = None

    def _tell_left(self) -> None:
        if self._left is not None:
            self._left.set()
