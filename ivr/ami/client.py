"""The manager interface of one Asterisk: stays connected, tells events, carries out actions at most once."""

from __future__ import annotations

import asyncio
import hashlib
import random
import ssl
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

import structlog

from core_client.domain.secret import Secret
from ivr.ami.connection import Connection
from ivr.ami.errors import AmiError, AmiLoginRefused, AmiOutcomeUnknown, AmiRefused, AmiUnavailable
from ivr.ami.handlers import Handler, Handlers
from ivr.ami.messages import AmiMessage, FieldValue, checked_fields
from ivr.ami.pacing import Backoff

_log = structlog.get_logger("ivr.ami")


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """Where the exchange is, who we are there, and how long each thing may take."""

    username: str
    secret: Secret = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 5038
    tls: ssl.SSLContext | None = None  # beyond loopback: AMI has no other protection of what it says
    connect_timeout_s: float = 5.0  # connection, greeting and login together
    action_timeout_s: float = 5.0
    ping_interval_s: float = 10.0
    pong_timeout_s: float = 5.0
    backoff_initial_s: float = 0.5
    backoff_longest_s: float = 30.0
    handler_timeout_s: float = 5.0


class AmiState(StrEnum):
    """Where the connection stands."""

    CONNECTING = "connecting"
    READY = "ready"
    REFUSED = "refused"  # the exchange refused our login; tried again at the slowest pace
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Originated:
    """How the exchange answered a call that it was asked to place."""

    channel_id: str  # given by us before it was asked, so that the call can be found whatever happens
    answered: bool
    reason: int  # Asterisk's: 4 answered, 5 busy, 3 nobody answered, 8 congestion, 0 failed
    channel: str


