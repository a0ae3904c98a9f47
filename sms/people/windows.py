"""Sliding windows in the store: how often something happened lately, over all nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from sms.people.settings import Rate

# KEYS: one sorted set for each rate. ARGV: now ms, the name of what happens, then for each key its most and its
# length in ms. Answers 0 when it may happen, and counts it; else the moment in ms from which it may. The same name
# again is the same thing: it is counted once.
TAKE = """
local now, name, free = tonumber(ARGV[1]), ARGV[2], 0
for place, key in ipairs(KEYS) do
  local most, length = tonumber(ARGV[1 + 2 * place]), tonumber(ARGV[2 + 2 * place])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - length)
  if not redis.call('ZSCORE', key, name) and redis.call('ZCARD', key) >= most then
    local oldest = redis.call('ZRANGE', key, -most, -most, 'WITHSCORES')
    free = math.max(free, tonumber(oldest[2]) + length)
  end
end
if free > 0 then return free end
for place, key in ipairs(KEYS) do
  redis.call('ZADD', key, 'NX', now, name)
  redis.call('PEXPIRE', key, ARGV[2 + 2 * place])
end
return 0
"""


class Scripts(Protocol):
    """What runs a script in the store: :class:`sms.store.journal.Journal`."""

    def write(self, script: str, keys: tuple[str, ...], *arguments: bytes | str | int) -> asyncio.Future[Any]:
        """Run one; the future answers what it answers, or raises :class:`sms.store.journal.JournalDown`."""
        ...


class Windows:
    """Counts what happens, by name, against rates."""

    def __init__(self, scripts: Scripts, base: str) -> None:
        """``base`` begins every key; with one hash tag in it they all lie together."""
        self._scripts = scripts
        self._base = base

    async def take(self, name: str, counted: Sequence[tuple[str, Rate]], now: float) -> float | None:
        """Count ``name`` in every window of ``counted`` (whose it is, and the rate), or in none of them.

        Returns:
            None when it is counted, or was before; else the moment, in seconds, from which it may happen.

        Raises:
            JournalDown: the store did not answer: it may or may not be counted.
        """
        if not counted:
            return None
        keys = tuple(f"{self._base}:rate:{whose}:{round(rate.within_s)}" for whose, rate in counted)
        limits = [number for _, rate in counted for number in (rate.most, round(rate.within_s * 1000))]
        free = await self._scripts.write(TAKE, keys, round(now * 1000), name, *limits)
        return int(free) / 1000 if int(free) else None
