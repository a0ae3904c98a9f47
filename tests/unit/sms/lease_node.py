"""A node of its own process that holds one bind's lease: told to stop in mid-air, and to go on, by its test."""

from __future__ import annotations

import asyncio
import sys

import redis.asyncio as aioredis

from sms.binds.leases import Leases

GAP_S = 0.4  # between two turns of the loop: somebody stopped us


def tell(what: str) -> None:
    """Tell the test, beside what is logged."""
    print(what, file=sys.stderr, flush=True)


async def main(url: str, ttl_s: float) -> None:
    client = aioredis.Redis.from_url(url)
    loop = asyncio.get_running_loop()
    leases = Leases(client, "paused", ttl_s=ttl_s, margin_s=ttl_s / 4, renew_s=ttl_s / 4, ask_s=0.1)
    lease = leases.lease("north/a", lambda held: tell("held" if held else "left"))
    before = loop.time()
    async with leases.running():
        while True:
            await asyncio.sleep(0.01)
            now = loop.time()
            if now - before > GAP_S:
                tell("woke usable" if now < lease.until else "woke not usable")
            before = loop.time()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
