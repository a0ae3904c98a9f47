"""Texts that came in: stored sealed before they are acknowledged, processed once, gone when they are answered.

Every copy is acknowledged, one is processed (:mod:`sms.receiving.copies`). Parts of a long text wait in the store; the
last one makes it whole (:mod:`sms.receiving.parts`). The stream holds what is not answered yet, so a restart reads it
and goes on, and so does another node that adopts what a dead one left. What cannot be stored now is refused, so that
the message centre brings it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

import structlog

from core_client.adapters.sealing import Sealer, SealError
from core_client.adapters.together import raise_if_cancelled
from sms.messages import Outgoing
from sms.receiving import parts as long_texts
from sms.receiving.bodies import UNREADABLE, UnreadableBody, packed, unpack
from sms.receiving.copies import WINDOW_S as DUPLICATE_WINDOW_S
from sms.receiving.copies import print_of
from sms.receiving.inbound import Inbound
from sms.receiving.parts import EXPIRY_S as PARTS_EXPIRY_S
from sms.receiving.parts import MAX_OPEN_PER_NUMBER, MAX_OPEN_TEXTS, OnMissing
from sms.smpp import Message, Status
from sms.store.journal import Journal, JournalDown, Many
from sms.store.lives import BEGIN_LIFE, FirstLine
from sms.store.places import Places
from sms.store.resp import Argument
from sms.text.segmentation import Content, UnreadableError, content_of, text_of

MAX_BACKLOG = 10_000  # texts stored and not answered; beyond it the SMSC is told to come again
RECOVERY_PAUSE_S = 1.0  # after answers of the store were lost, before it is asked what it holds

Respond = Callable[[int], None]

# Changes of one kind. KEYS: stream. ARGV: what keys of copies begin with, window ms, texts that the stream may hold;
# then of each text: print, sealed body. Answers of each: 0 a copy | 1 too much | its id.
ACCEPT = """
local room = tonumber(ARGV[3]) - redis.call('XLEN', KEYS[1])
local said = {}
for i = 4, #ARGV, 2 do
  if room <= 0 then
    said[#said + 1] = 1
  elseif not redis.call('SET', ARGV[1] .. ARGV[i], '1', 'NX', 'PX', ARGV[2]) then
    said[#said + 1] = 0
  else
    room = room - 1
    said[#said + 1] = redis.call('XADD', KEYS[1], '*', ARGV[i], ARGV[i + 1])
  end
end
return said
"""

# Changes of one kind. KEYS: inbox, outbox. ARGV: what keys of lives begin with, how long they are kept. Each: id, how
# many answers, how many lives, then of every answer its name, body, the key of its number's lives and how its own
# begins, and what the other lives begin with (two keys, three arguments).
# Answers of each: the ids of its answers, or nothing where the text was answered before: then nothing is done.
SETTLE = (
    BEGIN_LIFE
    + """
local said, i = {}, 3
while i <= #ARGV do
  local mine = redis.call('XDEL', KEYS[1], ARGV[i]) == 1
  local ids = {}
  local answers, lives = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  i = i + 3
  for _ = 1, answers do
    if mine then
      ids[#ids + 1] = redis.call('XADD', KEYS[2], '*', ARGV[i], ARGV[i + 1])
      begin_life(ARGV[1] .. ARGV[i], ARGV[i + 2], ARGV[i], ARGV[i + 3], ARGV[2])
    end
    i = i + 4
  end
  for _ = 1, lives do
    if mine then begin_life(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]) end
    i = i + 5
  end
  said[#said + 1] = mine and ids
end
return said
"""
)

# Changes of one kind. KEYS: outbox. ARGV: what keys of lives begin with, how long they are kept, what keys of copies
# begin with, window ms. Each: print, the answer's name and body, the key of the lives of the number that both are of,
# how the answer's life begins, the text's name, how its life begins. The answer is stored in the place of the text.
# Answers of each: 0 a copy | the answer's id.
ACCEPT_ANSWERED = (
    BEGIN_LIFE
    + """
local said = {}
for i = 5, #ARGV, 7 do
  if redis.call('SET', ARGV[3] .. ARGV[i], '1', 'NX', 'PX', ARGV[4]) then
    said[#said + 1] = redis.call('XADD', KEYS[1], '*', ARGV[i + 1], ARGV[i + 2])
    begin_life(ARGV[1] .. ARGV[i + 1], ARGV[i + 3], ARGV[i + 1], ARGV[i + 4], ARGV[2])
    begin_life(ARGV[1] .. ARGV[i + 5], ARGV[i + 3], ARGV[i + 5], ARGV[i + 6], ARGV[2])
  else
    said[#said + 1] = 0
  end
end
return said
"""
)

_log = structlog.get_logger("sms.inbox")


class Answers(Protocol):
    """What the inbox needs of :class:`sms.sending.queue.Outbox`."""

    @property
    def stream(self) -> str:
        """Where its texts are."""
        ...

    def entry(self, outgoing: Outgoing) -> tuple[Argument, ...]:
        """Name, sealed body, the key of its number's lives, and how its own begins."""
        ...

    @property
    def life(self) -> tuple[Argument, Argument]:
        """What keys of lives begin with, and how long they are kept in seconds."""
        ...

    def stored(self, entry: str, outgoing: Outgoing) -> None:
        """Take over a text that is in the stream."""
        ...


def _nobody_missing(source: str, destination: str, operator: str, have: int, total: int) -> None:
    """Tell nobody."""


class Inbox:
    """Takes messages from binds and hands whole texts on."""

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
        parts_expiry_s: float = PARTS_EXPIRY_S,
        max_open_texts: int = MAX_OPEN_TEXTS,
        max_open_per_number: int = MAX_OPEN_PER_NUMBER,
        busy_status: int = Status.RX_T_APPN,
        wall_clock: Callable[[], float] = time.time,
        on_received: Callable[[Inbound], None] | None = None,
        hold: Callable[[Inbound], bool] = lambda _: False,
        on_dropped: Callable[[Inbound], None] | None = None,
        on_missing: OnMissing = _nobody_missing,
    ) -> None:
        """Take the texts of ``node``. Callbacks come from the event loop and never raise.

        Args:
            on_text: hears every text that is whole and stored.
            busy_status: what the message centre is told when there is too much: RX_T_APPN or RMSGQFUL.
            on_received: hears a text of one part before it is stored, so that reading can begin meanwhile. The same
                object comes to ``on_text`` once it is stored, or else to ``on_dropped``: it was a copy, or is refused.
            hold: answers whether a text of one part is held from the store for now: :meth:`store` or
                :meth:`store_answered` follows, and only then is it acknowledged. What is held is no ``on_received``.
            on_missing: hears once of a text that was given up because parts of it did not come.
        """
        self._journal = journal
        self._sealer = sealer
        self._on_text = on_text
        self._on_received = on_received
        self._hold = hold
        self._held: dict[str, tuple[Respond, bytes, tuple[Any, ...]]] = {}  # by name
        self._coming: dict[str, int] = {}  # by sender: messages on their way to the store
        self._window_ms = max(1, int(duplicate_window_s * 1000))
        self._answered: dict[str, Many] = {}  # by outbox
        self._on_dropped = on_dropped
        self._on_missing = on_missing
        self._max_backlog = max_backlog
        self._busy = busy_status
        self._wall_clock = wall_clock
        self._expiry_ms = int(parts_expiry_s * 1000)
        places = Places(prefix)
        self.stream = places.inbox(node)
        self._copy_prefix = f"{places.base}copy:"
        self._wholes = f"{places.base}parts:"
        self._senders = f"{places.base}opening:"
        self._open = f"{places.base}open"
        window_ms = self._window_ms
        self._ones = Many(journal, ACCEPT, (self.stream,), (self._copy_prefix, window_ms, max_backlog))
        self._pieces = Many(
            journal,
            long_texts.ACCEPT_PART,
            (self.stream, self._open),
            (
                self._copy_prefix,
                self._wholes,
                self._senders,
                max(window_ms, self._expiry_ms),  # a part that comes again late would begin a text that never ends
                max_backlog,
                self._expiry_ms,
                max_open_texts,
                max_open_per_number,
            ),
        )
        self._settling: dict[str, Many] = {}  # by outbox
        self._known: set[str] = set()
        self._rescan = asyncio.Event()
        # Texts are named before they are stored: by node, the second in which it began, and chance, then by number.
        self._name = f"{node}-{int(wall_clock()):x}{secrets.token_hex(3)}-"
        self._numbers = itertools.count(1)
        self.counts: Counter[str] = Counter()  # what came in besides whole texts: copies, texts with parts missing
        journal.on_trouble.append(self._rescan.set)

    def __len__(self) -> int:
        return len(self._known)

    # --- coming in ---

    def accept(self, message: Message, link: str, respond: Respond, operator: str = "main") -> None:
        """Store one deliver_sm, then acknowledge it. A store that fails is answered so that the SMSC comes again."""
        if self._journal.full:
            respond(self._busy)
            return
        try:
            content = content_of(message)
            coding, octets, part = content
        except UnreadableError:
            content = Content(UNREADABLE, b"")
            coding, octets, part = content
        print_ = print_of(message, operator, self._sealer)
        now = self._wall_clock()
        name = f"{self._name}{next(self._numbers):x}"
        source, destination = message.source, message.destination.digits
        body = (now, source.ton, coding, source.digits, destination, operator, name, link, octets)
        copy = self._copy_prefix + print_.decode()
        if part is not None:
            sealed = self._sealer.seal(packed(*body), print_)
            whole, sender = long_texts.belongs(message, part, operator, self._sealer)
            self._coming[source.digits] = self._coming.get(source.digits, 0) + 1
            self._pieces.add(
                (print_, sealed, whole, sender, part.number, part.total, int(now * 1000) + self._expiry_ms),
                partial(self._piece_stored, respond, source.digits),
                (copy, whole),
            )
            return
        text = None
        if coding != UNREADABLE:
            try:
                text = text_of((content,))
            except UnreadableError:
                text = None
        inbound = Inbound(
            "", source.digits, source.ton, destination, text, link, (copy,), False, name, operator, now, 1, False
        )
        # What came before it is not answered yet, and may not even be stored: it must not be overtaken.
        if source.digits not in self._coming and self._hold(inbound):
            self._held[name] = (respond, print_, body)
            return
        if self._on_received is not None:
            self._on_received(inbound)
        self._store(inbound, respond, print_, body)

    def store(self, inbound: Inbound) -> None:
        """Store a text that was held, as it came."""
        self._store(inbound, *self._held.pop(inbound.name))

    def _store(self, inbound: Inbound, respond: Respond, print_: bytes, body: tuple[Any, ...]) -> None:
        sealed = self._sealer.seal(packed(*body), print_)
        self._coming[inbound.source] = self._coming.get(inbound.source, 0) + 1
        self._ones.add((print_, sealed), partial(self._one_stored, inbound, respond), inbound.copies)

    def store_answered(
        self, inbound: Inbound, outbox: Answers, answer: Outgoing, life: FirstLine, done: Callable[[bool], None]
    ) -> None:
        """Store a text that was held as its answer, then acknowledge it; ``done`` hears whether the answer is stored.

        ``life`` begins the life of the text itself. Of a copy nothing is stored. Where the store's answer is lost the
        message centre is told to come again, and an answer that is there all the same is found by the outbox.
        """
        respond, print_, _ = self._held[inbound.name]
        many = self._answered.get(outbox.stream)
        if many is None:
            head = (*outbox.life, self._copy_prefix, self._window_ms)
            many = self._answered[outbox.stream] = Many(self._journal, ACCEPT_ANSWERED, (outbox.stream,), head)

        def stored(said: Any) -> None:
            there = type(said) is bytes
            if there:
                respond(Status.ROK)
                outbox.stored(said.decode(), answer)
            else:
                self._not_stored(respond, said)
            done(there)

        name, line, _ = life.arguments
        many.add((print_, *outbox.entry(answer), name, line), stored, inbound.copies)
        del self._held[inbound.name]

    def _came(self, source: str) -> None:
        left = self._coming[source] - 1
        if left:
            self._coming[source] = left
        else:
            del self._coming[source]

    def _one_stored(self, inbound: Inbound, respond: Respond, answer: Any) -> None:
        self._came(inbound.source)
        if type(answer) is bytes:
            respond(Status.ROK)
            inbound.id = answer.decode()
            inbound.stored = True
            if inbound.id not in self._known:
                self._known.add(inbound.id)
                self._on_text(inbound)
            return
        self._not_stored(respond, answer)
        if self._on_dropped is not None:
            self._on_dropped(inbound)

    def _piece_stored(self, respond: Respond, source: str, answer: Any) -> None:
        self._came(source)
        if type(answer) is not list:
            self._not_stored(respond, answer)
            return
        respond(Status.ROK)
        id_, fields, given_up = answer
        if given_up:
            self._given_up((given_up,))
        if id_:
            self._hand_on(id_.decode(), fields, recovered=False)

    def _not_stored(self, respond: Respond, answer: Any) -> None:
        if answer == 0:
            respond(Status.ROK)
            self.counts["copy"] += 1
            _log.info("sms.copy_acknowledged")
            return
        if answer == 1:
            self.counts["backlog_full"] += 1
            _log.warning("sms.backlog_full", backlog=self._max_backlog)
        respond(self._busy)

    def _hand_on(self, id_: str, flat: list[bytes], *, recovered: bool) -> None:
        if id_ in self._known:
            return
        self._known.add(id_)  # also what cannot be read: with the right key in place it is read at the next start
        try:
            inbound = self._read(id_, flat, recovered=recovered)
        except (SealError, UnreadableBody, IndexError, UnicodeDecodeError) as error:
            _log.error("sms.unsealable", id=id_, error=str(error))
            return
        self._on_text(inbound)

    def _read(self, id_: str, flat: list[bytes], *, recovered: bool) -> Inbound:
        bodies = [
            unpack(self._sealer.open(sealed, print_)) for print_, sealed in zip(flat[::2], flat[1::2], strict=True)
        ]
        last = max(bodies, key=lambda body: body.at)
        text = None
        if all(body.data_coding != UNREADABLE for body in bodies):
            with contextlib.suppress(UnreadableError):
                text = text_of(Content(body.data_coding, body.octets) for body in bodies)
        copies = tuple(
            self._copy_prefix + print_.decode()
            for print_, body in zip(flat[::2], bodies, strict=True)
            if body.link == last.link
        )
        return Inbound(
            id_,
            last.source,
            last.ton,
            last.destination,
            text,
            last.link,
            copies,
            recovered,
            bodies[0].name,
            last.operator,
            last.at,
            len(bodies),
        )

    def _given_up(self, texts: Iterable[list[Any]]) -> None:
        """Tell of texts whose parts did not all come."""
        for have, total, one in texts:
            self.counts["parts_missing"] += 1
            _log.warning("sms.parts_missing", have=have, total=total)
            try:
                body = unpack(self._sealer.open(one[32:], one[:32]))
            except (SealError, UnreadableBody) as error:
                _log.error("sms.unsealable", id="", error=str(error))
                continue
            self._on_missing(body.source, body.destination, body.operator, have, total)

    # --- going out ---

    def settle(
        self, inbound: Inbound, outbox: Answers, answers: Sequence[Outgoing], lives: Sequence[FirstLine] = ()
    ) -> asyncio.Future[bool]:
        """Put the answers into the outbox, begin their lives, and take the text out of the inbox: all or nothing.

        ``lives`` are written with them: how the life of the text itself goes on. The future answers False when the
        text was answered before, and nothing was done; it raises :class:`JournalDown` when it is not known whether it
        happened: doing it again is safe.
        """
        many = self._settling.get(outbox.stream)
        if many is None:
            many = self._settling[outbox.stream] = Many(
                self._journal, SETTLE, (self.stream, outbox.stream), outbox.life
            )
        arguments: list[Argument] = [inbound.id, len(answers), len(lives)]
        for outgoing in answers:
            arguments += outbox.entry(outgoing)
        for keys, more in lives:
            arguments += (*keys, *more)
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def settled(answer: Any) -> None:
            if isinstance(answer, Exception):
                if not future.done():
                    future.set_exception(answer)
                return
            self._known.discard(inbound.id)
            if answer is not None:
                for id_, outgoing in zip(answer, answers, strict=True):
                    outbox.stored(id_.decode(), outgoing)
            if not future.done():
                future.set_result(answer is not None)

        many.add(arguments, settled, (inbound.id,))
        return future

    # --- finding ---

    async def recover(self) -> int:
        """Hand on what is stored and unknown here: at the start, after adopting, and when answers were lost."""
        found = 0

        def read(id_: str, flat: list[bytes]) -> None:
            nonlocal found
            if id_ not in self._known:
                found += 1
                self._hand_on(id_, flat, recovered=True)

        start: str | None = "-"
        while start is not None:
            start = await self._journal.page(self.stream, start, read)
        return found

    async def sweep(self) -> int:
        """Give up long texts whose time has run out, of this node and of others; answer how many."""
        given_up = await self._journal.write(
            long_texts.SWEEP,
            (self._open,),
            self._wholes,
            self._senders,
            int(self._wall_clock() * 1000),
            long_texts.MAX_SWEPT,
            about=(),
        )
        self._given_up(given_up)
        return len(given_up)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Inbox]:
        """Hand on what a former process left, look again when answers were lost, and give up what is not whole."""
        await self.recover()
        tasks = [
            asyncio.create_task(self._keep_recovering(), name="inbox recovery"),
            asyncio.create_task(self._keep_sweeping(), name="inbox sweep"),
        ]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_recovering(self) -> None:
        while True:
            raise_if_cancelled()
            await self._rescan.wait()
            self._rescan.clear()
            await asyncio.sleep(RECOVERY_PAUSE_S)
            try:
                await self.recover()
            except JournalDown as error:
                _log.error("sms.recovery_failed", error=type(error).__name__)
                self._rescan.set()

    async def _keep_sweeping(self) -> None:
        while True:
            raise_if_cancelled()
            await asyncio.sleep(long_texts.SWEEP_S)
            with contextlib.suppress(JournalDown):  # looked again
                while await self.sweep() >= long_texts.MAX_SWEPT:
                    raise_if_cancelled()


__all__ = [
    "DUPLICATE_WINDOW_S",
    "MAX_BACKLOG",
    "MAX_OPEN_PER_NUMBER",
    "MAX_OPEN_TEXTS",
    "PARTS_EXPIRY_S",
    "Inbound",
    "Inbox",
]
