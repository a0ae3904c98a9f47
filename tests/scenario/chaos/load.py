"""What customers and the bank send meanwhile: every text is unlike every other, so that each can be counted."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from core_client.adapters.sealing import Sealer
from sms.messages import Outgoing, Purpose
from sms.sending.queue import put_from_outside
from sms.testing.fake_smsc import FakeSmsc
from tellerline.texts.shelf import Shelf

BANK = "95500"
ACCOUNT = "tellerline"  # who is brought texts: an operator brings its own again, and never another's
# Of those that are put from outside: more of what must not come twice.
PURPOSES = (Purpose.ALERT, Purpose.ALERT, Purpose.CAMPAIGN, Purpose.RESULT)
LONG_EVERY, SHORT_LIVED_EVERY = 5, 11
SHORT_LIFE_S, LONG_LIFE_S = 0.7, 3600.0
AGAIN_S = 0.1


@dataclass(slots=True)
class Told:
    """What was brought to the node and acknowledged by it, or stored for it."""

    strangers: list[str] = field(default_factory=list)  # numbers, each with one text that nobody understands
    asked: list[str] = field(default_factory=list)  # numbers of customers, each of which asked once for its balance
    payments: list[int] = field(default_factory=list)  # unique amounts in minor units
    put: list[Outgoing] = field(default_factory=list)  # from outside


class Load:
    """Brings texts until it is told to stop; then what was begun is brought to its end."""

    def __init__(
        self,
        smsc: FakeSmsc,
        store_url: str,
        sealer: Sealer,
        customers: Sequence[str],
        payers: Sequence[tuple[str, str]],
        every_s: float = 0.08,
    ) -> None:
        """``customers`` ask once each; each of ``payers`` pays the payee beside it again and again."""
        self._smsc, self._sealer, self._customers, self._payers = smsc, sealer, customers, payers
        self._every_s = every_s
        self._url = store_url
        self._stop = asyncio.Event()
        self._begun: set[str] = set()
        self.told = Told()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stop.set()

    async def run(self) -> Told:
        """Bring everything; answer when all that was begun is acknowledged."""
        amounts = itertools.count(100)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_beginning(group, self._strangers()))
            group.create_task(self._keep_beginning(group, self._customers_ask()))
            for number, payee in self._payers:
                group.create_task(self._payer(number, payee, amounts))
            group.create_task(self._bank())
        return self.told

    def begun_and_not_done(self) -> list[str]:
        """Answer what was brought, or is being put, and is not acknowledged."""
        return sorted(self._begun)

    @contextlib.contextmanager
    def _begin(self, what: str) -> Iterator[None]:
        self._begun.add(what)
        yield
        self._begun.discard(what)

    async def _keep_beginning(self, group: asyncio.TaskGroup, texts: Any) -> None:
        for text in texts:
            if self._stop.is_set():
                text.close()
                return
            group.create_task(text)
            await asyncio.sleep(self._every_s)

    def _strangers(self) -> Any:
        return (self._brought(f"+86138{n:08d}", f"what is {n}", self.told.strangers) for n in itertools.count())

    def _customers_ask(self) -> Any:
        return (self._brought(number, "BAL", self.told.asked) for number in self._customers)

    async def _brought(self, number: str, text: str, told: list[str]) -> None:
        with self._begin(f"{text} of {number}"):
            await self._smsc.deliver(number, BANK, text, account=ACCOUNT)
        told.append(number)

    async def _payer(self, number: str, payee: str, amounts: itertools.count[int]) -> None:
        """Bring commands to pay: each only makes an intent, of an amount that no other has."""
        while not self._stop.is_set():
            amount = next(amounts)
            with self._begin(f"payment of {amount}"):
                text = f"SEND {amount // 100}.{amount % 100:02d} {payee}"
                await self._smsc.deliver(number, BANK, text, account=ACCOUNT)
            self.told.payments.append(amount)
            await asyncio.sleep(4 * self._every_s)

    async def _bank(self) -> None:
        """Put texts into the store from outside the node, one after another, each until it is surely there."""
        client = redis.asyncio.Redis.from_url(self._url)
        shelf = Shelf(client, self._sealer, keep_s=86_400)
        async with client:
            for n in itertools.count():
                if self._stop.is_set():
                    return
                outgoing = _text_of_the_bank(n)
                with self._begin(outgoing.id):
                    await self._put(client, shelf, outgoing, by_staff=bool(n % 2))
                self.told.put.append(outgoing)
                await asyncio.sleep(self._every_s)

    async def _put(self, client: redis.asyncio.Redis, shelf: Shelf, outgoing: Outgoing, *, by_staff: bool) -> None:
        while True:
            try:
                putting: Coroutine[Any, Any, object] = (
                    shelf.put([outgoing]) if by_staff else put_from_outside(client, self._sealer, outgoing)
                )
                await putting
            except (RedisError, OSError):
                await asyncio.sleep(AGAIN_S)
            else:
                return


def _text_of_the_bank(n: int) -> Outgoing:
    now = time.time()
    text = f"Notice {n} of the bank"
    if n % LONG_EVERY == 0:
        text += ", in words that take more than one part: " + "all is well. " * 12
    life_s = SHORT_LIFE_S if n % SHORT_LIVED_EVERY == 0 else LONG_LIFE_S
    purpose = PURPOSES[n % len(PURPOSES)]
    return Outgoing(f"notice-{n}", BANK, f"+86137{n:08d}", text, purpose, n & 0xFFFF, now, now + life_s)
