"""Binds that may exist once, over all nodes: each is held by a lease in the shared store.

A node that holds a lease renews it long before its end, and stops using the bind before the lease can lapse, by its own
monotonic clock and counted from the moment before it asked, whatever the store, the network or the wall clock do. So
two nodes never use such a bind at once, unless the store's own clock leaps; then the loser learns it at its next
renewal, a few seconds later, and the fence in the holder's name tells which of the two came after.

A node that does not hold it asks again about once a second, so that a bind that was given back has a new holder
within about a second, and that of a dead node when its lease has lapsed.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from redis.asyncio import Redis

from core_client.adapters.together import raise_if_cancelled

TTL_S = 8.0  # a dead node's binds are free after that
MARGIN_S = 2.0  # used no more so long before the end: writes on their way, and clocks that run unequally
RENEW_S = 2.0  # twice may fail before the bind is left
ASK_S = 1.0  # how often one that is held elsewhere is asked for
ANSWER_S = 2.0  # a store that takes longer is asked anew

# KEYS: lease, fence. ARGV: our name, ms. Answers 1 and our fence, or 0, the holder's name and how many ms it has left.
TAKE = """
local holder = redis.call('GET', KEYS[1])
if not holder then
  local fence = redis.call('INCR', KEYS[2])
  redis.call('SET', KEYS[1], ARGV[1] .. '#' .. fence, 'NX', 'PX', ARGV[2])
  return {1, tostring(fence)}
end
local name, fence = string.match(holder, '^(.*)#(%d+)$')
if name == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {1, fence}
end
return {0, holder, redis.call('PTTL', KEYS[1])}
"""

# KEYS: lease. ARGV: our name with its fence, ms.
RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

# KEYS: lease. ARGV: our name with its fence.
RELEASE = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end; return redis.call('DEL', KEYS[1])"

_NEVER = float("-inf")

_log = structlog.get_logger("sms.leases")


class Lease:
    """One bind's lease, as this node sees it."""

    __slots__ = ("_lapse", "_node", "_on_change", "fence", "holder", "name", "rests_until", "until")

    def __init__(self, name: str, on_change: Callable[[bool], None], node: str = "") -> None:
        """``node`` is this one."""
        self.name = name
        self._node = node
        self.until = _NEVER  # of the loop's clock: the bind may be used before
        self.fence = 0  # counts holders: the higher one came later
        self.rests_until = _NEVER  # it was given back: it is not asked for before
        self.holder = ""  # the node that holds it, as far as known
        self._on_change = on_change
        self._lapse: asyncio.TimerHandle | None = None

    @property
    def held(self) -> bool:
        """Whether this node was told that it may use the bind."""
        return self._lapse is not None

    @property
    def elsewhere(self) -> str:
        """The other node that holds it; empty: none is known, or only a former process of this one's name."""
        return "" if self.held or self.holder == self._node else self.holder

    def hold(self, until: float, node: str, fence: int, loop: asyncio.AbstractEventLoop) -> None:
        """The bind may be used until ``until``."""
        if until <= loop.time():
            return  # the answer took too long to be of use
        new = self._lapse is None
        if self._lapse is not None:
            self._lapse.cancel()
        self.until, self.holder, self.fence = until, node, fence
        self._lapse = loop.call_at(until, self.leave, "not renewed in time")
        if new:
            _log.info("bind.lease_taken", bind=self.name, fence=fence)
            self._on_change(True)

    def leave(self, reason: str) -> None:
        """Use the bind no more, at once."""
        if self._lapse is None:
            return
        self._lapse.cancel()
        self._lapse = None
        self.until, self.holder = _NEVER, ""
        _log.warning("bind.lease_left", bind=self.name, fence=self.fence, reason=reason)
        self._on_change(False)


