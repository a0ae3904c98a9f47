"""What staff put into the store beside running nodes: texts to send, their bodies for a second time, and orders.

A text's body leaves the outbox when the operator has it. What may have to be sent again is kept sealed on a shelf for
as long as its life is. Key layout, under the one hash tag of the channel::

    {prefix}:{sms}:body:{id}          string: the sealed body
    {prefix}:{sms}:bodies             sorted set: ids of these, by when they were made
    {prefix}:{sms}:campaign:{name}    set: fingerprints of the numbers that have been texted under that name
    {prefix}:{sms}:orders             hash: id of a text -> what staff ordered: hold, or give up
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from core_client.adapters.sealing import Sealer, SealError
from sms.messages import Change, Outgoing, State
from sms.sending.bodies import UnreadableBody, pack, unpack
from sms.sending.queue import GIVE, KEEP_BODY, OUTSIDE
from sms.store.lifelines import line_of
from sms.store.lives import Names
from sms.store.places import NOBODY, Places

CAMPAIGN_KEEP_S = 400 * 86_400  # who was texted under a name is known for so long
MAX_ORDERS = 10_000
BATCH = 200  # texts in one round trip
PAGE = 500
ANSWER_S = 20.0

# KEYS and the first eight ARGV: as those of OUTSIDE. Then: at, campaign or nothing, fingerprint, how long that is kept.
# Answers nothing where the campaign has texted the number before.
PUT = (
    KEEP_BODY
    + """
if ARGV[10] ~= '' then
  local name = ARGV[1] .. 'campaign:' .. ARGV[10]
  if redis.call('SADD', name, ARGV[11]) == 0 then return false end
  redis.call('EXPIRE', name, ARGV[12])
end
keep_body(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[9]), tonumber(ARGV[7]))
"""
    + OUTSIDE
)
# KEYS: nodes. ARGV: base, id, sealed, lines of the life as they were looked at, line to add, keep, at, node for want of
# any. Answers the node, or nothing when something happened to the text meanwhile.
AGAIN = (
    KEEP_BODY
    + GIVE
    + """
local base, id = ARGV[1], ARGV[2]
local life = base .. 'life:' .. id
if redis.call('LLEN', life) ~= tonumber(ARGV[4]) then return false end
local node = living_node(KEYS[1], base, ARGV[8])
redis.call('RPUSH', life, ARGV[5])
redis.call('EXPIRE', life, ARGV[6])
give(base, node, id, ARGV[3])
redis.call('HDEL', base .. 'orders', id)
keep_body(base, id, ARGV[3], tonumber(ARGV[7]), tonumber(ARGV[6]))
return node
"""
)
# KEYS: orders. ARGV: id, order, most.
ORDER = """
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""


class What(StrEnum):
    """What may be ordered of a text that waits."""

    HOLD = "hold"  # until it is released
    GIVE_UP = "give_up"  # never send it


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody ordered of a text."""

    what: What
    by: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A text in a node's outbox. ``outgoing`` None: sealed under another key, or of another release."""

    node: str
    id: str
    outgoing: Outgoing | None


