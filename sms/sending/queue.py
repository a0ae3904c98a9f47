"""Texts that go out, stored sealed until they are dealt with: one stream a node.

An answer is put here by the same script that takes its question out of the inbox. Others put texts into a node's
stream too: an operator's command, a node that adopts what a dead one left or hands a text over. They count up the
stream's news, which its node looks at several times a second. The journal's answers come in the order of its changes,
so an entry that is read and not known here is one that somebody else put, or one of ours whose answer was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from redis.asyncio import Redis

from core_client.adapters.sealing import Sealer, SealError
from core_client.adapters.together import raise_if_cancelled
from sms.messages import Kept, Outgoing, Purpose, State
from sms.sending.bodies import UnreadableBody, pack, unpack
from sms.store.journal import Journal, JournalDown, Many
from sms.store.lives import BEGIN_LIFE, Names
from sms.store.places import NOBODY, Places
from sms.store.resp import Argument

LOOK_S = 0.25  # between two looks at what others have put

# Part of scripts: it keeps a sealed body for as long as the life of its text, so that staff can have it sent again.
KEEP_BODY = """
local function keep_body(base, id, sealed, at, keep)
  redis.call('SET', base .. 'body:' .. id, sealed, 'EX', keep)
  redis.call('ZADD', base .. 'bodies', at, id)
  redis.call('ZREMRANGEBYSCORE', base .. 'bodies', '-inf', at - keep)
end
"""
# Changes of one kind. KEYS: outbox. ARGV: what keys of lives begin with, how long they are kept, what every key begins
# with. Each: name, sealed body, key of its number's lives, how its own begins, when it was made if its body is kept.
# Answers the entry, or nothing where the text is known: a put whose answer was lost may be done again.
PUT = (
    BEGIN_LIFE
    + KEEP_BODY
    + """
local said = {}
for i = 4, #ARGV, 5 do
  if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 1 then
    said[#said + 1] = false
  else
    said[#said + 1] = redis.call('XADD', KEYS[1], '*', ARGV[i], ARGV[i + 1])
    begin_life(ARGV[1] .. ARGV[i], ARGV[i + 2], ARGV[i], ARGV[i + 3], ARGV[2])
    if ARGV[i + 4] ~= '' then
      keep_body(ARGV[3], ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 4]), tonumber(ARGV[2]))
    end
  end