class AmiClient:
    """Keeps one connection to Asterisk's manager interface, and stands between it and its users.

    >>> async with AmiClient(AmiSettings(username="tellerline", secret=Secret("..."))) as ami:
    ...     ami.on("Newchannel", note)
    ...     await ami.ready(timeout_s=10)
    ...     answer = await ami.perform("CoreStatus", idempotent=True)
    """

    def __init__(
        self,
        settings: AmiSettings,
        *,
        rng: random.Random | None = None,
        pause: Callable[[float], asyncio.Future[None]] | None = None,
    ) -> None:
        self._settings = settings
        self._backoff = Backoff(settings.backoff_initial_s, settings.backoff_longest_s, rng or random.Random())  # noqa: S311 - spreads reconnections, no secret
        self._pause = pause or asyncio.sleep
        self._handlers = Handlers(settings.handler_timeout_s)
        self._connection: Connection | None = None
        self._state = AmiState.CLOSED
        self._changed = asyncio.Condition()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # --- life ---

    async def __aenter__(self) -> Self:
        """Begin to connect. Whether it succeeds, :meth:`ready` tells: the exchange may come up after us."""
        self._state = AmiState.CONNECTING
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._tasks = [
            self._group.create_task(self._stay_connected(), name="ami.connection"),
            self._group.create_task(self._handlers.run(), name="ami.handlers"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log off and stop. Events that wait to be handled are dropped."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_lost:
            with suppress(TimeoutError, AmiError):
                async with asyncio.timeout(self._settings.action_timeout_s):
                    await connection.order("Logoff", {})
            connection.abort()
        for task in self._tasks:
            task.cancel()
        if self._group is not None:
            # Not told of ``error``: a group would wrap it, and it is the caller's own.
            await self._group.__aexit__(None, None, None)
        await self._enter(AmiState.CLOSED)

    @property
    def state(self) -> AmiState:
        """Where the connection stands now."""
        return self._state

    @property
    def events_dropped(self) -> int:
        """How many events no handler got, because the handlers were too slow."""
        return self._handlers.events_dropped

    async def ready(self, timeout_s: float) -> None:
        """Return once logged in.

        Raises:
            AmiLoginRefused: the exchange refused us.
            AmiUnavailable: not within ``timeout_s``.
        """
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: self._state is AmiState.REFUSED or self._is_ready())
        except TimeoutError:
            raise AmiUnavailable(f"no connection to the exchange within {timeout_s:g} s") from None
        if self._state is AmiState.REFUSED:
            raise self._refusal()

    # --- what it is for ---

    def on(self, pattern: str, handler: Handler) -> Callable[[], None]:
        """Call ``handler`` with every event whose name matches ``pattern`` (``Queue*``); answer how to stop that.

        Handlers are called one after the other, apart from the connection: one that raises or takes longer than
        ``handler_timeout_s`` is logged by name and harms nobody else.
        """
        return self._handlers.add(pattern, handler)

    async def perform(
        self,
        action: str,
        fields: Mapping[str, FieldValue] | None = None,
        *,
        idempotent: bool = False,
        timeout_s: float | None = None,
    ) -> AmiMessage:
        """Carry out one action, at most once, and answer the exchange's answer.

        Args:
            action: AMI's name for it.
            fields: its fields; a list of values makes a line of each.
            idempotent: it reads only, or doing it twice is the same as once. It still is sent once; a lost answer
                is then :class:`AmiUnavailable`, which says that asking again is safe.
            timeout_s: ``settings.action_timeout_s`` when None.

        Raises:
            LocalProtocolError: a field cannot be sent as it is; nothing was sent.
            AmiUnavailable: nothing was sent, or it was ``idempotent``.
            AmiLoginRefused: the exchange does not let us in; nothing was sent.
            AmiOutcomeUnknown: it was sent, no answer came.
            AmiRefused: the exchange said no.
        """
        answers = await self._order(action, fields or {}, idempotent, timeout_s, as_list=False)
        return answers[0]

    async def listing(
        self, action: str, fields: Mapping[str, FieldValue] | None = None, *, timeout_s: float | None = None
    ) -> list[AmiMessage]:
        """Carry out an action that answers a list (``CoreShowChannels``) and answer its items.

        Raises:
            LocalProtocolError, AmiUnavailable, AmiLoginRefused, AmiRefused: as :meth:`perform`.
        """
        answers = await self._order(action, fields or {}, idempotent=True, timeout_s=timeout_s, as_list=True)
        return answers[1:-1]

    async def originate(
        self, channel: str, fields: Mapping[str, FieldValue], *, ring_s: float = 30.0, channel_id: str | None = None
    ) -> Originated:
        """Let the exchange call ``channel`` and answer how that went. It is asked once, whatever happens.

        Args:
            channel: whom to call, as ``PJSIP/number@trunk``.
            fields: what happens after the answer (``Context`` ``Exten`` ``Priority``, or ``Application`` ``Data``),
                ``CallerID``, ``Variable``.
            ring_s: how long it may ring.
            channel_id: the id that the call's channel gets; a new one when None.

        Raises:
            LocalProtocolError, AmiUnavailable, AmiLoginRefused, AmiRefused: nobody was called.
            AmiOutcomeUnknown: somebody may have been called; ``CoreShowChannels`` shows ``channel_id`` if so.
        """
        channel_id = channel_id or f"tellerline-{uuid.uuid4()}"
        ended: asyncio.Future[Originated] = asyncio.get_running_loop().create_future()

        def note(event: AmiMessage) -> None:
            if event.get("Uniqueid") == channel_id and not ended.done():
                reason = event.get("Reason", "0")
                ended.set_result(
                    Originated(
                        channel_id,
                        event.get("Response") == "Success",
                        int(reason) if reason.isdigit() else 0,
                        event.get("Channel", ""),
                    )
                )

        stop = self.on("OriginateResponse", note)
        try:
            await self.perform(
                "Originate",
                {"Channel": channel, "ChannelId": channel_id, "Timeout": str(round(ring_s * 1000)), **fields},
            )
            return await self._originate_ended(ended, ring_s)
        finally:
            stop()

    async def _originate_ended(self, ended: asyncio.Future[Originated], ring_s: float) -> Originated:
        connection = self._connection
        lost = asyncio.ensure_future(connection.lost() if connection is not None else asyncio.sleep(0))
        try:
            await asyncio.wait(
                (ended, lost), timeout=ring_s + self._settings.action_timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            lost.cancel()
        if not ended.done():
            raise AmiOutcomeUnknown("the exchange was asked to call and has not said how that ended")
        return ended.result()

    async def _order(
        self,
        action: str,
        fields: Mapping[str, FieldValue],
        idempotent: bool,
        timeout_s: float | None,
        *,
        as_list: bool,
    ) -> list[AmiMessage]:
        checked = checked_fields(action, fields)
        if action.lower() == "originate":
            # Without it Asterisk holds up everything else on this connection until the call is answered.
            checked = {name: value for name, value in checked.items() if name.lower() != "async"} | {"Async": "true"}
        connection = self._connection
        if connection is None or connection.is_lost:
            raise (
                self._refusal() if self._state is AmiState.REFUSED else AmiUnavailable("the exchange is not connected")
            )
        try:
            async with asyncio.timeout(self._settings.action_timeout_s if timeout_s is None else timeout_s):
                answers = await connection.order(action, checked, as_list)
        except (TimeoutError, AmiOutcomeUnknown) as error:
            kind = AmiUnavailable if idempotent else AmiOutcomeUnknown
            raise kind(str(error) or f"{action} was not answered in time") from None
        if not answers[0].succeeded:
            raise AmiRefused(action, answers[0].get("Message", ""))
        return answers

    # --- staying connected ---

    async def _stay_connected(self) -> None:
        while True:
            connection = Connection(self._settings.host, self._settings.port, self._settings.tls, self._handlers.offer)
            try:
                try:
                    # A connection that nobody accepts would hold us for minutes.
                    async with asyncio.timeout(self._settings.connect_timeout_s):
                        await connection.open()
                        await self._log_in(connection)
                except AmiLoginRefused:
                    self._backoff.slowest()
                    _log.error("ami.login_refused", host=self._settings.host, username=self._settings.username)
                    await self._enter(AmiState.REFUSED)
                except (OSError, TimeoutError, AmiError) as error:
                    _log.warning("ami.not_connected", host=self._settings.host, error=type(error).__name__)
                    await self._enter(AmiState.CONNECTING)
                else:
                    self._connection = connection
                    _log.info("ami.connected", host=self._settings.host)
                    await self._enter(AmiState.READY)
                    await self._watch(connection)
                    await self._enter(AmiState.CONNECTING)
            finally:
                self._connection = None
                connection.abort()
            await self._pause(self._backoff.next_s())

    async def _log_in(self, connection: Connection) -> None:
        """Prove that we know the secret without sending it: the answer to a challenge is sent."""
        challenge = (await connection.order("Challenge", {"AuthType": "MD5"}))[0]
        if not challenge.succeeded:
            raise AmiLoginRefused("the exchange offers no login by challenge")
        # AMI knows no other digest; against who listens only to the wire it still beats the secret itself.
        key = hashlib.md5((challenge.get("Challenge", "") + self._settings.secret.reveal()).encode())  # noqa: S324
        fields = {"AuthType": "MD5", "Username": self._settings.username, "Key": key.hexdigest(), "Events": "on"}
        answer = (await connection.order("Login", checked_fields("Login", fields)))[0]
        if not answer.succeeded:
            raise self._refusal()

    async def _watch(self, connection: Connection) -> None:
        """Return when the connection has ended; end it when a ping is not answered."""
        lost = asyncio.ensure_future(connection.lost())
        try:
            while True:
                await asyncio.wait((lost,), timeout=self._settings.ping_interval_s)
                if connection.is_lost:
                    _log.warning("ami.lost", host=self._settings.host)
                    return
                try:
                    async with asyncio.timeout(self._settings.pong_timeout_s):
                        await connection.order("Ping", {})
                except (TimeoutError, AmiError):
                    _log.warning("ami.not_answering", host=self._settings.host, timeout_s=self._settings.pong_timeout_s)
                    return
                # Only now has it proved itself: an exchange that lets us in and drops us is not hammered.
                self._backoff.reset()
        finally:
            lost.cancel()

    def _is_ready(self) -> bool:
        return self._connection is not None and not self._connection.is_lost and self._state is AmiState.READY

    def _refusal(self) -> AmiLoginRefused:
        return AmiLoginRefused(
            f"the exchange at {self._settings.host}:{self._settings.port} refused user '{self._settings.username}': "
            "check the user, its secret and its permit line in manager.conf"
        )

    async def _enter(self, state: AmiState) -> None:
        async with self._changed:
            self._state = state
            self._changed.notify_all()
