"""Texts that came in: stored sealed before they are acknowledged, processed once, gone when they are answered.

A copy is a message that is equal octet by octet to one received within ``duplicate_window_s``. Every copy is
acknowledged, one is processed. The window closes early when the SMSC has taken our whole answer on the connection
that brought the message: it read our acknowledgement then, since that went before the answer, so an equal message
that comes later is a new text. Parts of a long text wait in the store; the last one makes it whole.

The stream holds what is not answered yet, so a restart reads it and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from core_client.adapters.sealing import Sealer, SealError
from core_client.adapters.together import raise_if_cancelled
from sms.smpp import Message, Status, Tag
from sms.store.journal import Argument, Journal
from sms.text.segmentation import Content, Part, UnreadableError, content_of, text_of

DUPLICATE_WINDOW_S = 120.0  # an SMSC whose acknowledgement was lost tries again after seconds to a minute
PARTS_EXPIRY_S = 300.0
MAX_BACKLOG = 10_000  # texts stored and not answered; beyond it ESME_RX_T_APPN, and the SMSC keeps them
RECOVERY_PAUSE_S = 1.0  # after answers of the store were lost, before it is asked what it holds
MAX_OPEN_TEXTS = 10_000  # long texts whose parts are still coming; beyond it the oldest is given up

# KEYS: stream, copy, parts, open.
# ARGV: print, sealed, window ms, backlog, number, total, expiry ms, open texts, now ms.
# Answers: status, id or "", how many unfinished texts were given up, then print and sealed body of every part.
ACCEPT = """
if redis.call('EXISTS', KEYS[2]) == 1 then return {'copy', '', 0} end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then return {'full', '', 0} end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
local total = tonumber(ARGV[6])
if total < 2 then return {'stored', redis.call('XADD', KEYS[1], '*', ARGV[1], ARGV[2]), 0} end
local lost = 0
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', ARGV[9])) do
  redis.call('ZREM', KEYS[4], old); redis.call('DEL', old); lost = lost + 1
end
while redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[8]) do
  local oldest = redis.call('ZPOPMIN', KEYS[4])
  redis.call('DEL', oldest[1]); lost = lost + 1
end
redis.call('HSET', KEYS[3], ARGV[5], ARGV[1] .. ARGV[2])
if redis.call('HLEN', KEYS[3]) < total then
  redis.call('ZADD', KEYS[4], 'NX', ARGV[9] + ARGV[7], KEYS[3])
  return {'part', '', lost}