end
return said
"""
)
# What nobody asks for a second time: staff may have it sent again. Answers and codes are worth nothing later.
BODY_KEPT = frozenset({Purpose.RESULT, Purpose.ALERT, Purpose.CAMPAIGN})
# KEYS: outbox. Each: entry, how many copies, copies. Answers 1, also where it was done before.
FINISH = """
local said, i = {}, 1
while i <= #ARGV do
  redis.call('XDEL', KEYS[1], ARGV[i])
  local last = i + 1 + tonumber(ARGV[i + 1])
  for copy = i + 2, last do redis.call('DEL', ARGV[copy]) end
  said[#said + 1] = 1
  i = last + 1
end
return said
"""
# KEYS: news. ARGV: news known. Answers the news, or nothing where there are none.
NEWS = """
local news = redis.call('GET', KEYS[1]) or '0'
if news == ARGV[1] then return false end
return news
"""
# Part of scripts that put a text into the outbox of a node from outside. living_node gets the hash of nodes, the base
# of keys, and the node for want of any that lives; give gets that base, the node, the text's name and its sealed body.
GIVE = """
local function living_node(nodes, base, nobody)
  local known = redis.call('HKEYS', nodes)
  table.sort(known)
  for _, name in ipairs(known) do
    if redis.call('EXISTS', base .. 'node:' .. name) == 1 then return name end
  end
  redis.call('HSETNX', nodes, nobody, '{}')
  return nobody
end
local function give(base, node, name, sealed)
  redis.call('XADD', base .. 'outbox:' .. node, '*', name, sealed)
  redis.call('INCR', base .. 'outbox:' .. node .. ':news')
end
"""
# KEYS: nodes. ARGV: base, name, sealed, life, of, line, keep, node for want of any. Answers the node that has it.
OUTSIDE = (
    BEGIN_LIFE
    + GIVE
    + """
local base = ARGV[1]
local node = living_node(KEYS[1], base, ARGV[8])
if redis.call('EXISTS', ARGV[4]) == 0 then
  give(base, node, ARGV[2], ARGV[3])
  begin_life(ARGV[4], ARGV[5], ARGV[2], ARGV[6], ARGV[7])
end
return node
"""
)

PartsOf = Callable[[str], Awaitable[dict[int, State]]]

_log = structlog.get_logger("sms.outbox")


async def _none_yet(_: str) -> dict[int, State]:
    return {}


class Outbox:
    """Keeps texts until they are dealt with, and hands them on to who sends them."""

    def __init__(
        self,
        journal: Journal,
        sealer: Sealer,
        on_kept: Callable[[Kept], None],
        *,
        node: str = "main",
        prefix: str = "tellerline",
        names: Names | None = None,
        parts_of: PartsOf = _none_yet,
        unwritten: Callable[[str], bool] = lambda _: False,
        look_s: float = LOOK_S,
    ) -> None:
        """Keep the texts of ``node``.

        Args:
            on_kept: hears every text that is stored, in order, from the event loop; it never raises.
            names: how lives begin; that of ``Lives`` where there is one.
            parts_of: answers what happened to the parts of a text that was found again; ``Lives.parts``.
            unwritten: answers whether a line of a text's life waits for the store; ``Lives.waits``.
        """
        places = Places(prefix)
        self.node = node
        self.stream = places.outbox(node)
        self._news_key = places.news(node)
        self._journal = journal
        self._sealer = sealer
        self._on_kept = on_kept
        self._names = names or Names(sealer, prefix)
        self._parts_of = parts_of
        self._unwritten = unwritten
        self._look_s = look_s
        self._puts = Many(journal, PUT, (self.stream,), (*self.life, places.base))
        self._finishes = Many(journal, FINISH, (self.stream,))
        self._known: set[str] = set()
        self._found: deque[tuple[str, Outgoing]] = deque()  # read, not handed on yet
        self._unrecorded: deque[tuple[Kept, tuple[str, ...], asyncio.Future[None]]] = deque()
        self._read_to = "-"
        self._news = ""  # nothing is known: the first look reads everything
        self._handing_on = asyncio.Lock()
        self._again = False
        journal.on_trouble.append(self._look_at_all)

    def __len__(self) -> int:
        return len(self._known)

    # --- putting in ---

    def sealed(self, outgoing: Outgoing) -> tuple[Argument, Argument]:
        """Answer name and sealed body of ``outgoing``, as they are in the stream."""
        return outgoing.id, self._sealer.seal(pack(outgoing), outgoing.id.encode())

    @property
    def life(self) -> tuple[Argument, Argument]:
        """What keys of lives begin with, and how long they are kept in seconds: for scripts that put texts here."""
        return self._names.life_prefix, self._names.keep_s

    def entry(self, outgoing: Outgoing) -> tuple[Argument, ...]:
        """Answer name, sealed body, key of its number's lives, and how its own begins: for scripts that put it here."""
        id_ = outgoing.id
        context = id_.encode()
        (_, of), (_, line, _) = self._names.first_line(outgoing)
        return context, self._sealer.seal(pack(outgoing), context), of, line

    def stored(self, entry: str, outgoing: Outgoing) -> None:
        """Take over a text that is in the stream as ``entry``."""
        if entry not in self._known:
            self._known.add(entry)
            self._on_kept(Kept(entry, outgoing, {}))

    def put(self, outgoings: Sequence[Outgoing]) -> asyncio.Future[None]:
        """Store texts that answer none; they are handed on as each is stored.

        The future raises :class:`JournalDown` when it is not known whether all are. The same texts may be put again:
        those that are stored stay as they are.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = len(outgoings)
        if not left:
            future.set_result(None)

        def heard(outgoing: Outgoing, answer: Any) -> None:
            nonlocal left
            left -= 1
            if isinstance(answer, Exception):
                if not future.done():
                    future.set_exception(answer)
            else:
                if answer is not None:
                    self.stored(answer.decode(), outgoing)
                if not left and not future.done():
                    future.set_result(None)

        for outgoing in outgoings:
            made_at = f"{outgoing.at:.3f}" if outgoing.purpose in BODY_KEPT else ""
            entry = (*self.entry(outgoing), made_at)
            self._puts.add(entry, partial(heard, outgoing), (("life", outgoing.id),))
        return future

    # --- taking out ---

    def finish(self, kept: Kept, *, proven: bool = False) -> asyncio.Future[None]:
        """Forget a text that is dealt with. The future is done when that is stored, however often the store goes away.

        ``proven``: the operator took all of it on the connection that brought the question, so it had read our
        acknowledgement of that: an equal text that comes later is a new one, and no copy.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._finish(kept, kept.outgoing.copies if proven else (), future)
        return future

    def _finish(self, kept: Kept, copies: tuple[str, ...], future: asyncio.Future[None]) -> None:
        def heard(answer: Any) -> None:
            if isinstance(answer, Exception):
                self._unrecorded.append((kept, copies, future))  # done again: it comes to the same
                return
            self._known.discard(kept.entry)
            if not future.done():
                future.set_result(None)

        if self._unwritten(kept.id):
            # Forgotten now, and the node killed before the line is written: nobody would know what became of it.
            self._unrecorded.append((kept, copies, future))
            return
        self._finishes.add((kept.entry, len(copies), *copies), heard, copies)

    def forget(self, kept: Kept) -> None:
        """Know nothing of a text any more that another node has taken over."""
        self._known.discard(kept.entry)

    # --- finding ---

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Outbox]:
        """Hand on what is stored, then follow what others put. What is not dealt with at the end stays stored."""
        await self.recover()
        following = asyncio.create_task(self._follow(), name="outbox")
        try:
            yield self
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def recover(self) -> int:
        """Hand on all that is stored and unknown here; answer how many that were."""
        self._read_to = "-"
        return await self._read_on()

    def _look_at_all(self) -> None:
        self._again = True

    async def _follow(self) -> None:
        while True:
            raise_if_cancelled()
            await asyncio.sleep(self._look_s)
            for _ in range(len(self._unrecorded)):
                self._finish(*self._unrecorded.popleft())
            with contextlib.suppress(JournalDown):
                if self._again:
                    self._again = False
                    try:
                        await self.recover()
                    except JournalDown:
                        self._again = True
                news = await self._journal.write(NEWS, (self._news_key,), self._news, about=())
                if news is not None:
                    await self._read_on()
                    self._news = news.decode()

    async def _read_on(self) -> int:
        start: str | None = self._read_to
        while start is not None:
            start = await self._journal.page(self.stream, start, self._read)
        return await self._hand_on()

    def _read(self, entry: str, flat: list[bytes]) -> None:
        self._read_to = f"({entry}"
        if entry in self._known:
            return
        self._known.add(entry)
        try:
            name = flat[0].decode()
            outgoing = unpack(name, self._sealer.open(flat[1], flat[0]))
        except (SealError, UnreadableBody, IndexError, UnicodeDecodeError) as error:
            # Not deleted: with the right key, or a release that reads it, in place it is sent after the next start.
            _log.error("sms.unsealable", id=entry, error=str(error))
            return
        self._found.append((entry, outgoing))

    async def _hand_on(self) -> int:
        handed_on = 0
        async with self._handing_on:  # one at a time: they keep their order
            while self._found:
                entry, outgoing = self._found[0]
                parts = await self._parts_of(outgoing.id)
                self._found.popleft()
                handed_on += 1
                self._on_kept(Kept(entry, outgoing, parts))
        return handed_on


async def put_from_outside(redis: Redis, sealer: Sealer, outgoing: Outgoing, *, prefix: str = "tellerline") -> str:
    """Store a text for a node that runs, from a process that is none, and answer that node's name.

    Where none runs, the next one that starts finds it. Done again with the same text, it changes nothing.
    """
    places = Places(prefix)
    (life, of), (_, line, keep) = Names(sealer, prefix).first_line(outgoing)
    sealed = sealer.seal(pack(outgoing), outgoing.id.encode())
    node = await redis.eval(
        OUTSIDE,
        1,
        places.nodes,
        *(places.base, outgoing.id, sealed, life, of, line, keep, NOBODY),
    )
    return node.decode() if isinstance(node, bytes) else str(node)
