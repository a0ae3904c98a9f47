"""Commands asked at the same time go to the store in one round trip, in order, and each hears its own answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError, ResponseError

from core_client.adapters.together import MAX_COMMANDS, Together, raise_if_cancelled
from core_client.adapters.valkey import Store, open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(None, tmp_path) as opened:
        yield opened


class Counting:
    """Counts the round trips of a real client."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self.trips = 0

    def pipeline(self, *, transaction: bool) -> Any:
        self.trips += 1
        return self._redis.pipeline(transaction=transaction)


async def test_what_is_asked_at_once_takes_one_round_trip_and_each_hears_its_own_answer(store: Store) -> None:
    counting = Counting(store.redis)
    together = Together(counting)  # type: ignore[arg-type]  # only pipeline() is used
    await asyncio.gather(*(together.ask("SET", f"k{n}", n) for n in range(100)))
    assert counting.trips == 1
    answers = await asyncio.gather(*(together.ask("GET", f"k{n}") for n in range(100)))
    assert answers == [str(n).encode() for n in range(100)]
    assert counting.trips == 2


async def test_no_round_trip_carries_more_than_its_share_and_the_order_is_kept(store: Store) -> None:
    counting = Counting(store.redis)
    together = Together(counting)  # type: ignore[arg-type]  # only pipeline() is used
    await asyncio.gather(*(together.ask("RPUSH", "list", n) for n in range(MAX_COMMANDS + 1)))
    assert counting.trips == 2
    assert await together.ask("LRANGE", "list", 0, -1) == [str(n).encode() for n in range(MAX_COMMANDS + 1)]


async def test_a_refused_command_takes_no_other_along(store: Store) -> None:
    together = Together(store.redis)
    good, bad = together.ask("SET", "k", "v"), together.ask("LPOP", "k")
    assert await good in (True, b"OK")
    with pytest.raises(ResponseError):
        await bad


async def test_who_asks_while_the_others_wait_is_not_forgotten_and_who_leaves_disturbs_nobody(store: Store) -> None:
    together = Together(store.redis)
    left, stays = together.ask("SET", "a", 1), together.ask("GET", "a")
    left.cancel()
    await asyncio.sleep(0)
    later = together.ask("GET", "a")
    assert await stays == b"1"
    assert await later == b"1"


async def test_a_store_that_is_gone_is_told_to_everybody(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as opened:
        together = Together(opened.redis)
        await together.ask("SET", "k", 1)
    for answer in (together.ask("GET", "k"), together.ask("GET", "k")):
        with pytest.raises((RedisError, OSError)):
            await answer


async def test_a_loop_whose_cancellation_was_swallowed_ends_at_its_next_round() -> None:
    rounds = 0

    async def loop() -> None:
        nonlocal rounds
        while True:
            raise_if_cancelled()
            rounds += 1
            with contextlib.suppress(asyncio.CancelledError):  # as redis-py does, at a bad moment
                await asyncio.sleep(3600)

    task = asyncio.create_task(loop(), name="loop")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,), timeout=5)
    assert task.cancelled()
    assert rounds == 1
