"""The baseline that stores: asyncio.Protocol and smpplib, and the two XADDs that a gateway cannot do without.

A text is in the inbox stream before it is acknowledged, its answer in the outbox stream before it is sent. What comes
meanwhile waits for the running pipeline and goes together in the next, so that one fsync serves them all: as cheap as
redis-py makes it. Bodies lie in the clear, nothing is ever removed, nothing is tried again.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from redis.asyncio import Redis
from smpplib import command

from benchmarks.bare_smpp import ANSWER, BareEsme
from core_client.adapters.valkey import open_store

INBOX, OUTBOX = "bench:inbox", "bench:outbox"


class StoringEsme(BareEsme):
    """Stores, then answers."""

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self._redis = redis
        self._waiting: list[tuple[str, bytes, Callable[[], None]]] = []
        self._storing: asyncio.Task[None] | None = None

    def _answer(self, pdu: bytes) -> None:
        text = command.DeliverSM("deliver_sm", client=self._client, need_sequence=False)
        text.parse(pdu)
        self._store(INBOX, pdu, lambda: self._acknowledge(text))

    def _acknowledge(self, text: command.DeliverSM) -> None:
        response = command.DeliverSMResp("deliver_sm_resp", client=self._client)
        response.sequence = text.sequence
        response.message_id = ""
        self._out.append(response.generate())
        answer = command.SubmitSM(
            "submit_sm",
            client=self._client,
            source_addr=text.destination_addr.decode(),
            destination_addr=text.source_addr.decode(),
            dest_addr_ton=1,
            dest_addr_npi=1,
            short_message=ANSWER,
        )
        octets = answer.generate()
        self._store(OUTBOX, octets, lambda: self._out.append(octets))

    def _store(self, stream: str, body: bytes, then: Callable[[], None]) -> None:
        self._waiting.append((stream, body, then))
        if self._storing is None:
            self._storing = asyncio.get_running_loop().create_task(self._go(), name="storing")

    async def _go(self) -> None:
        while batch := self._waiting:
            self._waiting = []
            pipeline = self._redis.pipeline(transaction=False)
            for stream, body, _ in batch:
                pipeline.execute_command("XADD", stream, "*", "b", body)
            await pipeline.execute()
            for _, _, then in batch:
                then()
            if self._out:
                self._transport.write(b"".join(self._out))
                self._out.clear()
        self._storing = None


async def serve(port: int) -> None:
    """Bind to ``port`` and answer until the connection ends."""
    with tempfile.TemporaryDirectory(prefix="tellerline-bench-") as folder:
        async with open_store(None, Path(folder)) as store:
            loop = asyncio.get_running_loop()
            _, esme = await loop.create_connection(lambda: StoringEsme(store.redis), "127.0.0.1", port)
            await esme.closed
