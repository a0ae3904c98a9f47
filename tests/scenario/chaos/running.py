"""One storm from its first text to its verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import redis.asyncio

from core_client.adapters.sealing import Sealer
from sms.store.places import Places
from sms.testing.fake_smsc import FakeSmsc
from tests.scenario.chaos import bank_line
from tests.scenario.chaos.load import Load, Told
from tests.scenario.chaos.node_process import NodeProcess
from tests.scenario.chaos.store_process import StoreProcess
from tests.scenario.chaos.verdict import Verdict, judged

SETTLE_S = 60.0
LOOK_S = 0.2


class Storm:
    """Load, weather, calm, verdict."""

    def __init__(
        self,
        smsc: FakeSmsc,
        store: StoreProcess,
        nodes: Sequence[NodeProcess],
        sealer: Sealer,
        state: Path,
    ) -> None:
        self._smsc, self._store, self._nodes, self._sealer, self._state = smsc, store, nodes, sealer, state

    async def blow(self, weather: Callable[[], Awaitable[None]]) -> Verdict:
        """Load the nodes while the weather lasts; then let everything come to its end and answer the verdict."""
        figures = bank_line.guests()
        load = Load(self._smsc, self._store.url, self._sealer, list(figures), bank_line.payers())
        try:
            for node in self._nodes:
                if not node.runs:
                    await node.start()
            async with asyncio.TaskGroup() as group:
                running = group.create_task(load.run())
                try:
                    await weather()
                finally:
                    load.stop()
                done, _ = await asyncio.wait([running], timeout=SETTLE_S)
                if not done:
                    raise AssertionError(f"not settled: {load.begun_and_not_done()}\n{self._tails()}")
                told = running.result()
            await self._settled()
            for node in self._nodes:
                if node.runs:
                    assert await node.stop() == 0, node.tail()
        finally:
            for node in self._nodes:
                await node.end()
        return await self._verdict(told)

    async def _verdict(self, told: Told) -> Verdict:
        intents = bank_line.intents(self._state)
        verdict = await judged(self._store.url, self._sealer, self._smsc.log, told, bank_line.guests(), intents)
        for node in self._nodes:
            if node.numbers_in_full():
                verdict.wrong.append(f"{node.name}: {node.numbers_in_full()} numbers in full in its log")
        self._tell(told, verdict)
        return verdict

    def _tell(self, told: Told, verdict: Verdict) -> None:
        deliveries = self._smsc.deliveries
        print(
            f"brought: {len(told.strangers)} strangers, {len(told.asked)} balances, {len(told.payments)} payments,",
            f"{len(told.put)} from outside; deliver_sm acknowledged {deliveries}, submit_sm {self._smsc.submits},",
            f"taken {len(self._smsc.log)}; copies known {sum(n.said('sms.copy_acknowledged') for n in self._nodes)}",
        )
        print("found:", ", ".join(f"{name} {count}" for name, count in sorted(verdict.counts.items()) if count))

    async def _settled(self) -> None:
        """Wait until nothing waits any more: no text in a node, no receipt at the centre."""
        client = redis.asyncio.Redis.from_url(self._store.url)
        async with client:
            try:
                async with asyncio.timeout(SETTLE_S):
                    while await waiting(client) or not self._reported():  # noqa: ASYNC110 - other processes tell nobody
                        await asyncio.sleep(LOOK_S)
            except TimeoutError:
                unreported = sum(not taken.receipts for taken in self._smsc.log)
                raise AssertionError(
                    f"not settled: {await waiting(client)} wait, {unreported} receipts not brought\n{self._tails()}"
                ) from None

    def _reported(self) -> bool:
        return all(taken.receipts for taken in self._smsc.log)

    def _tails(self) -> str:
        return "\n".join(node.tail() for node in self._nodes)


async def waiting(client: Any) -> int:
    """Answer how many texts are in the inboxes and outboxes of all nodes."""
    places = Places()
    names = [name.decode() for name in await client.hkeys(places.nodes)]
    keys = [key for name in names for key in (places.inbox(name), places.outbox(name))]
    return sum([await client.xlen(key) for key in keys])