class Shelf:
    """Reads and writes all that. Safe beside running nodes, and without any."""

    def __init__(self, redis: Redis, sealer: Sealer, *, keep_s: float, prefix: str = "tellerline") -> None:
        self._redis: Any = redis  # typed for every mode of the client; this one answers bytes
        self._sealer = sealer
        self._names = Names(sealer, prefix, keep_s)
        self._places = Places(prefix)
        self._orders = f"{self._places.base}orders"

    # --- sending ---

    async def put(self, outgoings: Sequence[Outgoing], campaign: str = "") -> list[str | None]:
        """Store texts for a node that runs, else for the next one that starts; answer the node of each.

        None where ``campaign`` texted the number before: nothing is stored then, however often it is done again.
        """
        answers: list[str | None] = []
        for begin in range(0, len(outgoings), BATCH):
            pipeline = self._redis.pipeline(transaction=False)
            for outgoing in outgoings[begin : begin + BATCH]:
                pipeline.eval(PUT, 1, self._places.nodes, *self._put(outgoing, campaign))
            async with asyncio.timeout(ANSWER_S):
                answers += [answer.decode() if answer else None for answer in await pipeline.execute()]
        return answers

    def _put(self, outgoing: Outgoing, campaign: str) -> tuple[str | bytes | int | float, ...]:
        (life, of), (_, line, keep) = self._names.first_line(outgoing)
        sealed = self._seal(outgoing)
        whose = self._sealer.fingerprint(outgoing.destination.encode(), b"campaign").hex() if campaign else ""
        places = (self._places.base, outgoing.id, sealed, life, of, line, keep, NOBODY)
        return (*places, f"{outgoing.at:.3f}", campaign, whose, CAMPAIGN_KEEP_S)

    async def texted(self, campaign: str) -> int:
        """Answer how many numbers a campaign has texted."""
        return int(await self._redis.scard(f"{self._places.base}campaign:{campaign}"))

    async def has_texted(self, campaign: str, numbers: Sequence[str]) -> list[bool]:
        """Answer for each number whether the campaign has texted it."""
        answers: list[bool] = []
        for begin in range(0, len(numbers), PAGE):
            pipeline = self._redis.pipeline(transaction=False)
            for number in numbers[begin : begin + PAGE]:
                whose = self._sealer.fingerprint(number.encode(), b"campaign").hex()
                pipeline.sismember(f"{self._places.base}campaign:{campaign}", whose)
            answers += [bool(answer) for answer in await pipeline.execute()]
        return answers

    # --- sending again ---

    async def body(self, id_: str) -> Outgoing | None:
        """Answer a text whose body is kept, or None."""
        sealed = await self._redis.get(f"{self._places.base}body:{id_}")
        return self._open(id_, sealed) if sealed else None

    async def bodies(self, since: float) -> list[str]:
        """Answer the ids of the texts whose bodies are kept and that were made since then, oldest first."""
        ids = await self._redis.zrange(f"{self._places.base}bodies", f"{since:.3f}", "+inf", byscore=True)
        return [raw.decode() for raw in ids]

    async def lines(self, id_: str) -> int:
        """Answer how many lines a text's life has: given back to :meth:`again`, they tell that nothing happened."""
        return int(await self._redis.llen(self._names.life_prefix + id_))

    async def again(self, outgoing: Outgoing, lines: int, by: str, at: float, expires_at: float) -> str | None:
        """Have a text sent once more and answer the node; None when something happened to it since it was looked at.

        Its life goes on under the same id, and parts that an operator has are not sent again.
        """
        anew = replace(outgoing, at=at, expires_at=expires_at, not_before=0.0)
        line = line_of(Change(at, State.QUEUED, detail=f"again, by {by}"))
        arguments = (
            *(self._places.base, outgoing.id, self._seal(anew), lines, line, self._names.keep_s, f"{at:.3f}", NOBODY),
        )
        async with asyncio.timeout(ANSWER_S):
            answer = await self._redis.eval(AGAIN, 1, self._places.nodes, *arguments)
        return answer.decode() if answer else None

    # --- what waits ---

    async def waiting(self) -> AsyncIterator[Entry]:
        """Answer what is in the outboxes of all nodes, node by node, oldest first."""
        known = await self._redis.hkeys(self._places.nodes)
        for node in sorted({name.decode() for name in known} | {NOBODY}):
            start = "-"
            while True:
                page = await self._redis.xrange(self._places.outbox(node), start, "+", count=PAGE)
                for entry, fields in page:
                    start = f"({entry.decode()}"
                    for name, sealed in fields.items():
                        yield Entry(node, name.decode(), self._open(name.decode(), sealed))
                if len(page) < PAGE:
                    break

    # --- orders ---

    async def order(self, id_: str, what: What, by: str) -> bool:
        """Order something of a text that waits; False where there are too many orders already."""
        said = json.dumps({"what": what.value, "by": by})
        return bool(await self._eval(ORDER, (self._orders,), id_, said, MAX_ORDERS))

    async def withdraw(self, id_: str) -> bool:
        """Take an order back; answer whether there was one."""
        return bool(await self._redis.hdel(self._orders, id_))

    async def orders(self) -> Mapping[str, Order]:
        """Answer every order, by the text's id."""
        found = {}
        for id_, said in (await self._redis.hgetall(self._orders)).items():
            told = json.loads(said)
            found[id_.decode()] = Order(What(told["what"]), str(told["by"]))
        return found

    # --- sealing ---

    def _seal(self, outgoing: Outgoing) -> bytes:
        return self._sealer.seal(pack(outgoing), outgoing.id.encode())

    def _open(self, id_: str, sealed: bytes) -> Outgoing | None:
        try:
            return unpack(id_, self._sealer.open(sealed, id_.encode()))
        except (SealError, UnreadableBody):
            return None

    async def _eval(self, script: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        async with asyncio.timeout(ANSWER_S):
            return await self._redis.eval(script, len(keys), *keys, *arguments)
