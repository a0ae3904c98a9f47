"""What is written to the shared store, in the order in which it happened, many changes in one round trip.

Every change is one Lua script, so that it happens whole or not at all. With ``appendfsync always`` a round trip costs
one fsync however many scripts it carries: under load this is what makes storing cheap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

MAX_BATCH = 256  # scripts in one round trip: a few milliseconds of the server's time
MAX_QUEUED = 20_000  # changes that wait for the store; beyond it the peer is told to come again

Argument: TypeAlias = "bytes | str | int"

_log = structlog.get_logger("sms.journal")


class JournalDown(Exception):  # noqa: N818 - a state of the world, like errors.py's
    """The store did not answer: the change may or may not have happened."""


class Journal:
    """Runs scripts in order. One per process and store."""

    def __init__(self, redis: Redis) -> None:
        """``redis`` has retries off: a change that is repeated on its own is a change done twice."""
        self._redis = redis
        self._queued: list[tuple[asyncio.Future[Any], tuple[Any, ...]]] = []
        self._wanted = asyncio.Event()
        self._stopping = self._stopped = False
        self.on_trouble: list[Callable[[], None]] = []  # called when answers were lost: look again what is stored

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Journal]:
        """Carry changes out inside the block; what is queued at its end is carried out first."""
        self._stopping = self._stopped = False
        task = asyncio.create_task(self._carry_out(), name="journal")
        try:
            yield self
        finally:
            # Asked, never cancelled: a change half sent would be neither known nor unknown, and redis-py swallows a
            # cancellation that arrives as its answer does. The client's own timeouts bound the wait.
            self._stopping = True
            self._wanted.set()
            await asyncio.shield(task)
            self._stopped = True

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more should be taken on."""
        return len(self._queued) >= MAX_QUEUED

    def write(self, script: str, keys: tuple[str, ...], *arguments: Argument) -> asyncio.Future[Any]:
        """Queue one change; the future answers what the script answers, or raises :class:`JournalDown`."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._stopped:
            future.set_exception(JournalDown("stopped"))
            return future
        self._queued.append((future, (script, len(keys), *keys, *arguments)))
        self._wanted.set()
        return future

    async def entries(self, stream: str, known: Container[str]) -> AsyncIterator[tuple[str, list[tuple[bytes, bytes]]]]:
        """Answer id, names and values of every entry of ``stream`` that is not ``known``, oldest first."""
        start = "-"
        while True:
            page: list[tuple[bytes, dict[bytes, bytes]]] = await self._redis.xrange(stream, start, "+", count=500)  # type: ignore[assignment]  # typed for every mode of the client; this one answers bytes
            for raw_id, fields in page:
                id_ = raw_id.decode()
                start = f"({id_}"
                if id_ not in known:
                    yield id_, list(fields.items())
            if not page:
                return

    async def members(self, key: str) -> set[int]:
        """Answer the numbers in the set at ``key``."""
        return {int(member) for member in await self._redis.smembers(key)}

    async def _carry_out(self) -> None:
        while self._queued or not self._stopping:
            await self._wanted.wait()
            batch = self._queued[:MAX_BATCH]
            del self._queued[: len(batch)]
            if not self._queued and not self._stopping:
                self._wanted.clear()
            if batch:
                await self._round_trip(batch)

    async def _round_trip(self, batch: list[tuple[asyncio.Future[Any], tuple[Any, ...]]]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for _, change in batch:
            pipeline.execute_command("EVAL", *change)
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except Exception as error:  # noqa: BLE001 - whatever the client says: a change never waits for ever
            answers = [error] * len(batch)
        trouble = False
        for (future, _), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                trouble = True
                _log.error("journal.failed", error=type(answer).__name__, refused=isinstance(answer, ResponseError))
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(JournalDown(f"the store did not carry out a change: {type(answer).__name__}"))
            else:
                future.set_result(answer)
        if trouble:
            for hear in self.on_trouble:
                hear()
