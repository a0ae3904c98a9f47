"""The change-log on a Redis stream: whichever node holds the lease relays it, every node follows it.

An entry's id is its number in the log (``17-0``), and a stream takes ids in rising order only: two relays at once, or
one that died between sending and noting, add nothing twice and nothing out of order. The lease spares the store the
trying, it guards nothing. Followers need no acknowledgement either: they go on from the number that they have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from core_client.adapters.customer_cache import CustomerCache
from core_client.adapters.together import raise_if_cancelled
from core_client.domain.registry_changes import Change
from core_client.errors import BankError
from core_client.ports.randomness import Randomness

STREAM = "registry:changes"
LEASE = "registry:relay"
LEASE_MS = 5_000  # a relay that died is followed by another one within that time
RELAY_EVERY_S = 0.5  # between looks at the log: what is in caches may be late by that much
BATCH = 500
KEPT = 10_000  # entries of the stream; who was away for longer reloads
BLOCK_MS = 500
RETRY_S = 1.0
_NO_ANSWER = (RedisError, OSError, TimeoutError)
# Take the lease, or have it longer if it is mine.
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder == false or holder == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
"""

_log = structlog.get_logger("tellerline")


class ChangeLog(Protocol):
    """Where the numbered changes are: the registry in SQL."""

    async def head(self) -> int:
        """Answer the number of the last change."""
        ...

    async def changes(self, after: int, most: int) -> Sequence[Change]:
        """Answer the changes that follow a number."""
        ...


class Relay:
    """Brings the log's new rows to the stream."""

    def __init__(self, redis: Redis, records: ChangeLog, randomness: Randomness) -> None:
        self._redis = redis
        self._records = records
        self._me = randomness.token()

    async def once(self) -> int:
        """Relay what is new, if the lease is to be had; answer how many rows were sent.

        Raises:
            RedisError, OSError, TimeoutError: the store did not answer.
            BankError: SQL did not.
        """
        if not await self._redis.eval(_TAKE, 1, LEASE, self._me, LEASE_MS):
            return 0
        head, sent = await self._records.head(), 0
        last = await self._last()
        if last > head:  # the database was put back to an older moment: every number after it means something else
            await self._redis.delete(STREAM)
            last = 0
        if last < head - KEPT:  # the stream is new, or was away: who follows reloads anyway
            last = head - BATCH
        while last < head:
            changes = await self._records.changes(last, BATCH)
            if not changes:
                break
            for change in changes:
                await self._add(change.seq, change.kind.value, change.customer_id)
            last, sent = changes[-1].seq, sent + len(changes)
        return sent

    async def _last(self) -> int:
        try:
            told: Any = await self._redis.xinfo_stream(STREAM)
        except ResponseError:  # there is none yet
            return 0
        return number_of(told["last-generated-id"])

    async def _add(self, seq: int, kind: str, customer_id: int | None) -> None:
        fields: dict[Any, Any] = {"kind": kind, "customer": "" if customer_id is None else customer_id}
        try:
            await self._redis.xadd(STREAM, fields, id=f"{seq}-0", maxlen=KEPT, approximate=True)
        except ResponseError:
            if await self._last() < seq:  # not that it is there already
                raise

    async def run(self) -> None:
        """Relay until cancelled; a store or database that is away is tried again."""
        while True:
            raise_if_cancelled()
            try:
                sent = await self.once()
            except (*_NO_ANSWER, BankError) as error:
                _log.warning("registry.not_relayed", error=type(error).__name__)
                await asyncio.sleep(RETRY_S)
                continue
            if not sent:
                await asyncio.sleep(RELAY_EVERY_S)


class Follower:
    """Feeds this node's cache from the stream, and looks in SQL now and then whether the stream tells everything."""

    def __init__(self, redis: Redis, cache: CustomerCache, log: ChangeLog) -> None:
        self._redis = redis
        self._cache = cache
        self._log = log

    async def once(self, block_ms: int = BLOCK_MS) -> None:
        """Take in what the stream has, or else what SQL has: a relay that is slow or gone makes nothing stale.

        Raises:
            RedisError, OSError, TimeoutError: the store did not answer.
            BankError: SQL did not.
        """
        cache = self._cache
        if cache.at is None:
            cache.restart(await self._log.head())
        told: Any = await self._redis.xread({STREAM: f"{cache.at}-0"}, count=BATCH, block=block_ms)
        for seq, customer in _entries(told):
            if seq != (cache.at or 0) + 1:
                cache.distrust()  # a gap: the stream was cut, or begun anew
                return
            cache.changed(seq, customer)
        await self._compare()

    async def _compare(self) -> None:
        cache, head = self._cache, await self._log.head()
        if cache.at is None or head < cache.at:  # the database was put back to an older moment
            cache.distrust()
            return
        while cache.at < head:
            for change in await self._log.changes(cache.at, BATCH):
                cache.changed(change.seq, change.customer_id)
        cache.confirm()

    async def run(self) -> None:
        """Follow until cancelled. While the stream is away the cache answers nothing; then it is begun anew."""
        while True:
            raise_if_cancelled()
            try:
                await self.once()
            except (*_NO_ANSWER, BankError) as error:
                self._cache.distrust()
                _log.warning("registry.not_followed", error=type(error).__name__)
                await asyncio.sleep(RETRY_S)


def number_of(entry_id: bytes | str) -> int:
    """Answer the number of the log that an entry's id says."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    return int(text.partition("-")[0])


def _entries(found: Any) -> Sequence[tuple[int, int | None]]:
    if not found:
        return ()
    rows = found[0][1]
    return [(number_of(entry), int(fields[b"customer"]) if fields[b"customer"] else None) for entry, fields in rows]
