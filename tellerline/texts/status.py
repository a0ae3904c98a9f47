"""How the binds and queues of every node stand, told through the store: for commands beside running nodes.

Each node writes one line about itself every few seconds, which lapses when it stops to. Key layout::

    {prefix}:{sms}:standing          hash: node -> what it says, as JSON
    {prefix}:{sms}:standing:at       sorted set: node by when it said it, seconds since the epoch by the store's clock
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis

TELL_S = 2.0
FRESH_S = 10.0  # a node that has said nothing for so long is not running, or hangs
FORGET_S = 7 * 86_400.0  # then it is not listed any more
ANSWER_S = 2.0

# KEYS: standing, at. ARGV: node, what it says, forget after s.
TELL = """
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.3f', at), ARGV[1])
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', at - ARGV[3])) do
  redis.call('HDEL', KEYS[1], node)
  redis.call('ZREM', KEYS[2], node)
end
return 1
"""

# KEYS: standing, at. Answers the store's time, then node, when, what, for each.
ALL = """
local now = redis.call('TIME')
local found = {string.format('%.3f', now[1] + now[2] / 1000000)}
local said = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = 1, #said, 2 do
  found[#found + 1] = said[i]
  found[#found + 1] = said[i + 1]
  found[#found + 1] = redis.call('HGET', KEYS[1], said[i]) or ''
end
return found
"""

_log = structlog.get_logger("sms.status")


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What a node said of itself, and how long ago."""

    node: str
    age_s: float
    told: Mapping[str, Any]

    @property
    def running(self) -> bool:
        """Whether it said so not long ago."""
        return self.age_s <= FRESH_S and not self.told.get("stopped", False)


class StatusBoard:
    """Where nodes tell how they stand."""

    def __init__(self, redis: Redis, prefix: str = "tellerline") -> None:
        self._redis = redis
        self._keys = (f"{prefix}:{{sms}}:standing", f"{prefix}:{{sms}}:standing:at")

    async def tell(self, node: str, told: Mapping[str, Any]) -> None:
        """Say how a node stands."""
        said = {**told, "pid": os.getpid(), "host": socket.gethostname()}
        await self._eval(TELL, node, json.dumps(said), int(FORGET_S))

    async def all(self) -> list[NodeStatus]:
        """Answer what every node said last, by name."""
        now, *rest = await self._eval(ALL)
        found = []
        for node, at, said in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
            try:
                told = json.loads(said)
            except ValueError:
                continue
            if isinstance(told, dict):
                found.append(NodeStatus(node.decode(), max(0.0, float(now) - float(at)), told))
        return sorted(found, key=lambda one: one.node)

    async def _eval(self, script: str, *arguments: str | int) -> Any:
        async with asyncio.timeout(ANSWER_S):
            return await self._redis.eval(script, len(self._keys), *self._keys, *arguments)
