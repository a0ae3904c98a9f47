"""A message centre over real TCP: lets an ESME bind, brings it texts, collects what it sends, and misbehaves on demand.

It speaks through the SMSC role of :mod:`sms.smpp`, so a foreign ESME (Kannel) can bind to it just as well.
"""

from __future__ import annotations

import asyncio
import datetime
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from core_client.domain.secret import Secret
from sms.binds.link import SmppLink
from sms.errors import SubmitRefused
from sms.smpp import (
    Address,
    BindRequested,
    EsmClass,
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
    Tag,
    UnbindRequested,
    Unbound,
)
from sms.text.segmentation import DATA_CODING_UCS2, Joiner, Segments, content_of, split, text_of

RECEIVE_TIMEOUT_S = 10.0
REDELIVER_PAUSE_S = 0.05  # a real SMSC waits seconds; what is tested is that it comes again
MAX_DELIVERIES = 20  # of one message


@dataclass(frozen=True, slots=True)
class ReceivedText:
    """One text that an ESME sent, joined from its parts."""

    source: str
    to: str
    text: str
    message_ids: tuple[str, ...]
    messages: tuple[Message, ...] = field(repr=False)


@dataclass(slots=True)
class Behaviour:
    """How the centre treats what it is sent. Change it while it runs."""

    receipts: bool = False  # a delivery receipt for every message that asks for one
    decimal_receipt_ids: bool = False  # ids hexadecimal in submit_sm_resp and decimal in receipts, as some have it
    throttle_every: int = 0  # ESME_RTHROTTLED for every Nth submit_sm
    refuse_with: int = 0  # this status for every submit_sm
    answer_delay_s: float = 0.0
    swallow: int = 0  # the next N submit_sm are taken and never answered
    drop_after_next_submit: bool = False  # take the next submit_sm, then cut the connection instead of answering
    drop_instead_of_reading_ack: bool = False  # cut the connection when the next deliver_sm_resp arrives


