"""One connection of panoramisk's Manager, with the parts guarded that would lose, repeat or invent something.

Each guard names the behaviour of panoramisk 1.4 that it stands against; ADR 0004 tells the whole story. What is
panoramisk's here: the action and message model, action ids, matching of answers to actions, the write path.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from panoramisk import Manager
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from ivr.ami.errors import AmiOutcomeUnknown
from ivr.ami.messages import AmiMessage

MAX_MESSAGE_BYTES = 1024 * 1024  # the longest thing Asterisk sends is a console command's output
_BANNER = b"Asterisk Call Manager/"
_MAX_BANNER_BYTES = 128
_END = b"\r\n\r\n"

# panoramisk logs whole messages at debug and failed actions (a Login's secret among them) at error: nothing of it
# gets out. What is worth telling, the client tells without values.
_SILENT = logging.Logger("ivr.ami.silent", logging.CRITICAL + 1)  # noqa: LOG001 - must not be reachable by name
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class Order(Action):  # type: ignore[misc] # panoramisk ships no types
    """An action whose answers are counted by what AMI says, not guessed from an English sentence.

    Guards: panoramisk decides by ``msg.endswith('successfully queued')`` and then reads ``self['async']``, which
    raises inside the reader and drops the connection; and a list that is refused never completes.
    """

    @property
    def multi(self) -> bool:
        """Whether more than one message answers it."""
        return bool(self.as_list) and self.responses[0].response == "Success"

    @property
    def completed(self) -> bool:
        """Whether the last of its messages is here."""
        return not self.multi or str(self.responses[-1].eventlist).lower() in {"complete", "cancelled"}


class GuardedProtocol(AMIProtocol):  # type: ignore[misc] # panoramisk ships no types
    """panoramisk's protocol, given whole messages only, each on its own."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self.lost = False
        self.version: str | None = None
        self._unread = bytearray()

    def data_received(self, data: bytes) -> None:
        """Cut messages out of the stream.

        Guards: panoramisk decodes chunk by chunk and so loses a letter of two bytes that comes in two chunks;
        keeps a message of any length; reads before its manager is set, and then fails; and one message that it
        cannot interpret (a header twice, where it expects a text) ends the connection.
        """
        self._unread += data
        if self.factory is not None:
            self.read_on()

    def read_on(self) -> None:
        """Interpret what has arrived."""
        if self.version is None and not self._read_banner():
            return
        while (end := self._unread.find(_END)) >= 0:
            block = bytes(self._unread[:end])
            del self._unread[: end + len(_END)]
            self._interpret(block)
        if len(self._unread) > MAX_MESSAGE_BYTES:
            self.transport.abort()

    def _read_banner(self) -> bool:
        end = self._unread.find(b"\r\n")
        head = self._unread[: len(_BANNER)]
        if not _BANNER.startswith(head[: len(_BANNER)]) or (end < 0 and len(self._unread) > _MAX_BANNER_BYTES):
            self.transport.abort()  # some other service listens there: it must not get our login
            return False
        if end < 0:
            return False
        self.version = self._unread[len(_BANNER) : end].decode("ascii", "replace")
        del self._unread[: end + 2]
        self.factory.greeted()
        return True

    def _interpret(self, block: bytes) -> None:
        try:
            message = Message.from_line(block.decode("utf-8", "replace").strip("\r\n"))
            if message is not None:
                self.handle_message(message)
        except Exception:  # noqa: BLE001 - whatever panoramisk cannot make sense of is one message, not the connection
            self.factory.unintelligible()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the connection, once, whether or not it was set up."""
        self.lost = True
        self.closed = True
        if self.factory is not None:
            self.factory.connection_lost(exc)


class Connection(Manager):  # type: ignore[misc] # panoramisk ships no types
    """panoramisk's Manager for the life of one connection: no login, ping, replay or reconnection of its own.

    What was under way when the connection ended dies with it: panoramisk would keep it and send it again.

    Args:
        on_event: gets every event; must not raise.
    """

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None, on_event: Callable[[AmiMessage], None]
    ) -> None:
        super().__init__(
            host=host,
            port=port,
            ssl=tls or False,
            protocol_factory=GuardedProtocol,
            log=_SILENT,
            loop=asyncio.get_running_loop(),
        )
        self._on_event = on_event
        self._pending: dict[str, Order] = {}
        self._greeted = asyncio.Event()
        self._lost = asyncio.Event()
        self.messages_not_understood = 0

    async def open(self) -> None:
        """Connect and read the banner.

        Raises:
            OSError: nobody listens, or who listens is no Asterisk. The caller sets the time limit.
        """
        await self.connect()
        waits = [asyncio.ensure_future(event.wait()) for event in (self._greeted, self._lost)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._lost.is_set():
            raise ConnectionError("what listens there did not greet as Asterisk's manager does")

    def connection_made(self, f: asyncio.Future[Any]) -> None:
        """Set up, unless there is no connection: then panoramisk would log, raise or try again at its own pace."""
        if f.cancelled() or f.exception() is not None:
            return
        super().connection_made(f)
        if self.protocol.lost:
            self.connection_lost(None)
        else:
            self.protocol.read_on()

    def ping(self) -> None:
        """Nothing: panoramisk sends pings and never looks for the answer. The client's watchdog does both."""

    def greeted(self) -> None:
        """Note that an Asterisk greeted."""
        self._greeted.set()

    def unintelligible(self) -> None:
        """Count a message that made no sense."""
        self.messages_not_understood += 1

    def dispatch(self, event: Message) -> list[str]:
        """Hand an event on. panoramisk would call callbacks inside the reader: one that raises ends the connection."""
        self._on_event(frozen(event))
        return []

    def connection_lost(self, exc: object) -> None:
        """Fail what is under way. panoramisk leaves it waiting for ever, or sends it again on the next connection."""
        self._lost.set()
        pinger, self.pinger = getattr(self, "pinger", None), None
        if pinger is not None:
            pinger.cancel()
        pending, self._pending = self._pending, {}
        for order in pending.values():
            if not order.future.done():
                name = order["Action"]
                order.future.set_exception(AmiOutcomeUnknown(f"the connection was lost before {name} was answered"))

    def abort(self) -> None:
        """End it at once: nothing more is sent or read."""
        self._lost.set()
        if self.protocol is not None:
            self.protocol.transport.abort()
        self.connection_lost(None)

    @property
    def is_lost(self) -> bool:
        """Whether it has ended."""
        return self._lost.is_set()

    async def lost(self) -> None:
        """Return when it has ended."""
        await self._lost.wait()

    async def order(self, action: str, fields: dict[str, str | list[str]], as_list: bool = False) -> list[AmiMessage]:
        """Send one action and answer its messages. The caller sets the time limit and has checked the fields.

        Raises:
            AmiOutcomeUnknown: the connection was lost first.
        """
        order = Order({"Action": action, **fields})
        future: asyncio.Future[Any] = order.future
        self._pending[order.id] = order
        try:
            self.send_action(order, as_list=as_list)
            answer = await future
        finally:
            self._pending.pop(order.id, None)
            # panoramisk keeps an action whose waiter has gone, and swallows events that carry its id.
            self.protocol.responses.pop(order.id, None)
        return [frozen(message) for message in (answer if isinstance(answer, list) else [answer])]


def frozen(message: Message) -> AmiMessage:
    """Answer panoramisk's mutable message as ours."""
    headers: list[tuple[str, str]] = []
    for key, value in message.items():
        if key == "content" and not value:
            continue
        headers.extend((key, str(item)) for item in (value if isinstance(value, list) else [value]))
    return AmiMessage(tuple(headers))
