"""What breaks, when: one seed, one sequence of faults."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from sms.smpp import Status
from sms.testing.fake_smsc import FakeSmsc
from tests.scenario.chaos.node_process import NodeProcess
from tests.scenario.chaos.store_process import StoreProcess

Fault = Callable[[], Awaitable[None]]


class Weather:
    """Breaks one thing after another, and mends each before the next."""

    def __init__(self, seed: int, smsc: FakeSmsc, store: StoreProcess, nodes: Sequence[NodeProcess]) -> None:
        self._chance = random.Random(seed)
        self._smsc, self._store, self._nodes = smsc, store, nodes
        self.counts: Counter[str] = Counter()
        self._kinds: tuple[tuple[Fault, int], ...] = (
            (self._links_cut, 2),
            (self._acknowledgement_lost, 2),
            (self._answers_lost, 1),
            (self._submits_lost, 1),
            (self._taken_and_cut, 2),
            (self._cut_and_not_taken, 1),
            (self._throttled, 1),
            (self._slow, 1),
            (self._centre_restarts, 1),
            (self._store_restarts, 1),
            (self._store_stalls, 1),
            (self._node_killed, 1),
            (self._node_killed_after_the_store, 1),
        )

    async def blow(self, seconds: float) -> None:
        """Break things for ``seconds``, and each kind once at least; then everything is whole again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        bag: list[Fault] = []
        while loop.time() < until or len(self.counts) < len(self._kinds):
            if not bag:  # each kind comes in every round: no seed is a mild one
                bag = [kind for kind, weight in self._kinds for _ in range(weight)]
                self._chance.shuffle(bag)
            fault = bag.pop()
            self.counts[fault.__name__.lstrip("_")] += 1
            await fault()
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))
        behaviour = self._smsc.behaviour
        behaviour.swallow = behaviour.lose = behaviour.drop_at_answer = behaviour.drop_at_submit = 0
        behaviour.drop_instead_of_reading_ack = False

    async def _links_cut(self) -> None:
        self._smsc.drop_links()

    async def _acknowledgement_lost(self) -> None:
        self._smsc.behaviour.drop_instead_of_reading_ack = True

    async def _answers_lost(self) -> None:
        self._smsc.behaviour.swallow = self._chance.randint(1, 5)

    async def _submits_lost(self) -> None:
        self._smsc.behaviour.lose = self._chance.randint(1, 5)

    async def _taken_and_cut(self) -> None:
        self._smsc.behaviour.drop_at_answer = self._chance.randint(1, 8)

    async def _cut_and_not_taken(self) -> None:
        self._smsc.behaviour.drop_at_submit = self._chance.randint(1, 8)

    async def _throttled(self) -> None:
        behaviour = self._smsc.behaviour
        behaviour.throttle_status = self._chance.choice((Status.RTHROTTLED, Status.RMSGQFUL))
        behaviour.throttle_every = self._chance.choice((1, 2, 5))
        await asyncio.sleep(self._chance.uniform(0.1, 0.5))
        behaviour.throttle_every = 0

    async def _slow(self) -> None:
        self._smsc.behaviour.answer_delay_s = self._chance.uniform(0.02, 0.3)
        await asyncio.sleep(self._chance.uniform(0.2, 0.6))
        self._smsc.behaviour.answer_delay_s = 0.0

    async def _centre_restarts(self) -> None:
        await self._smsc.restart(self._chance.uniform(0.1, 0.8))

    async def _store_restarts(self) -> None:
        await self._store.kill()
        await asyncio.sleep(self._chance.uniform(0.05, 0.8))
        await self._store.start()

    async def _store_stalls(self) -> None:
        await self._store.stall(self._chance.uniform(0.1, 0.8))

    async def _node_killed(self) -> None:
        node = self._chance.choice(self._nodes)
        await node.kill()
        await asyncio.sleep(self._chance.uniform(0.0, 0.3))
        await node.start()

    async def _node_killed_after_the_store(self) -> None:
        """What the node wrote again after the store came back, and what it had not yet, differs from time to time."""
        node = self._chance.choice(self._nodes)
        await self._store.kill()
        await asyncio.sleep(self._chance.uniform(0.05, 0.3))
        await self._store.start()
        await asyncio.sleep(self._chance.uniform(0.0, 1.0))
        await node.kill()
        await node.start()
