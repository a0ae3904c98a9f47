"""A node that takes its name and two texts, says so, and waits to be killed: ``python -m ... SOCKET NAME``."""

from __future__ import annotations

import asyncio
import sys

import redis.asyncio as aioredis

from sms.store.journal import Journal
from sms.store.nodes import Nodes
from tests.unit.sms.store_world import node_of, outgoing, text


async def main(socket: str, name: str) -> None:
    """Leave texts behind."""
    async with Journal(aioredis.Redis.from_url(f"unix://{socket}")).running() as journal:
        node = node_of(journal, name)
        async with Nodes(journal, name, node.inbox, node.outbox).running():
            await node.take(text(b"BAL"), text(b"SEND 500 LILEI"))
            await node.outbox.put([outgoing(f"{name}-out")])
            sys.stdout.write("LEFT " + " ".join(inbound.name for inbound in node.texts) + "\n")
            sys.stdout.flush()
            await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
