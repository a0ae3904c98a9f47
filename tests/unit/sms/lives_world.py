"""Lives of texts over a real store, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core_client.adapters.sealing import KEY_BYTES, Sealer
from core_client.adapters.valkey import Store, open_store
from sms.messages import Change, Outgoing, Purpose, State
from sms.operators import Operator, ReceiptIds
from sms.store.heard import Outcome, Receipt
from sms.store.journal import Journal
from sms.store.lives import BEGIN_LIFE, Lives

KEY = bytes(range(KEY_BYTES))
NUMBER = "+8613900000001"
OTHER = "+8613900000002"
OPERATOR = Operator("alpha", (), receipts=True)
BEGIN = BEGIN_LIFE + "begin_life(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]) return 1"


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def operator(ids: ReceiptIds = ReceiptIds.AUTO, name: str = "alpha") -> Operator:
    return replace(OPERATOR, name=name, receipt_ids=ids)


def outgoing(id_: str = "t1", number: str = NUMBER, **more: Any) -> Outgoing:
    more.setdefault("purpose", Purpose.ALERT)
    return Outgoing(
        id_, "95500", number, "SECRET WORDS 271828", reference=7, at=1_800_000_000.0, expires_at=2e9, **more
    )


def receipt(id_: str, word: str = "DELIVRD", state: State = State.DELIVERED, **more: Any) -> Receipt:
    return Receipt(id_, word, more.pop("error", "000"), state, **more)


@dataclass
class LivesWorld:
    """What a test may look into."""

    store: Store
    journal: Journal
    lives: Lives
    clock: Clock
    outcomes: list[Outcome] = field(default_factory=list)

    async def begin(self, *texts: Outgoing) -> None:
        for text in texts:
            first = self.lives.first_line(text)
            await self.journal.write(BEGIN, first.keys, *first.arguments)

    async def sent(self, text: Outgoing, part: int = 1, of: int = 1) -> None:
        await self.lives.note(text.id, Change(self.clock(), State.SENT, part, "alpha/1"), of)

    async def accepted(
        self, text: Outgoing, remote_id: str, part: int = 1, of: int = 1, by: Operator = OPERATOR
    ) -> Any:
        return await self.lives.accepted(text, part, of, by, f"{by.name}/1", remote_id, self.clock())

    async def heard(self, what: Receipt, number: str = NUMBER, by: Operator = OPERATOR, **more: Any) -> Outcome:
        return await self.lives.receipt(by, what, (number.removeprefix("+"), "95500"), f"{by.name}/1", **more)

    async def state(self, id_: str = "t1") -> State | None:
        life = await self.lives.life(id_)
        return None if life is None else life.state

    async def everything(self) -> bytes:
        """All keys and values of the store."""
        return b"\n".join([raw async for raw in _everything(self.store.redis)])


async def _everything(redis: Any) -> AsyncIterator[bytes]:
    for key in await redis.keys("*"):
        yield key
        kind = await redis.type(key)
        if kind == b"list":
            found = await redis.lrange(key, 0, -1)
        elif kind == b"zset":
            found = await redis.zrange(key, 0, -1)
        elif kind == b"hash":
            found = [raw for pair in (await redis.hgetall(key)).items() for raw in pair]
        elif kind == b"stream":
            found = [raw for _, fields in await redis.xrange(key) for pair in fields.items() for raw in pair]
        elif kind == b"set":
            found = list(await redis.smembers(key))
        else:
            found = [await redis.get(key) or b""]
        for raw in found:
            yield raw


def make_lives(journal: Journal, clock: Clock, **more: Any) -> Lives:
    return Lives(journal, Sealer(KEY), "test", wall_clock=clock, **more)


@asynccontextmanager
async def lives_world(state_dir: Path, **more: Any) -> AsyncIterator[LivesWorld]:
    clock = Clock()
    async with open_store(None, state_dir) as store, Journal(store.redis).running() as journal:
        world = LivesWorld(store, journal, make_lives(journal, clock, **more), clock)
        world.lives.on_outcome.append(world.outcomes.append)
        yield world
