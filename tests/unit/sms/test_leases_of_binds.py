"""Leases of binds that may exist once: two nodes on one real store."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NoStore

from core_client.adapters.valkey import Store, open_store
from sms.binds.leases import Lease, Leases
from tests.unit.sms import lease_node

TTL_S, MARGIN_S, RENEW_S, ASK_S = 0.8, 0.2, 0.15, 0.05
BIND = "north/a"


class Cable:
    """The way to the store: whole, cut, or silent."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.cut = False
        self.silent = False
        self.asked = 0

    async def eval(self, *arguments: Any) -> Any:
        self.asked += 1
        if self.cut:
            raise NoStore("cut")
        answer = await self._redis.eval(*arguments)
        if self.silent:
            await asyncio.Event().wait()
        return answer


@dataclass
class Node:
    cable: Cable
    leases: Leases
    changes: list[tuple[bool, float]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    lease: Lease = field(init=False)

    def __post_init__(self) -> None:
        self.lease = self.leases.lease(BIND, self._hear)

    def _hear(self, held: bool) -> None:
        self.changes.append((held, asyncio.get_running_loop().time()))
        self.changed.set()

    async def until(self, held: bool, timeout_s: float = 5.0) -> float:
        """Wait until it holds the bind or does not; answer when that began."""
        async with asyncio.timeout(timeout_s):
            while not self.changes or self.changes[-1][0] is not held:
                self.changed.clear()
                await self.changed.wait()
        return self.changes[-1][1]

    def usable(self) -> bool:
        return asyncio.get_running_loop().time() < self.lease.until


def node(store: Store, name: str) -> Node:
    cable = Cable(store.redis)
    leases = Leases(
        cable,  # type: ignore[arg-type]  # only eval() is used
        name,
        ttl_s=TTL_S,
        margin_s=MARGIN_S,
        renew_s=RENEW_S,
        ask_s=ASK_S,
        answer_s=0.1,
    )
    return Node(cable, leases)


@pytest.fixture
async def store(tmp_path: Any) -> AsyncIterator[Store]:
    async with open_store(None, tmp_path) as opened:
        yield opened


async def asked(one: Node, times: int) -> None:
    """Wait until a node has asked so many times more."""
    end = one.cable.asked + times
    async with asyncio.timeout(5):
        while one.cable.asked < end:  # noqa: ASYNC110 - the cable has no event of its own
            await asyncio.sleep(0.005)


async def test_one_holds_the_other_knows_who_and_asks_politely(store: Store) -> None:
    one, two = node(store, "one"), node(store, "two")
    async with one.leases.running():
        await one.until(True)
        async with two.leases.running():
            await asked(two, 3)
            assert two.changes == []
            assert (two.lease.holder, two.lease.elsewhere) == ("one", "one")
            assert not two.usable()
            assert one.usable()
            before, began = two.cable.asked, asyncio.get_running_loop().time()
            await asked(one, 4)
            assert two.cable.asked - before <= (asyncio.get_running_loop().time() - began) / (ASK_S * 0.75) + 2
    assert [held for held, _ in one.changes] == [True, False]


async def test_one_that_is_given_back_has_a_new_holder_at_once(store: Store) -> None:
    one, two = node(store, "one"), node(store, "two")
    async with one.leases.running():
        await one.until(True)
        async with two.leases.running():
            await asked(two, 1)
            began = asyncio.get_running_loop().time()
            await one.leases.give_back(one.lease)
            left_at = await one.until(False)
            taken_at = await two.until(True)
            assert began <= left_at <= taken_at < began + TTL_S / 2
            assert two.lease.fence == one.lease.fence + 1


@pytest.mark.parametrize("trouble", ["cut", "silent"])
async def test_one_whose_store_stops_answering_leaves_the_bind_before_another_takes_it(
    store: Store, trouble: str
) -> None:
    one, two = node(store, "one"), node(store, "two")
    async with one.leases.running():
        await one.until(True)
        async with two.leases.running():
            await asked(two, 1)
            setattr(one.cable, trouble, True)
            if trouble == "silent":
                # Its renewals still arrive; only their answers do not. It must go by what it knows.
                left_at = await one.until(False)
                one.cable.silent, one.cable.cut = False, True
            else:
                left_at = await one.until(False)
            taken_at = await two.until(True)
            assert left_at + MARGIN_S * 0.5 < taken_at
            assert not one.usable()
            assert two.lease.fence > one.lease.fence
            one.cable.cut = False
            await asked(one, 3)
            assert [held for held, _ in one.changes] == [True, False]
            assert one.lease.holder == "two"


async def test_a_short_trouble_costs_nothing(store: Store) -> None:
    one = node(store, "one")
    async with one.leases.running():
        await one.until(True)
        one.cable.cut = True
        await asked(one, 2)
        one.cable.cut = False
        await asked(one, 4)
        assert [held for held, _ in one.changes] == [True]


async def test_a_wall_clock_that_jumps_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = node(store, "one"), node(store, "two")
    real = time.time
    async with one.leases.running(), two.leases.running():
        first, other = (one, two) if await _either(one, two) else (two, one)
        for jump_s in (86_400.0, -86_400.0):
            monkeypatch.setattr(time, "time", lambda jump_s=jump_s: real() + jump_s)
            await asked(first, 4)
        assert [held for held, _ in first.changes] == [True]
        assert other.changes == []


async def _either(one: Node, two: Node) -> bool:
    async with asyncio.timeout(5):
        while not one.changes and not two.changes:  # noqa: ASYNC110 - two events
            await asyncio.sleep(0.005)
    return bool(one.changes)


async def test_when_the_stores_own_clock_leaps_the_loser_learns_it_at_its_next_renewal(store: Store) -> None:
    one, two = node(store, "one"), node(store, "two")
    async with one.leases.running():
        await one.until(True)
        async with two.leases.running():
            await asked(two, 1)
            fence = one.lease.fence
            # What a leap does: the lease is gone before its time.
            await store.redis.delete(f"tellerline:{{sms}}:lease:{BIND}")
            began = asyncio.get_running_loop().time()
            async with asyncio.timeout(5):
                while len(one.changes) + len(two.changes) < 2:  # noqa: ASYNC110 - either may be first
                    await asyncio.sleep(0.005)
            if two.changes:
                assert await one.until(False) < began + 2 * RENEW_S + 0.1
                assert two.lease.fence > fence, "the fence tells who came later"


async def test_a_restarted_node_waits_for_its_predecessors_lease(store: Store) -> None:
    one, again = node(store, "one"), node(store, "one")
    async with one.leases.running():
        await one.until(True)
        async with again.leases.running():
            await asked(again, 3)
            assert again.changes == [], "the predecessor may still be bound"
            assert (again.lease.holder, again.lease.elsewhere) == ("one", ""), "nobody to give its texts to"


async def test_a_taking_whose_answer_was_lost_is_taken_up(store: Store) -> None:
    one = node(store, "one")
    one.cable.silent = True
    async with one.leases.running():
        await asked(one, 1)
        one.cable.silent = False
        await one.until(True, TTL_S / 2)
        assert one.lease.fence == 1, "it was ours already"


@pytest.mark.looptime
async def test_an_answer_that_took_too_long_is_not_used() -> None:
    class Slow:
        async def eval(self, *_: Any) -> Any:
            await asyncio.sleep(TTL_S)
            return [1, b"7"]

    leases = Leases(
        Slow(),  # type: ignore[arg-type]  # only eval() is used
        "one",
        ttl_s=TTL_S,
        margin_s=MARGIN_S,
        renew_s=RENEW_S,
        answer_s=10.0,
    )
    changes: list[bool] = []
    lease = leases.lease(BIND, changes.append)
    async with leases.running():
        await asyncio.sleep(TTL_S * 1.2)
        assert changes == []
        assert not lease.held


def test_times_that_cannot_be_right_are_refused() -> None:
    with pytest.raises(ValueError, match="renewed before it is left"):
        Leases(None, "one", ttl_s=3.0, margin_s=2.0, renew_s=1.0)  # type: ignore[arg-type]  # not reached


async def test_a_holder_that_was_paused_finds_the_bind_not_usable(store: Store) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        lease_node.__file__,
        store.url,
        str(TTL_S),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stderr is not None
    two = node(store, "two")
    try:
        async with asyncio.timeout(20):
            assert await child.stderr.readline() == b"held\n"
            async with two.leases.running():
                await asked(two, 1)
                assert two.lease.holder == "paused"
                child.send_signal(signal.SIGSTOP)
                await two.until(True)
                child.send_signal(signal.SIGCONT)
                lines = [await child.stderr.readline(), await child.stderr.readline()]
                assert sorted(lines) == [b"left\n", b"woke not usable\n"]
                assert two.usable()
    finally:
        child.kill()
        await child.wait()
