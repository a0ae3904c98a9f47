"""Texts that go out: stored sealed until the SMSC has taken every part, sent again when nobody knows whether it did.

An answer is put here by the same script that takes its question out of the inbox, so that neither a kill nor a
restart loses or doubles it. From here to the SMSC it is sent at least once: a message whose response was lost is sent
again, which is harmless for what this bank texts, and counted. Parts that were taken are not sent again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from core_client.adapters.sealing import Sealer, SealError
from core_client.adapters.together import raise_if_cancelled
from sms.errors import LinkClosed, SubmitRefused, SubmitUnanswered
from sms.lanes import Lanes
from sms.numbers import address_of
from sms.smpp import LocalProtocolError, Message, Status, status_name
from sms.store.journal import Journal, JournalDown
from sms.text.segmentation import split

MAX_AGE_S = 24 * 3600.0  # an answer that could not be sent for a day answers nothing any more
MAX_TRIES = 8  # of a part that the SMSC refuses with a status that may pass
PAUSE_FIRST_S, PAUSE_MAX_S = 0.25, 30.0  # after throttling, doubled each time it goes on
PARALLEL_NUMBERS = 256  # texts under way at once; the window below decides what is on the wire
THROTTLED = frozenset({Status.RTHROTTLED, Status.RMSGQFUL})
PASSING = frozenset({Status.RSYSERR, Status.RSUBMITFAIL, Status.RX_T_APPN, Status.RUNKNOWNERR})

ADD = "return redis.call('XADD', KEYS[1], '*', ARGV[1], ARGV[2])"
# KEYS: outbox, taken, then copies. ARGV: id. The whole text is with the SMSC, or given up.
DONE = """
redis.call('XDEL', KEYS[1], ARGV[1])
redis.call('DEL', unpack(KEYS, 2))
return 1
"""
# KEYS: taken. ARGV: part, expiry s. One part of several is with the SMSC.
TAKEN = "redis.call('SADD', KEYS[1], ARGV[1]); return redis.call('EXPIRE', KEYS[1], ARGV[2])"

_GIVEN_UP, _BEFORE = "\0", "\1"  # in the place of a connection's name: none took it, one of a former process did

_log = structlog.get_logger("sms.outbox")


class Submitter(Protocol):
    """What the outbox needs of :class:`sms.binds.esme.Esme`."""

    @property
    def link_name(self) -> str:
        """Names the present connection."""
        ...

    async def submit(self, message: Message, on_taken: Callable[[], None] | None = None) -> str:
        """Send one message; see ``Esme.submit``."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text to send, as it is sealed."""

    source: str
    destination: str
    text: str
    reference: int
    at: float  # seconds since the epoch
    link: str = ""  # the connection that brought the question
    copies: tuple[str, ...] = ()  # what makes the question's copies known

    def __repr__(self) -> str:
        return f"Outgoing({len(self.text)} characters)"


@dataclass(slots=True)
class Counts:
    """What became of texts since the start."""

    sent: int = 0
    parts_resent: int = 0  # sent again, though the first may have arrived
    throttled: int = 0
    given_up: int = 0


@dataclass(slots=True)
class _Kept:
    """One text under way."""

    id: str
    outgoing: Outgoing
    taken: set[int]  # parts that the SMSC has, or that are given up
    links: set[str] = field(default_factory=set)  # the connections on which it took them
    given_up: bool = False
    done: asyncio.Future[Any] | None = None  # the record that all is taken