class FakeSmsc:
    """A message centre in this process. ``async with FakeSmsc() as smsc: ... smsc.port``."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        system_id: str = "tellerline",
        password: str = "demo",  # noqa: S107 - of a fake
        behaviour: Behaviour | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.behaviour = behaviour or Behaviour()
        self.binds: list[str] = []  # system ids that were let in
        self.rejected: list[PduRejected] = []  # what an ESME sent and should not have
        self.deliveries = 0  # deliver_sm that were answered with success
        self.submits = 0
        self._system_id = system_id
        self._password = Secret(password)
        self._limits = limits or Limits(window=50)
        self._server: asyncio.Server | None = None
        self._links: list[SmppLink] = []
        self._answers: dict[tuple[int, int], asyncio.Future[None]] = {}
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._joiner = Joiner()
        self._halves: dict[int, tuple[Message, str]] = {}
        self._received: list[ReceivedText] = []
        self._ids = itertools.count(0x1000)
        self._references = itertools.count(1)
        self._later: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()

        def make() -> SmppLink:
            session = Session(Role.SMSC, loop.time(), self._limits)
            return SmppLink(session, self._handle, self._links.append, self._closed)

        self._server = await loop.create_server(make, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._later):
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        self.drop_links()
        if self._server is not None:
            await self._server.wait_closed()

    # --- what a test asks for ------------------------------------------------------------------------------------

    @property
    def bound(self) -> int:
        """How many ESMEs are bound."""
        return sum(link.session.bound for link in self._links)

    async def wait_bound(self, timeout_s: float = RECEIVE_TIMEOUT_S) -> None:
        """Answer when an ESME that takes messages is bound."""
        await self._until(lambda: self._receiver() is not None, timeout_s)

    def drop_links(self) -> None:
        """Cut every connection, as a network does."""
        for link in list(self._links):
            link.abort("dropped")

    def unbind_all(self) -> None:
        """Ask every ESME to go, as a centre does before it is maintained."""
        now = asyncio.get_running_loop().time()
        for link in self._links:
            if link.session.bound:
                link.session.unbind(now)
                link.wake()

    async def deliver(
        self,
        from_: str,
        to: str,
        text: str,
        *,
        ucs2: bool = False,
        order: Sequence[int] | None = None,
        copies: int = 1,
    ) -> None:
        """Bring the ESME a text and answer when it has acknowledged every part.

        ``order`` brings the parts in another order (numbers from 1), ``copies`` brings each several times, ``ucs2``
        even when the default alphabet would do. What is refused for the moment, or lost with its connection, is
        brought again, as a centre does.

        Raises:
            SubmitRefused: the ESME refused it for good.
        """
        segments = split(text, next(self._references))
        if ucs2 and segments.data_coding != DATA_CODING_UCS2:
            segments = _as_ucs2(text, next(self._references))
        messages = [
            Message(_address(from_), _address(to), part, segments.data_coding, segments.esm_class)
            for part in segments.parts
        ]
        wanted = [messages[number - 1] for number in order] if order else messages
        for message in wanted:
            for _ in range(copies):
                await self.deliver_message(message)

    async def deliver_message(self, message: Message) -> None:
        """Bring one deliver_sm, again and again until it is acknowledged; see :meth:`deliver`."""
        for _ in range(MAX_DELIVERIES):
            link = await self._free_receiver()
            loop = asyncio.get_running_loop()
            number = link.session.send(message, loop.time())
            answer: asyncio.Future[None] = loop.create_future()
            self._answers[id(link), number] = answer
            link.wake()
            try:
                await answer
            except SubmitRefused as error:
                if error.command_status not in (Status.RX_T_APPN, Status.RMSGQFUL, Status.RTHROTTLED):
                    raise
            except ConnectionError:
                pass
            else:
                self.deliveries += 1
                return
            await asyncio.sleep(REDELIVER_PAUSE_S)
        raise ConnectionError(f"brought {MAX_DELIVERIES} times and never acknowledged")

    async def receive(
        self, *, to: str | None = None, contains: str = "", timeout_s: float = RECEIVE_TIMEOUT_S
    ) -> ReceivedText:
        """Answer the oldest text that fits and was not answered before.

        Raises:
            TimeoutError: none came in time; it says what did come.
        """
        wanted = None if to is None else to.removeprefix("+")

        def find() -> ReceivedText | None:
            for text in self._received:
                if (wanted is None or text.to.removeprefix("+") == wanted) and contains in text.text:
                    return text
            return None

        try:
            await self._until(lambda: find() is not None, timeout_s)
        except TimeoutError:
            others = len(self._received)
            raise TimeoutError(f"no text for {to or 'anybody'} within {timeout_s} s ({others} others wait)") from None
        found = find()
        if found is None:
            raise TimeoutError("another reader took it")
        self._received.remove(found)
        return found

    @property
    def waiting(self) -> tuple[ReceivedText, ...]:
        """Texts that came and were not asked for yet."""
        return tuple(self._received)

    # --- inside --------------------------------------------------------------------------------------------------

    async def _until(self, true: Callable[[], bool], timeout_s: float) -> None:
        if true():
            return
        watcher = (true, asyncio.get_running_loop().create_future())
        self._watchers.append(watcher)
        try:
            async with asyncio.timeout(timeout_s):
                await watcher[1]
        finally:
            self._watchers.remove(watcher)

    def _tell(self) -> None:
        for true, future in self._watchers:
            if not future.done() and true():
                future.set_result(None)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="fake smsc")
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _receiver(self) -> SmppLink | None:
        for link in self._links:
            if link.session.bound and link.session.window_free:
                return link
        return None

    async def _free_receiver(self) -> SmppLink:
        while (link := self._receiver()) is None:
            await self._until(lambda: self._receiver() is not None, 60.0)
        return link

    def _closed(self, link: SmppLink, lost: list[int], reason: str) -> None:
        self._links.remove(link)
        for number in lost:
            self._settle(link, number, ConnectionError(reason))
        self._tell()

    def _settle(self, link: SmppLink, number: int, error: Exception | None) -> None:
        answer = self._answers.pop((id(link), number), None)
        if answer is None or answer.done():
            return
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)

    def _handle(self, link: SmppLink, event: Event) -> None:
        match event:
            case BindRequested():
                self._bind(link, event)
            case MessageReceived():
                self._submitted(link, event)
            case MessageAnswered():
                self._answered(link, event)
            case RequestTimedOut():
                self._settle(link, event.sequence_number, ConnectionError("not answered in time"))
            case PeerSilent():
                link.abort(event.reason)
            case UnbindRequested() | Unbound():
                link.close("unbound")
            case PduRejected():
                self.rejected.append(event)
            case _:
                raise AssertionError(f"{type(event).__name__} is no event of an SMSC")
        self._tell()

    def _answered(self, link: SmppLink, event: MessageAnswered) -> None:
        if self.behaviour.drop_instead_of_reading_ack:
            self.behaviour.drop_instead_of_reading_ack = False
            self._settle(link, event.sequence_number, ConnectionError("dropped before the acknowledgement was read"))
            link.abort("dropped")
            return
        refused = SubmitRefused(event.command_status) if event.command_status else None
        self._settle(link, event.sequence_number, refused)

    def _bind(self, link: SmppLink, event: BindRequested) -> None:
        if event.bind.system_id != self._system_id:
            link.session.refuse_bind(event, Status.RINVSYSID)
        elif event.bind.password.reveal() != self._password.reveal():
            link.session.refuse_bind(event, Status.RINVPASWD)
        else:
            link.session.accept_bind(event, "fake-smsc")
            self.binds.append(event.bind.system_id)
        link.wake()

    def _submitted(self, link: SmppLink, event: MessageReceived) -> None:
        self.submits += 1
        behaviour = self.behaviour
        status = behaviour.refuse_with
        if behaviour.throttle_every and self.submits % behaviour.throttle_every == 0:
            status = Status.RTHROTTLED
        message_id = "" if status else f"{next(self._ids):X}"
        if not status:
            self._collect(event.message, message_id)
        if behaviour.swallow:
            behaviour.swallow -= 1
        elif behaviour.drop_after_next_submit:
            behaviour.drop_after_next_submit = False
            link.abort("dropped")
        elif behaviour.answer_delay_s:
            self._soon(self._answer_later(link, event, status, message_id))
        else:
            self._answer(link, event, status, message_id)

    async def _answer_later(self, link: SmppLink, event: MessageReceived, status: int, message_id: str) -> None:
        await asyncio.sleep(self.behaviour.answer_delay_s)
        self._answer(link, event, status, message_id)

    def _answer(self, link: SmppLink, event: MessageReceived, status: int, message_id: str) -> None:
        try:
            link.session.respond(event.sequence_number, status, message_id)
        except LocalProtocolError:  # the connection went meanwhile
            return
        link.wake()
        if not status and self.behaviour.receipts and event.message.registered_delivery & 0x01:
            self._soon(self._receipt(event.message, message_id))

    async def _receipt(self, message: Message, message_id: str) -> None:
        shown = str(int(message_id, 16)) if self.behaviour.decimal_receipt_ids else message_id
        now = datetime.datetime.now(datetime.UTC).strftime("%y%m%d%H%M")
        text = f"id:{shown} sub:001 dlvrd:001 submit date:{now} done date:{now} stat:DELIVRD err:000 text:"
        receipt = Message(
            message.destination,
            message.source,
            text.encode("ascii"),
            esm_class=EsmClass.DELIVERY_RECEIPT,
            tlvs=((Tag.RECEIPTED_MESSAGE_ID, shown.encode() + b"\x00"), (Tag.MESSAGE_STATE, b"\x02")),
        )
        await self.deliver_message(receipt)

    def _collect(self, message: Message, message_id: str) -> None:
        source, destination = message.source.digits, message.destination.digits
        content = content_of(message)
        self._halves[id(content)] = (message, message_id)
        whole = self._joiner.add(source, destination, content, asyncio.get_running_loop().time())
        if whole is None:
            return
        messages, ids = zip(*(self._halves.pop(id(part)) for part in whole), strict=True)
        self._received.append(ReceivedText(source, destination, text_of(whole), ids, messages))


def _address(number: str) -> Address:
    """International numbers as networks bring them; short codes and names as they are."""
    if number.startswith("+"):
        return Address(number[1:], 1, 1)
    if number.isdigit():
        return Address(number, 0, 1)
    return Address(number, 5, 0)


def _as_ucs2(text: str, reference: int) -> Segments:
    """Force UCS2 by a character that the default alphabet lacks, and take it away again."""
    forced = split("\u200b" + text, reference)
    header = 6 if forced.esm_class & EsmClass.UDHI else 0
    first = forced.parts[0]
    return replace(forced, parts=(first[:header] + first[header + 2 :], *forced.parts[1:]))


__all__ = ["Behaviour", "FakeSmsc", "ReceivedText"]
