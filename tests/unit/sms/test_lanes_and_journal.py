from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from core_client.adapters.together import Together
from core_client.adapters.valkey import open_store
from sms.lanes import Lanes
from sms.store.journal import MAX_BATCH, Journal, JournalDown

APPEND = "return redis.call('RPUSH', KEYS[1], ARGV[1])"


@pytest.mark.looptime
async def test_one_lane_keeps_its_order_and_lanes_run_at_once() -> None:
    done: list[str] = []

    async def work(item: str) -> None:
        await asyncio.sleep({"a": 3.0, "b": 1.0}[item[0]])
        done.append(item)

    lanes = Lanes(work, 10, "test")
    async with lanes.running():
        for item in ("a1", "b1", "a2", "b2"):
            lanes.put(item[0], item)
        assert await lanes.drain(100) == 0
    assert done == ["b1", "b2", "a1", "a2"]


@pytest.mark.looptime
async def test_no_more_lanes_run_than_may() -> None:
    running = most = 0

    async def work(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1

    lanes = Lanes(work, 3, "test")
    async with lanes.running():
        for number in range(12):
            lanes.put(str(number), number)
        await lanes.drain(100)
    assert most == 3


@pytest.mark.looptime
async def test_a_drain_tells_what_is_left_and_the_end_cancels_it() -> None:
    async def work(_: int) -> None:
        await asyncio.sleep(1000)

    lanes = Lanes(work, 1, "test")
    async with lanes.running():
        lanes.put("a", 1)
        lanes.put("a", 2)
        await asyncio.sleep(0)
        assert await lanes.drain(1.0) == 2


class BrokenClient:
    """A client of the store that fails otherwise than it should, as redis-py's did in a race of its own."""

    @property
    def connection_pool(self) -> object:
        raise AttributeError("'NoneType' object has no attribute 'write'")

    def pipeline(self, *, transaction: bool) -> BrokenClient:
        return self

    def execute_command(self, *_: object) -> None:
        """Queue a command."""

    async def execute(self, *, raise_on_error: bool) -> list[object]:
        raise AttributeError("'NoneType' object has no attribute 'write'")


@pytest.mark.looptime
async def test_a_client_that_fails_in_a_way_of_its_own_leaves_no_change_unanswered() -> None:
    broken = BrokenClient()
    async with Journal(broken).running() as journal:  # type: ignore[arg-type]  # only its pool is used
        for _ in range(2):
            with pytest.raises(JournalDown, match="AttributeError"):
                await asyncio.wait_for(journal.write(APPEND, ("list",), "x"), 60)
    for _ in range(2):
        with pytest.raises(RedisError, match="AttributeError"):
            await asyncio.wait_for(Together(broken).ask("GET", "x"), 60)  # type: ignore[arg-type]  # likewise


@pytest.mark.looptime
async def test_a_lane_whose_work_swallowed_the_stop_begins_no_other() -> None:
    begun: list[int] = []

    async def work(number: int) -> None:
        begun.append(number)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)

    lanes = Lanes(work, 1, "test")
    async with lanes.running():
        lanes.put("a", 1)
        lanes.put("a", 2)
        await asyncio.sleep(0)
    assert begun == [1]


async def test_changes_happen_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        futures = [journal.write(APPEND, ("list",), number) for number in range(3 * MAX_BATCH)]
        assert await asyncio.gather(*futures) == list(range(1, 3 * MAX_BATCH + 1))
        assert await store.redis.lrange("list", 0, -1) == [b"%d" % number for number in range(3 * MAX_BATCH)]


async def test_what_is_queued_at_the_end_is_still_carried_out(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        async with Journal(store.redis).running() as journal:
            future = journal.write(APPEND, ("list",), "last")
        assert await future == 1
        with pytest.raises(JournalDown):
            await journal.write(APPEND, ("list",), "too late")


async def test_one_change_that_fails_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        heard = asyncio.Event()
        journal.on_trouble.append(heard.set)
        good, bad, after = (
            journal.write(APPEND, ("list",), "x"),
            journal.write("return redis.call('INCR', KEYS[1])", ("list",)),
            journal.write(APPEND, ("list",), "y"),
        )
        assert await good == 1
        with pytest.raises(JournalDown):
            await bad
        assert await after == 2
        assert heard.is_set()


async def test_a_store_that_went_is_told_for_every_change(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        await journal.write(APPEND, ("list",), "x")
        with contextlib.suppress(RedisError):
            await store.redis.shutdown(nosave=True)
        futures = [journal.write(APPEND, ("list",), "y"), journal.write(APPEND, ("list",), "z")]
        assert all(isinstance(one, JournalDown) for one in await asyncio.gather(*futures, return_exceptions=True))