class Outbox:
    """Sends what is stored until it is sent."""

    def __init__(
        self,
        journal: Journal,
        sealer: Sealer,
        esme: Submitter,
        *,
        node: str = "main",
        prefix: str = "tellerline",
        registered_delivery: int = 0,
        max_age_s: float = MAX_AGE_S,
        wall_clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._journal = journal
        self._sealer = sealer
        self._esme = esme
        self._registered_delivery = registered_delivery
        self._max_age_s = max_age_s
        self._wall_clock = wall_clock
        self._jitter = jitter
        self.stream = f"{prefix}:{{sms}}:outbox:{node}"
        self._taken_prefix = f"{prefix}:{{sms}}:taken:{node}:"
        self._references = itertools.count(secrets.randbelow(256))
        self._known: set[str] = set()
        self._lanes = Lanes(self._send, PARALLEL_NUMBERS, "outbox")
        self._clear = asyncio.Event()  # not set while throttled
        self._clear.set()
        self._pause_s = 0.0
        self._resuming: asyncio.TimerHandle | None = None
        self._rescan = asyncio.Event()
        self.counts = Counts()
        journal.on_trouble.append(self._rescan.set)

    def __len__(self) -> int:
        return len(self._known)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Outbox]:
        """Send inside the block, what a former process left first. What is not sent at its end stays stored."""
        async with self._lanes.running():
            await self.recover()
            again = asyncio.create_task(self._keep_recovering(), name="outbox recovery")
            try:
                yield self
            finally:
                again.cancel()
                await asyncio.gather(again, return_exceptions=True)
                if self._resuming is not None:
                    self._resuming.cancel()

    async def drain(self, deadline_s: float) -> int:
        """Wait until everything is sent, at most ``deadline_s``; answer how many texts are left for the next start."""
        return await self._lanes.drain(deadline_s)

    # --- putting in ---

    def outgoing(self, destination: str, source: str, text: str, **more: Any) -> Outgoing:
        """Make a text to send, with its own reference for its parts."""
        return Outgoing(source, destination, text, next(self._references) & 0xFF, self._wall_clock(), **more)

    def sealed(self, outgoing: Outgoing, name: str) -> tuple[bytes, bytes]:
        """Answer the stream's field for ``outgoing``: its name, which is the seal's context, and its sealed body."""
        body = json.dumps(
            {
                "from": outgoing.source,
                "to": outgoing.destination,
                "text": outgoing.text,
                "ref": outgoing.reference,
                "at": outgoing.at,
                "link": outgoing.link,
                "copies": outgoing.copies,
            }
        ).encode()
        return name.encode(), self._sealer.seal(body, name.encode())

    def stored(self, id_: str, outgoing: Outgoing) -> None:
        """Take over a text that is in the stream under ``id_``."""
        self._keep(_Kept(id_, outgoing, set()))

    async def put(self, outgoing: Outgoing, name: str) -> None:
        """Store a text that answers none, and send it.

        Raises:
            JournalDown: not known whether it is stored.
        """
        id_ = await self._journal.write(ADD, (self.stream,), *self.sealed(outgoing, name))
        self.stored(id_.decode(), outgoing)

    async def recover(self) -> int:
        """Take over what is stored and unknown here."""
        found = 0
        async for id_, fields in self._journal.entries(self.stream, self._known):
            name, sealed = fields[0]
            try:
                outgoing = self._read(self._sealer.open(sealed, name))
            except SealError as error:
                _log.error("sms.unsealable", id=id_, error=str(error))
                self._known.add(id_)
                continue
            found += 1
            self._keep(_Kept(id_, outgoing, await self._journal.members(self._taken_prefix + id_)))
        return found

    def _read(self, body: bytes) -> Outgoing:
        fields = json.loads(body)
        return Outgoing(
            fields["from"],
            fields["to"],
            fields["text"],
            fields["ref"],
            fields["at"],
            fields["link"],
            tuple(fields["copies"]),
        )

    def _keep(self, kept: _Kept) -> None:
        if kept.id not in self._known:
            self._known.add(kept.id)
            self._lanes.put(kept.outgoing.destination, kept)

    async def _keep_recovering(self) -> None:
        while True:
            raise_if_cancelled()
            await self._rescan.wait()
            self._rescan.clear()
            await asyncio.sleep(1.0)
            try:
                await self.recover()
            except Exception as error:  # noqa: BLE001 - whatever the store says, the next look may go well
                _log.error("sms.recovery_failed", error=type(error).__name__)
                self._rescan.set()

    # --- sending ---

    async def _send(self, kept: _Kept) -> None:
        outgoing = kept.outgoing
        if kept.taken:
            kept.links.add(_BEFORE)
        segments = split(outgoing.text, outgoing.reference)
        total = len(segments.parts)
        await asyncio.gather(
            *(
                self._submit(
                    kept, number, total, self._message(outgoing, part, segments.data_coding, segments.esm_class)
                )
                for number, part in enumerate(segments.parts, 1)
                if number not in kept.taken
            )
        )
        await self._recorded(kept)
        self._known.discard(kept.id)
        if not kept.given_up:
            self.counts.sent += 1

    def _take(self, kept: _Kept, number: int, total: int, link: str) -> None:
        """One part is dealt with; when all are, queue the record of it before anything that the SMSC sends next."""
        kept.taken.add(number)
        kept.links.add(link)
        if len(kept.taken) == total:
            kept.done = self._finish(kept)
        elif link != _GIVEN_UP:
            taken = self._journal.write(TAKEN, (self._taken_prefix + kept.id,), number, int(self._max_age_s))
            taken.add_done_callback(_heard)  # lost, it only means that this part may be sent once more

    def _finish(self, kept: _Kept) -> asyncio.Future[Any]:
        # Only a whole answer on its question's own connection proves that the SMSC read our acknowledgement.
        proof = kept.links == {kept.outgoing.link}
        copies = kept.outgoing.copies if proof else ()
        return self._journal.write(DONE, (self.stream, self._taken_prefix + kept.id, *copies), kept.id)

    async def _recorded(self, kept: _Kept) -> None:
        """Wait until it is recorded, again and again: what is recorded twice here stays the same."""
        pause_s = 0.1
        while True:
            try:
                await (kept.done or self._finish(kept))
            except JournalDown:
                kept.done = None
                await asyncio.sleep(pause_s)
                pause_s = min(5.0, pause_s * 2)
            else:
                return

    def _message(self, outgoing: Outgoing, part: bytes, data_coding: int, esm_class: int) -> Message:
        return Message(
            address_of(outgoing.source),
            address_of(outgoing.destination),
            part,
            data_coding,
            esm_class,
            self._registered_delivery,
        )

    async def _submit(self, kept: _Kept, number: int, total: int, message: Message) -> None:
        """Send one part until the SMSC has it or it is hopeless."""
        tries = 0
        while True:
            await self._clear.wait()
            if self._wall_clock() > kept.outgoing.at + self._max_age_s:
                self._give_up(kept, number, total, "too old")
                return
            try:
                await self._esme.submit(message, lambda: self._take(kept, number, total, self._esme.link_name))
            except LinkClosed:
                await asyncio.sleep(PAUSE_FIRST_S)  # shutting down: the text stays stored
            except SubmitUnanswered:
                self.counts.parts_resent += 1
            except SubmitRefused as error:
                if error.command_status in THROTTLED:
                    self._pause()
                    continue
                tries += 1
                if error.command_status not in PASSING or tries >= MAX_TRIES:
                    self._give_up(kept, number, total, status_name(error.command_status))
                    return
                await asyncio.sleep(min(PAUSE_MAX_S, PAUSE_FIRST_S * 2**tries))
            except LocalProtocolError as error:
                self._give_up(kept, number, total, str(error))
                return
            else:
                self._pause_s = 0.0
                return

    def _give_up(self, kept: _Kept, number: int, total: int, reason: str) -> None:
        if not kept.given_up:
            self.counts.given_up += 1
        kept.given_up = True
        _log.error("sms.given_up", id=kept.id, part=number, reason=reason)
        self._take(kept, number, total, _GIVEN_UP)

    def _pause(self) -> None:
        """The SMSC is too busy: hold everything for a while, longer each time it stays so."""
        self.counts.throttled += 1
        if not self._clear.is_set():
            return  # held already, by another part of the same burst
        self._pause_s = min(PAUSE_MAX_S, max(PAUSE_FIRST_S, self._pause_s * 2))
        self._clear.clear()
        delay_s = self._pause_s * (0.5 + self._jitter() / 2)
        self._resuming = asyncio.get_running_loop().call_later(delay_s, self._clear.set)
        _log.warning("sms.throttled", pause_s=round(delay_s, 2))


def _heard(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()