end
local fields = {}
for number = 1, total do
  local held = redis.call('HGET', KEYS[3], tostring(number))
  fields[#fields + 1] = string.sub(held, 1, 32)
  fields[#fields + 1] = string.sub(held, 33)
end
redis.call('DEL', KEYS[3]); redis.call('ZREM', KEYS[4], KEYS[3])
local id = redis.call('XADD', KEYS[1], '*', unpack(fields))
return {'stored', id, lost, fields}
"""

# KEYS: inbox, outbox. ARGV: id, then name and sealed body of each answer. Answers the ids of the answers, or nil when
# the text was answered before.
ANSWER = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return false end
local ids = {}
for i = 2, #ARGV, 2 do ids[#ids + 1] = redis.call('XADD', KEYS[2], '*', ARGV[i], ARGV[i + 1]) end
return ids
"""

_log = structlog.get_logger("sms.inbox")


@dataclass(frozen=True, slots=True)
class Inbound:
    """One whole text, stored. ``id`` is the same after a restart, and names all that comes of it."""

    id: str
    source: str
    source_ton: int
    destination: str
    text: str | None  # None when it is no text; never printed
    link: str  # the connection that brought its last part
    copies: tuple[str, ...]  # keys that make its copies known
    recovered: bool = False  # read from the store by a process that may not be the first to work on it

    def __repr__(self) -> str:
        return f"Inbound({self.id}, {len(self.text or '')} characters)"


class Inbox:
    """Takes messages from an ESME and hands whole texts on."""

    def __init__(
        self,
        journal: Journal,
        sealer: Sealer,
        on_text: Callable[[Inbound], None],
        *,
        node: str = "main",
        prefix: str = "tellerline",
        duplicate_window_s: float = DUPLICATE_WINDOW_S,
        max_backlog: int = MAX_BACKLOG,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """``node`` names this process's own stream: two that run at once have different ones."""
        self._journal = journal
        self._sealer = sealer
        self._on_text = on_text
        self._window_ms = int(duplicate_window_s * 1000)
        self._max_backlog = max_backlog
        self._wall_clock = wall_clock
        base = f"{prefix}:{{sms}}"  # one hash tag: a Cluster runs each script on one node
        self.stream = f"{base}:inbox:{node}"
        self._copy_prefix = f"{base}:copy:"
        self._parts_prefix = f"{base}:parts:"
        self._open = f"{base}:open"
        self._known: set[str] = set()
        self._rescan = asyncio.Event()
        journal.on_trouble.append(self._rescan.set)

    def __len__(self) -> int:
        return len(self._known)

    def accept(self, message: Message, link: str, respond: Callable[[int], None]) -> None:
        """Store one deliver_sm, then acknowledge it. A store that fails is answered so that the SMSC comes again."""
        if self._journal.full:
            respond(Status.RX_T_APPN)
            return
        source, destination = message.source, message.destination
        try:
            content = content_of(message)
            part = content.part or Part(0, 0, 1, 1)
        except UnreadableError:
            content, part = None, Part(0, 0, 1, 1)
        print_ = self._sealer.fingerprint(_identity(message), b"copy").hex()
        body = json.dumps(
            {
                "from": source.digits,
                "ton": source.ton,
                "to": destination.digits,
                "link": link,
                "coding": None if content is None else content.data_coding,
                "octets": "" if content is None else content.octets.hex(),
            }
        ).encode()
        whole = f"{source.digits}\0{destination.digits}\0{part.reference}\0{part.width}\0{part.total}"
        future = self._journal.write(
            ACCEPT,
            (
                self.stream,
                self._copy_prefix + print_,
                self._parts_prefix + self._sealer.fingerprint(whole.encode("latin-1"), b"parts").hex(),
                self._open,
            ),
            print_,
            self._sealer.seal(body, print_.encode()),
            self._window_ms,
            self._max_backlog,
            part.number,
            part.total,
            int(PARTS_EXPIRY_S * 1000),
            MAX_OPEN_TEXTS,
            int(self._wall_clock() * 1000),
        )
        single = (print_.encode(), body) if part.total == 1 else None
        future.add_done_callback(lambda done: self._stored(done, single, respond))

    def _stored(
        self, done: asyncio.Future[Any], single: tuple[bytes, bytes] | None, respond: Callable[[int], None]
    ) -> None:
        if done.cancelled() or done.exception() is not None:
            respond(Status.RX_T_APPN)
            return
        status, id_, lost, *fields = done.result()
        if lost:
            _log.warning("sms.parts_expired", texts=lost)
        if status == b"full":
            _log.warning("sms.backlog_full", backlog=self._max_backlog)
            respond(Status.RX_T_APPN)
            return
        respond(Status.ROK)
        if status == b"copy":
            _log.info("sms.copy_acknowledged")
        elif status == b"stored":
            if single is not None:
                self._hand_on(id_.decode(), [single], recovered=False)
            else:
                self._hand_on(id_.decode(), self._opened(_pairs(fields[0])), recovered=False)

    def _opened(self, pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        return [(print_, self._sealer.open(sealed, print_)) for print_, sealed in pairs]

    def _hand_on(self, id_: str, parts: list[tuple[bytes, bytes]], *, recovered: bool) -> None:
        if id_ in self._known:
            return
        self._known.add(id_)
        bodies = [json.loads(body) for _, body in parts]
        last = bodies[-1]
        text = None
        if all(body["coding"] is not None for body in bodies):
            with contextlib.suppress(UnreadableError):
                text = text_of(Content(body["coding"], bytes.fromhex(body["octets"])) for body in bodies)
        self._on_text(
            Inbound(
                id=id_,
                source=last["from"],
                source_ton=last["ton"],
                destination=last["to"],
                text=text,
                link=last["link"],
                copies=tuple(self._copy_prefix + print_.decode() for print_, _ in parts),
                recovered=recovered,
            )
        )

    async def answer(self, inbound: Inbound, outbox: str, answers: list[tuple[bytes, bytes]]) -> list[bytes] | None:
        """Put the answers into the outbox stream and take the text out of the inbox: both or neither.

        Answers the ids of the answers; None when the text was answered before, and nothing was done.

        Raises:
            JournalDown: not known whether it happened. Doing it again is safe.
        """
        flat: list[Argument] = [inbound.id]
        for name, sealed in answers:
            flat += (name, sealed)
        ids: list[bytes] | None = await self._journal.write(ANSWER, (self.stream, outbox), *flat)
        self._known.discard(inbound.id)
        return ids

    async def recover(self) -> int:
        """Hand on what is stored and unknown here: at the start, and after the store's answers were lost."""
        found = 0
        async for id_, fields in self._journal.entries(self.stream, self._known):
            try:
                parts = self._opened(fields)
            except SealError as error:
                # Not deleted: with the right key in place it is read at the next start.
                _log.error("sms.unsealable", id=id_, error=str(error))
                self._known.add(id_)
                continue
            found += 1
            self._hand_on(id_, parts, recovered=True)
        return found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Inbox]:
        """Hand on what a former process left, then look again whenever the store's answers were lost."""
        await self.recover()
        again = asyncio.create_task(self._keep_recovering(), name="inbox recovery")
        try:
            yield self
        finally:
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)

    async def _keep_recovering(self) -> None:
        while True:
            raise_if_cancelled()
            await self._rescan.wait()
            self._rescan.clear()
            await asyncio.sleep(RECOVERY_PAUSE_S)
            try:
                await self.recover()
            except Exception as error:  # noqa: BLE001 - whatever the store says, the next look may go well
                _log.error("sms.recovery_failed", error=type(error).__name__)
                self._rescan.set()


def _pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _identity(message: Message) -> bytes:
    """All octets by which one message differs from another."""
    tlvs = (Tag.MESSAGE_PAYLOAD, Tag.SAR_MSG_REF_NUM, Tag.SAR_SEGMENT_SEQNUM, Tag.SAR_TOTAL_SEGMENTS)
    parts = [
        message.source.digits.encode("latin-1"),
        message.destination.digits.encode("latin-1"),
        bytes((message.data_coding, message.esm_class & 0xFF)),
        message.short_message,
        *(message.tlv(tag) or b"" for tag in (*tlvs, Tag.USER_MESSAGE_REFERENCE)),
    ]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


__all__ = [
    "DUPLICATE_WINDOW_S",
    "MAX_BACKLOG",
    "MAX_OPEN_TEXTS",
    "PARTS_EXPIRY_S",
    "Inbound",
    "Inbox",
]
