"""Inboxes and outboxes of several nodes over one real store, without wires and without a bank."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis.asyncio as aioredis

from core_client.adapters.sealing import KEY_BYTES, Sealer
from core_client.adapters.valkey import Store, open_store
from sms.messages import Kept, Outgoing, Purpose
from sms.receiving.inbound import Inbound
from sms.receiving.inbox import Inbox
from sms.sending.queue import Outbox
from sms.smpp import Address, EsmClass, Message, Status
from sms.store.journal import Journal

KEY = bytes(range(KEY_BYTES))
BANK = "95500"
NUMBER = "8613900000001"
LINK = "main/one/1"


def text(body: bytes = b"BAL", number: str = NUMBER, **more: Any) -> Message:
    return Message(Address(number, 1, 1), Address(BANK, 0, 1), body, **more)


def part(body: bytes, reference: int, total: int, number: int, sender: str = NUMBER, *, wide: bool = False) -> Message:
    if wide:
        header = bytes((6, 8, 4, reference >> 8, reference & 0xFF, total, number))
    else:
        header = bytes((5, 0, 3, reference & 0xFF, total, number))
    return text(header + body, sender, esm_class=int(EsmClass.UDHI))


def outgoing(id_: str, words: str = "12,345.67 CNY", **more: Any) -> Outgoing:
    return Outgoing(id_, BANK, f"+{NUMBER}", words, Purpose.ANSWER, 7, 1_000.0, 2_000.0, **more)


@dataclass
class StoreNode:
    """One process's part of the store, as far as texts go."""

    name: str
    journal: Journal
    texts: list[Inbound] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    missing: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    received: list[Inbound] = field(default_factory=list)
    dropped: list[Inbound] = field(default_factory=list)
    now: float = 1_700_000_000.0
    inbox: Inbox = field(init=False)
    outbox: Outbox = field(init=False)

    def accept(self, message: Message, operator: str = "main", link: str = LINK) -> asyncio.Future[int]:
        """Bring a message; the future answers what it is acknowledged with."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.inbox.accept(message, link, future.set_result, operator)
        return future

    async def take(self, *messages: Message, operator: str = "main", link: str = LINK) -> None:
        """Bring messages that must be acknowledged."""
        answers = await asyncio.gather(*(self.accept(message, operator, link) for message in messages))
        assert set(answers) <= {Status.ROK}


def node_of(journal: Journal, name: str = "main", **settings: Any) -> StoreNode:
    node = StoreNode(name, journal)
    sealer = Sealer(KEY)
    node.outbox = Outbox(journal, sealer, node.kept.append, node=name, look_s=0.02)
    node.inbox = Inbox(
        journal,
        sealer,
        node.texts.append,
        node=name,
        wall_clock=lambda: node.now,
        on_received=node.received.append,
        on_dropped=node.dropped.append,
        on_missing=lambda *what: node.missing.append(what),
        **settings,
    )
    return node


@asynccontextmanager
async def nodes_on(store: Store, *names: str, **settings: Any) -> AsyncIterator[list[StoreNode]]:
    """Nodes whose journals run; inbox and outbox recover when they are told to."""
    async with AsyncExitStack() as stack:
        nodes = []
        for name in names:
            journal = await stack.enter_async_context(Journal(store.redis).running())
            nodes.append(node_of(journal, name, **settings))
        yield nodes


@asynccontextmanager
async def one_node(folder: Path, **settings: Any) -> AsyncIterator[tuple[StoreNode, Store]]:
    async with open_store(None, folder) as store, nodes_on(store, "main", **settings) as (node,):
        yield node, store


async def until(true: Callable[[], object]) -> None:
    """Let real time pass until it is true: sockets and the store take what they take."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.005)


async def stored_bytes(store: Store) -> bytes:
    """Every key, field and value of the store."""
    found: list[bytes] = []
    async for key in store.redis.scan_iter():
        found += (key, await store.redis.dump(key) or b"")
    return b"\n".join(found)


class Between:
    """A wire to the store that loses requests or answers when it is told to."""

    def __init__(self, store: Store, socket: Path) -> None:
        self._store = store.url.removeprefix("unix://")
        self._socket = socket
        self.lose_answer = self.lose_request = self.swallow_answers = False
        self.requests = 0  # writes of the client
        self.lost = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[aioredis.Redis]:
        """Answer a client whose wire this is."""
        server = await asyncio.start_unix_server(self.serve, self._socket)
        client = aioredis.Redis.from_url(f"unix://{self._socket}", socket_timeout=10)
        async with server:
            try:
                yield client
            finally:
                await client.aclose()
                await self.closed()

    async def closed(self) -> None:
        """End what is still connected."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be the wire of one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        from_store, to_store = await asyncio.open_unix_connection(self._store)
        try:
            async with asyncio.TaskGroup() as group:
                back = group.create_task(self._answers(from_store, writer))
                while data := await reader.read(1 << 20):
                    if data.startswith((b"*2\r\n$6\r\nCLIENT", b"*4\r\n$6\r\nCLIENT", b"*2\r\n$5\r\nHELLO")):
                        to_store.write(data)  # redis-py's own greeting
                        continue
                    self.requests += 1
                    if self.lose_request:
                        self.lose_request = False
                        self.lost.set()
                        break
                    to_store.write(data)
                back.cancel()
        except* ConnectionError:
            pass
        finally:
            to_store.close()
            writer.close()

    async def _answers(self, from_store: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await from_store.read(1 << 20):
            if self.swallow_answers:
                continue
            if self.lose_answer and self.requests:
                self.lose_answer = False
                self.lost.set()
                raise ConnectionResetError
            writer.write(data)