class Leases:
    """This node's part in the leases of all binds that may exist once."""

    def __init__(
        self,
        redis: Redis,
        node: str,
        *,
        prefix: str = "tellerline",
        ttl_s: float = TTL_S,
        margin_s: float = MARGIN_S,
        renew_s: float = RENEW_S,
        ask_s: float = ASK_S,
        answer_s: float = ANSWER_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``redis`` has retries off; ``node`` names this process, no other that runs has the same name."""
        if not 0 < renew_s < ttl_s - margin_s:
            raise ValueError("a lease is renewed before it is left, and left before it lapses")
        self._redis = redis
        self.node = node
        self._me = f"{node}/{secrets.token_hex(4)}"  # a restarted process is not its predecessor
        self._base = f"{prefix}:{{sms}}:lease:"
        self._ttl_s = ttl_s
        self._margin_s = margin_s
        self._renew_s = renew_s
        self._ask_s = ask_s
        self._answer_s = answer_s
        self._jitter = jitter
        self._leases: dict[str, Lease] = {}

    def lease(self, name: str, on_change: Callable[[bool], None]) -> Lease:
        """Ask for the bind ``name`` while running. ``on_change`` hears at once whether it may be used."""
        lease = self._leases[name] = Lease(name, on_change, self.node)
        return lease

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Leases]:
        """Hold what can be held inside the block; give it back at its end, when nothing uses it any more."""
        tasks = [
            asyncio.create_task(self._keep(lease), name=f"lease of {name}") for name, lease in self._leases.items()
        ]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*map(self.give_back, self._leases.values()))

    async def give_back(self, lease: Lease) -> None:
        """Use the bind no more and let another node that waits for it have it."""
        if not lease.held:
            return
        name = self._named(lease.fence)
        lease.leave("given back")
        lease.rests_until = asyncio.get_running_loop().time() + 3 * self._ask_s
        try:
            await self._ask(RELEASE, (self._base + lease.name,), name)
        except Exception as error:  # noqa: BLE001 - it lapses by itself
            _log.warning("bind.lease_not_given_back", bind=lease.name, error=type(error).__name__)

    async def _keep(self, lease: Lease) -> None:
        loop = asyncio.get_running_loop()
        while True:
            raise_if_cancelled()
            asked_at = loop.time()
            if asked_at < lease.rests_until:
                await asyncio.sleep(lease.rests_until - asked_at)
                continue
            try:
                pause_s = await self._once(lease, asked_at, loop)
            except Exception as error:  # noqa: BLE001 - whatever the store says: a held bind is left when its time is up
                _log.warning("bind.lease_not_answered", bind=lease.name, error=type(error).__name__)
                pause_s = self._renew_s / 4
            # Nodes that wait for the same bind do not ask in one moment.
            await asyncio.sleep(max(0.0, asked_at + pause_s * (0.75 + self._jitter() / 4) - loop.time()))

    async def _once(self, lease: Lease, asked_at: float, loop: asyncio.AbstractEventLoop) -> float:
        """Take or renew; answer after how many seconds to ask again."""
        until = asked_at + self._ttl_s - self._margin_s
        key, ttl_ms = self._base + lease.name, int(self._ttl_s * 1000)
        if lease.held:
            if await self._ask(RENEW, (key,), self._named(lease.fence), ttl_ms):
                if lease.held:  # not left while it was asked
                    lease.hold(until, self.node, lease.fence, loop)
                return self._renew_s
            lease.leave("another node has it")
        taken, said, *left_ms = await self._ask(TAKE, (key, f"{self._base}{lease.name}:fence"), self._me, ttl_ms)
        if taken:
            lease.hold(until, self.node, int(said), loop)
            return self._renew_s
        lease.holder = said.decode().rpartition("/")[0]
        return min(self._ask_s, max(0.05, int(left_ms[0]) / 1000))

    def _named(self, fence: int) -> str:
        return f"{self._me}#{fence}"

    async def _ask(self, script: str, keys: tuple[str, ...], *arguments: str | int) -> Any:
        async with asyncio.timeout(self._answer_s):
            return await self._redis.eval(script, len(keys), *keys, *arguments)
