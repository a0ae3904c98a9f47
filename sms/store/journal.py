"""What is written to the shared store, in the order in which it happened, many changes in one round trip.

Every change is part of a Lua script, so that it happens whole or not at all. All that is asked for in one tick of the
event loop goes out in one write, and while a round trip is under way the rest gathers for the next: with
``appendfsync always`` it then costs one fsync however many changes it carries. Changes of one kind (:class:`Many`) that
meet in a round trip go in one call of their script. Nothing is ever sent again by itself, except a script that the
store says it does not know: that one did not run.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import structlog
from redis.asyncio import Redis

from sms.store.resp import Argument, Refused, command, written
from sms.store.wire import Lost, Wire

MAX_BATCH = 256  # changes in one round trip: a few milliseconds of the server's time
MAX_TOGETHER = 64  # changes in one call of a script: other clients of the store wait while it runs
MAX_QUEUED = 20_000  # changes that wait for the store; beyond it the peer is told to come again
MAX_UNDER_WAY = 1  # round trips at once: what comes meanwhile shares the next one's fsync
NOT_HERE = frozenset({"READONLY", "MASTERDOWN", "LOADING"})  # answers of a store that takes no changes just now
PAGE = 500  # entries of a stream read at once

Done: TypeAlias = Callable[[Any], None]
"""Hears the answer of a change, or a :class:`JournalDown`, in the moment in which it is read. It never raises."""

_RANGE = "return redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])"

_log = structlog.get_logger("sms.journal")


class JournalDown(Exception):  # noqa: N818 - a state of the world, like errors.py's
    """The store did not answer: the change may or may not have happened."""


class _Script:
    """A script and its name in the store."""

    __slots__ = ("load", "name")

    def __init__(self, text: str) -> None:
        octets = text.encode()
        self.name = written((b"EVALSHA", hashlib.sha1(octets, usedforsecurity=False).hexdigest()))
        self.load = command(b"SCRIPT", b"LOAD", octets)


class _Call:
    """One call of a script, for one change or for several of a kind."""

    __slots__ = ("body", "count", "dones", "many", "place", "script")

    def __init__(self, script: _Script, head: bytes, count: int, many: bool, place: int) -> None:
        self.script = script
        self.body = [head]  # keys and arguments, as they are written
        self.count = count  # of bulk strings: those two included by which the script is named
        self.dones: list[Done] = []
        self.many = many
        self.place = place

    def command(self) -> bytes:
        return b"*%d\r\n%b%b" % (self.count, self.script.name, b"".join(self.body))

    def answer(self, answer: Any) -> None:
        """Tell everybody who waits."""
        dones = self.dones
        if isinstance(answer, Exception):
            answers: Sequence[Any] = [answer] * len(dones)
        elif not self.many:
            answers = (answer,)
        elif len(answer) == len(dones):
            answers = answer
        else:
            answers = [JournalDown("a script answered for fewer changes than it was given")] * len(dones)
        for done, one in zip(dones, answers, strict=True):
            try:
                done(one)
            except Exception as error:  # noqa: BLE001 - one listener that fails must not cost the others their answers
                _log.error("journal.listener_failed", error=type(error).__name__)


class Many:
    """Changes of one kind. Those that wait for the same round trip go in one call of their script.

    The script gets ``keys``, then ``arguments``, then the arguments of each change in turn, and answers a list with
    one answer for each change. Every key of the channel has one hash tag, so that it may name others itself.
    """

    def __init__(self, journal: Journal, script: str, keys: Sequence[str], arguments: Sequence[Argument] = ()) -> None:
        self._journal = journal
        self._script = _Script(script)
        self._head = written((len(keys), *keys, *arguments))
        self._count = 3 + len(keys) + len(arguments)
        self._call: _Call | None = None  # the one that waits, unless it has gone

    def add(self, arguments: Sequence[Argument], done: Done, about: Iterable[object] = ()) -> None:
        """Queue one change. It is carried past no earlier change that is ``about`` one of the same things."""
        journal = self._journal
        if journal.stopped:
            done(JournalDown("stopped"))
            return
        call = self._call
        touched = journal.touched
        if call is None or call.place < journal.floor or len(call.dones) >= MAX_TOGETHER:
            call = None
        else:
            for one in about:
                if touched.get(one, 0) > call.place:
                    call = None  # between the call and now, another kind of change has touched it
                    break
        if call is None:
            call = self._call = journal.queue(self._script, self._head, self._count, many=True)
        call.body.append(written(arguments))
        call.count += len(arguments)
        call.dones.append(done)
        journal.queued += 1
        for one in about:
            touched[one] = call.place

    def ask(self, arguments: Sequence[Argument], about: Iterable[object] = ()) -> asyncio.Future[Any]:
        """Queue one change; the future answers its answer, or raises :class:`JournalDown`."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.add(arguments, _settles(future), about)
        return future


