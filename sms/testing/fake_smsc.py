"""A message centre over real TCP: lets ESMEs bind, brings them texts, collects what they send, misbehaves on demand.

It speaks through the SMSC role of :mod:`sms.smpp`, so a foreign ESME (Kannel) can bind to it just as well. How it
treats what it is sent is :class:`Behaviour`; ``log`` is its own faithful account of every submit_sm that it took.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self, cast

from core_client.domain.secret import Secret
from sms.binds.link import SmppLink
from sms.errors import SubmitRefused
from sms.operators import LongTexts
from sms.smpp import (
    Address,
    BindRequested,
    Event,
    Limits,
    Message,
    MessageAnswered,
    MessageReceived,
    PduRejected,
    PeerSilent,
    RequestTimedOut,
    Role,
    Status,
    UnbindRequested,
    Unbound,
)
from sms.testing.behaviour import Account, Behaviour, IdForm, ReceiptForm
from sms.testing.links import CentreLink, OddSession
from sms.testing.taking import ReceivedText, Taken, Taking
from sms.text.segmentation import as_ucs2, split

RECEIVE_TIMEOUT_S = 10.0
REDELIVER_PAUSE_S = 0.05  # a real SMSC waits seconds; what is tested is that it comes again
MAX_DELIVERIES = 20  # of one message
ABSENCE_S = 60.0  # how long a message waits for its ESME to bind


class FakeSmsc:
    """A message centre in this process. ``async with FakeSmsc() as smsc: ... smsc.port``.

    ``start`` after ``stop`` listens on the same port again, with everything that it knew: a restart.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        system_id: str = "tellerline",
        password: str = "demo",  # noqa: S107 - of a fake
        accounts: Sequence[Account] = (),
        behaviour: Behaviour | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        name: str = "fake-smsc",
        seed: int = 0,
        max_deliveries: int = MAX_DELIVERIES,
    ) -> None:
        """``accounts`` may bind besides ``system_id``; ``tls`` is the centre's own context; ``seed`` shuffles."""
        self.host = host
        self.port = port
        self.behaviour = behaviour or Behaviour()
        self.binds: list[str] = []  # system ids that were let in
        self.refused_binds: list[tuple[str, int]] = []  # system ids that were not, with the status
        self.rejected: list[PduRejected] = []  # what an ESME sent and should not have
        self.deliveries = 0  # deliver_sm that were answered with success
        self.delivered_with: list[int] = []  # the status of every deliver_sm_resp
        self._name = name
        self._system_id = system_id
        self._password = Secret(password)
        self._accounts = {account.system_id: account for account in accounts}
        self._limits = limits or Limits(window=50)
        self._tls = tls
        self._max_deliveries = max_deliveries
        self._server: asyncio.Server | None = None
        self._links: list[CentreLink] = []
        self._numbers = itertools.count(1)
        self._answers: dict[tuple[int, int], asyncio.Future[None]] = {}
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._references = itertools.count(1)
        self._taking = Taking(lambda: self.behaviour, self._bring, self._tell, seed)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen; on the same port as before, when it listened before."""
        loop = asyncio.get_running_loop()

        def make() -> SmppLink:
            session = OddSession(Role.SMSC, loop.time(), self._limits)
            link = CentreLink(session, self._handle, self._opened, self._closed)
            link.number = next(self._numbers)
            return link

        self._server = await loop.create_server(make, self.host, self.port, ssl=self._tls, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection, as a process that dies. What it took and must bring, it keeps."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.drop_links()
        if server is not None:
            await server.wait_closed()
        await asyncio.gather(*(link.closed for link in list(self._links)))

    async def restart(self, away_s: float = 0.0) -> None:
        """Stop, stay away for a while, and start again."""
        await self.stop()
        await asyncio.sleep(away_s)
        await self.start()

    async def close(self) -> None:
        """Stop for good."""
        await self._taking.close()
        await self.stop()

    # --- what a test asks for ------------------------------------------------------------------------------------

    @property
    def log(self) -> list[Taken]:
        """Every submit_sm that the centre took, in order."""
        return self._taking.log

    @property
    def submits(self) -> int:
        """How many submit_sm came, taken or not."""
        return self._taking.submits

    @property
    def bound(self) -> int:
        """How many ESMEs are bound."""
        return sum(link.session.bound for link in self._links)

    def bound_as(self, system_id: str) -> int:
        """How many connections of one account are bound."""
        return sum(link.session.bound and link.system_id == system_id for link in self._links)

    async def wait_bound(self, timeout_s: float = RECEIVE_TIMEOUT_S, account: str | None = None) -> None:
        """Answer when an ESME that takes messages is bound."""
        await self._until(lambda: self._receiver(account) is not None, timeout_s)

    async def wait_taken(self, count: int, timeout_s: float = RECEIVE_TIMEOUT_S) -> None:
        """Answer when ``count`` submit_sm have been taken since the beginning."""
        await self._until(lambda: len(self.log) >= count, timeout_s)

    async def wait_receipts(self, count: int, timeout_s: float = RECEIVE_TIMEOUT_S) -> None:
        """Answer when ``count`` receipts have been acknowledged since the beginning."""
        await self._until(lambda: sum(taken.receipts for taken in self.log) >= count, timeout_s)

    async def wait_submits(self, count: int, timeout_s: float = RECEIVE_TIMEOUT_S) -> None:
        """Answer when ``count`` submit_sm have come since the beginning, taken or not."""
        await self._until(lambda: self.submits >= count, timeout_s)

    def drop_links(self, account: str | None = None) -> None:
        """Cut every connection, or those of one account, as a network does."""
        for link in list(self._links):
            if account in (None, link.system_id):
                link.abort("dropped")

    def deafen(self, deaf: bool = True, account: str | None = None) -> None:
        """Read nothing any more from those who are connected now, or read again: nothing is answered, nothing ends."""
        for link in self._links:
            if account in (None, link.system_id):
                link.deafen(deaf)

    def unbind_all(self) -> None:
        """Ask every ESME to go, as a centre does before it is maintained."""
        now = asyncio.get_running_loop().time()
        for link in self._links:
            if link.session.bound:
                link.session.unbind(now)
                link.wake()

    def release(self) -> None:
        """Let go of the answers and receipts that ``answers_shuffled`` and ``receipts_shuffled`` hold back."""
        self._taking.release()

    async def deliver(
        self,
        from_: str,
        to: str,
        text: str,
        *,
        ucs2: bool = False,
        long_texts: LongTexts = LongTexts.UDH8,
        order: Sequence[int] | None = None,
        copies: int = 1,
        account: str | None = None,
    ) -> None:
        """Bring an ESME a text and answer when it has acknowledged every part.

        ``order`` brings the parts in another order (numbers from 1), ``copies`` brings each several times, ``ucs2``
        even when the default alphabet would do; ``long_texts`` is how parts are marked. What is refused for the
        moment, or lost with its connection, is brought again, as a centre does.

        Raises:
            SubmitRefused: the ESME refused it for good.
        """
        reference = next(self._references)
        segments = (as_ucs2 if ucs2 else split)(text, reference, long_texts)
        coding, esm_class = segments.data_coding, segments.esm_class
        messages = [
            Message(_address(from_), _address(to), part, coding, esm_class, tlvs=segments.tlvs_of(number))
            for number, part in enumerate(segments.parts, 1)
        ]
        wanted = [messages[number - 1] for number in order] if order else messages
        for message in wanted:
            for _ in range(copies):
                await self.deliver_message(message, account)

    async def deliver_message(self, message: Message, account: str | None = None) -> None:
        """Bring one deliver_sm, again and again until it is acknowledged; see :meth:`deliver`."""
        loop = asyncio.get_running_loop()
        if self.behaviour.deliver_tlvs:
            message = replace(message, tlvs=message.tlvs + self.behaviour.deliver_tlvs)
        for _ in range(self._max_deliveries):
            link = await self._free_receiver(account)
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
        raise ConnectionError(f"brought {self._max_deliveries} times and never acknowledged")

    async def receive(
        self, *, to: str | None = None, contains: str = "", timeout_s: float = RECEIVE_TIMEOUT_S
    ) -> ReceivedText:
        """Answer the oldest text that fits and was not answered before.

        Raises:
            TimeoutError: none came in time; it says what did come.
        """
        wanted = None if to is None else to.removeprefix("+")
        received = self._taking.received

        def find() -> ReceivedText | None:
            for text in received:
                if (wanted is None or text.to.removeprefix("+") == wanted) and contains in text.text:
                    return text
            return None

        try:
            await self._until(lambda: find() is not None, timeout_s)
        except TimeoutError:
            others = len(received)
            raise TimeoutError(f"no text for {to or 'anybody'} within {timeout_s} s ({others} others wait)") from None
        found = find()
        if found is None:
            raise TimeoutError("another reader took it")
        received.remove(found)
        return found

    @property
    def waiting(self) -> tuple[ReceivedText, ...]:
        """Texts that came and were not asked for yet."""
        return tuple(self._taking.received)

    # --- inside --------------------------------------------------------------------------------------------------

    async def _bring(self, message: Message, account: str) -> None:
        await self.deliver_message(message, account)

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

    def _receiver(self, account: str | None) -> CentreLink | None:
        free = [
            link
            for link in self._links
            if link.session.bound and link.session.window_free and account in (None, link.system_id)
        ]
        return max(free, key=lambda link: link.session.window_free, default=None)

    async def _free_receiver(self, account: str | None) -> CentreLink:
        while (link := self._receiver(account)) is None:
            await self._until(lambda: self._receiver(account) is not None, ABSENCE_S)
        return link

    def _opened(self, link: SmppLink) -> None:
        self._links.append(cast("CentreLink", link))

    def _closed(self, link: SmppLink, lost: list[int], reason: str) -> None:
        self._links.remove(cast("CentreLink", link))
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
        link = cast("CentreLink", link)
        if link.gone:  # what an answer would have told was never read: the session counts it as told already
            if isinstance(event, MessageAnswered | RequestTimedOut):
                self._settle(link, event.sequence_number, ConnectionError("dropped"))
            return
        match event:
            case BindRequested():
                self._bind(link, event)
            case MessageReceived():
                self._taking.submitted(link, event)
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
        self.delivered_with.append(event.command_status)
        refused = SubmitRefused(event.command_status) if event.command_status else None
        self._settle(link, event.sequence_number, refused)

    def _bind(self, link: CentreLink, event: BindRequested) -> None:
        if self.behaviour.ignore_binds:
            self.behaviour.ignore_binds -= 1
            return
        system_id = event.bind.system_id
        status = self._status_of(event)
        if status:
            link.session.refuse_bind(event, status)
            self.refused_binds.append((system_id, status))
        else:
            link.session.accept_bind(event, self._name)
            link.system_id, link.bind_command = system_id, event.command_id
            self.binds.append(system_id)
        link.wake()

    def _status_of(self, event: BindRequested) -> int:
        if self.behaviour.refuse_binds:
            self.behaviour.refuse_binds -= 1
            return self.behaviour.refuse_binds_with
        system_id = event.bind.system_id
        account = self._accounts.get(system_id)
        if account is None and system_id == self._system_id:
            account = Account(system_id, self._password.reveal())
        if account is None:
            return Status.RINVSYSID
        if event.bind.password.reveal() != account.password:
            return Status.RINVPASWD
        same = (system_id, event.command_id)
        there = any((link.system_id, link.bind_command) == same and link.session.bound for link in self._links)
        return Status.RALYBND if account.only_once and there else Status.ROK


def _address(number: str) -> Address:
    """International numbers as networks bring them; short codes and names as they are."""
    if number.startswith("+"):
        return Address(number[1:], 1, 1)
    if number.isdigit():
        return Address(number, 0, 1)
    return Address(number, 5, 0)


__all__ = ["Account", "Behaviour", "FakeSmsc", "IdForm", "ReceiptForm", "ReceivedText", "Taken"]