class Journal:
    """Runs scripts in order. One per process and store."""

    def __init__(self, redis: Redis) -> None:
        """``redis`` says how to connect; the journal has a connection of its own."""
        self._redis = redis
        self._calls: deque[_Call] = deque()
        self._under_way: deque[_Call | None] = deque()  # None: the answer to a script's loading
        self._ends: deque[int] = deque()  # how many answers each round trip under way still lacks
        self._scripts: dict[str, _Script] = {}
        self._loaded: set[_Script] = set()  # into the store, over this connection
        self._wire: Wire | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted = asyncio.Event()
        self._stopping = self._flushing = False
        self._places = 0
        # What Many needs of it.
        self.stopped = False
        self.queued = 0  # changes that were not sent
        self.floor = 0  # a call in an earlier place takes no more changes
        self.touched: dict[object, int] = {}  # the place of the last call that is about it
        self.on_trouble: list[Callable[[], None]] = []  # called when answers were lost: look again what is stored

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Journal]:
        """Carry changes out inside the block; what is queued at its end is carried out first."""
        self._stopping = self.stopped = False
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._keep_connected(), name="journal")
        if self._calls:
            self._flush_soon()
        try:
            yield self
        finally:
            # Asked, never cancelled: a change half sent would be neither known nor unknown. Timeouts bound the wait,
            # and nothing more is taken: who writes on and on would keep it from ending.
            self._stopping = self.stopped = True
            self._wanted.set()
            await asyncio.shield(task)

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more should be taken on."""
        return self.queued >= MAX_QUEUED

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the store."""
        return self._wire is not None

    def write(
        self, script: str, keys: Sequence[str], *arguments: Argument, about: Iterable[object] | None = None
    ) -> asyncio.Future[Any]:
        """Queue one change; the future answers what the script answers, or raises :class:`JournalDown`.

        Without ``about``, no other change is carried past it.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.then(script, keys, arguments, _settles(future), about)
        return future

    def then(
        self,
        script: str,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        done: Done,
        about: Iterable[object] | None = None,
    ) -> None:
        """Queue one change, as :meth:`write` does; ``done`` hears its answer."""
        if self.stopped:
            done(JournalDown("stopped"))
            return
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = _Script(script)
        call = self.queue(known, written((len(keys), *keys, *arguments)), 3 + len(keys) + len(arguments), many=False)
        call.dones.append(done)
        self.queued += 1
        if about is None:
            self.floor = call.place
        else:
            for one in about:
                self.touched[one] = call.place

    async def page(self, stream: str, start: str, done: Callable[[str, list[bytes]], None]) -> str | None:
        """Show ``done`` id and flat fields of a page of ``stream`` from ``start``; answer where the next one begins.

        They are shown in the moment in which the store's answer is read: after those of all changes that it had made
        before, ahead of those that it made after. None: there was nothing more.
        """
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def read(answer: Any) -> None:
            if future.done():
                return
            if isinstance(answer, Exception):
                future.set_exception(answer)
                return
            id_ = ""
            for raw_id, flat in answer:
                id_ = raw_id.decode()
                try:
                    done(id_, flat)
                except Exception as error:  # noqa: BLE001 - one entry that trips its reader must not hide the others
                    _log.error("journal.listener_failed", id=id_, error=type(error).__name__)
            future.set_result(f"({id_}" if len(answer) == PAGE else None)

        self.then(_RANGE, (stream,), (start, PAGE), read)
        return await future

    # --- carrying out ---

    def queue(self, script: _Script, head: bytes, count: int, *, many: bool) -> _Call:
        """Answer a new call at the end of the queue."""
        self._places += 1
        call = _Call(script, head, count, many, self._places)
        self._calls.append(call)
        if not self._flushing and self._loop is not None:
            self._flush_soon()
        return call

    def _flush_soon(self) -> None:
        assert self._loop is not None  # noqa: S101 - running
        self._flushing = True
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Send what waits, unless enough is under way: its answers flush again."""
        self._flushing = False
        wire = self._wire
        if wire is None:
            self._wanted.set()
            return
        if not self._calls or len(self._ends) >= MAX_UNDER_WAY:
            return
        commands: list[bytes] = []
        changes = 0
        under_way, loaded = self._under_way, self._loaded
        while self._calls and changes < MAX_BATCH:
            call = self._calls.popleft()
            if call.script not in loaded:
                loaded.add(call.script)
                commands.append(call.script.load)
                under_way.append(None)
            commands.append(call.command())
            under_way.append(call)
            changes += len(call.dones)
        self.queued -= changes
        self.floor = max(self.floor, call.place + 1)  # what has gone takes no more
        if not self._calls:
            self.touched.clear()
        self._ends.append(len(commands))
        wire.write(commands)

    def _answered(self, answer: Any) -> None:
        call = self._under_way.popleft()
        self._ends[0] -= 1
        last = not self._ends[0]
        if last:
            self._ends.popleft()
        if call is None:
            if isinstance(answer, Refused):
                _log.error("journal.script_refused", code=answer.code)
        elif isinstance(answer, Refused):
            self._refused(call, answer)
        else:
            call.answer(answer)
        if last and not self._ends:
            if self._calls and not self._flushing:
                self._flush_soon()  # at the end of this tick: what these answers lead to goes along
            elif self._stopping:
                self._wanted.set()

    def _refused(self, call: _Call, answer: Refused) -> None:
        if answer.code == "NOSCRIPT":
            # It did not run. It goes first again, in the order in which the refusals come.
            self._loaded.discard(call.script)
            after = 0
            while after < len(self._calls) and self._calls[after].place < call.place:
                after += 1
            self._calls.insert(after, call)
            self.queued += len(call.dones)
            return
        _log.error("journal.failed", error=answer.code, changes=len(call.dones))
        call.answer(JournalDown(f"the store did not carry out a change: {answer.code}"))
        for hear in self.on_trouble:
            hear()
        if answer.code in NOT_HERE and self._wire is not None:
            self._wire.abort(answer.code)  # the next connection looks anew for who takes changes

    # --- the connection ---

    async def _keep_connected(self) -> None:
        while not (self._stopping and not self._calls and not self._ends):
            await self._wanted.wait()
            self._wanted.clear()
            if self._wire is None and self._calls:
                await self._connect()
        if self._wire is not None:
            await self._wire.close()

    async def _connect(self) -> None:
        wire = Wire(self._answered, self._lost)
        try:
            await wire.open(self._redis)
        except Lost as error:
            await wire.close()
            self._forget_places()
            self._fail(self._calls, f"no connection to the store: {error}")
            self._wanted.set()
            return
        self._loaded.clear()
        self._wire = wire
        if not self._flushing:
            self._flush()

    def _lost(self, reason: str) -> None:
        """The connection went: what was under way may or may not have happened."""
        self._wire = None
        self._forget_places()
        waiting = deque(call for call in self._under_way if call is not None)
        self._under_way.clear()
        self._ends.clear()
        if waiting:
            self._fail(waiting, f"the connection to the store went: {reason}")
            for hear in self.on_trouble:
                hear()
        self._wanted.set()

    def _forget_places(self) -> None:
        """Let no call that was queued take more changes."""
        self.floor = self._places + 1
        self.touched.clear()

    def _fail(self, calls: deque[_Call], reason: str) -> None:
        failed = list(calls)
        calls.clear()
        if calls is self._calls:
            self.queued = 0
        _log.error("journal.failed", error=reason, changes=sum(len(call.dones) for call in failed))
        for call in failed:
            call.answer(JournalDown(f"the store did not carry out a change: {reason}"))


def _settles(future: asyncio.Future[Any]) -> Done:
    """Answer a listener that settles ``future``."""

    def settle(answer: Any) -> None:
        if not future.done():
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    return settle


__all__ = ["MAX_BATCH", "MAX_QUEUED", "MAX_TOGETHER", "PAGE", "Argument", "Done", "Journal", "JournalDown", "Many"]
