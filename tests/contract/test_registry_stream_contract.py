"""Two nodes, one registry: caches that the change-log feeds, and what is obeyed although the stream is cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core_client.adapters.registry_stream import STREAM, Follower, Relay
from core_client.adapters.sql.database import sqlite_url
from core_client.adapters.valkey import open_store
from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Customer
from core_client.domain.money import Money
from core_client.domain.registry_changes import Bar
from core_client.services.call import OperationResult
from core_client.testing.world import World, world

WANG = "+8613900000001"


def _nowhere() -> Redis:
    return Redis(unix_socket_path="/nonexistent/socket", retry=Retry(NoBackoff(), 0))


async def _stream(redis: Redis) -> list[Any]:
    entries: Any = await redis.xrange(STREAM)
    return list(entries)


@dataclass(frozen=True)
class Two:
    """Two nodes on one database and one stream; the second follows."""

    one: World
    other: World
    relay: Relay
    follower: Follower

    async def catch_up(self) -> None:
        await self.relay.once()
        await self.follower.once(block_ms=1)

    async def wang(self, node: World | None = None) -> Customer:
        registry = (node or self.other).bank.ports.registry
        found = await registry.customer_by_line(WANG)
        assert found is not None
        known = await registry.customer(found.id)
        assert known is not None
        return known

    async def rename(self, name: str) -> None:
        await self.one.bank.records.change(await self.wang(self.one), "anna", name=name)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(None, tmp_path))
        one = await stack.enter_async_context(world(folder=tmp_path))
        other = await stack.enter_async_context(world(database_url=sqlite_url(tmp_path / "bank.db")))
        relay = Relay(store.redis, one.bank.records, one.bank.ports.randomness)
        yield Two(one, other, relay, Follower(store.redis, other.bank.cache, other.bank.records))


async def test_a_cache_that_nobody_feeds_is_never_believed(two: Two) -> None:
    await two.wang()
    await two.rename("New Name")
    assert (await two.wang()).name == "New Name"
    assert len(two.other.bank.cache) == 0


async def test_a_change_reaches_the_other_nodes_cache_by_the_stream(two: Two) -> None:
    await two.catch_up()
    before = await two.wang()
    assert await two.wang() is before  # remembered, not read
    await two.rename("New Name")
    await two.catch_up()
    assert (await two.wang()).name == "New Name"


async def test_a_relay_that_died_makes_nothing_stale(two: Two) -> None:
    await two.catch_up()
    await two.wang()
    await two.rename("New Name")
    await two.follower.once(block_ms=1)  # nobody relays
    assert (await two.wang()).name == "New Name"


async def test_two_relays_at_once_send_each_change_once_in_order(two: Two) -> None:
    await two.catch_up()
    for n in range(7):
        await two.rename(f"Name {n}")
    redis = two.relay._redis
    await redis.delete("registry:relay")  # the lease is lost in the middle: both believe that it is theirs
    second = Relay(redis, two.other.bank.records, two.other.bank.ports.randomness)
    last = await second._last()
    for change in await two.one.bank.records.changes(last):
        for relay in (two.relay, second):
            await relay._add(change.seq, change.kind.value, change.customer_id)
    ids = [int(entry.split(b"-")[0]) for entry, _ in await _stream(redis)]
    assert ids == list(range(ids[0], await two.one.bank.records.head() + 1))


async def test_only_one_node_has_the_lease(two: Two) -> None:
    await two.relay.once()
    await two.rename("New Name")
    second = Relay(two.relay._redis, two.other.bank.records, two.other.bank.ports.randomness)
    assert await second.once() == 0
    assert await two.relay.once() == 1


async def test_a_gap_in_the_stream_begins_the_cache_anew(two: Two) -> None:
    await two.catch_up()
    before = await two.wang()
    await two.rename("Second")
    await two.rename("Third")
    await two.relay.once()
    entries = await _stream(two.relay._redis)
    await two.relay._redis.xdel(STREAM, entries[-2][0])
    await two.follower.once(block_ms=1)
    assert two.other.bank.cache.at is None
    assert (await two.wang()).name == "Third" != before.name
    await two.follower.once(block_ms=1)
    assert two.other.bank.cache.is_fresh


async def test_a_database_that_was_put_back_begins_the_cache_anew(two: Two) -> None:
    await two.catch_up()
    await two.wang()
    two.other.bank.cache.changed(10**6, None)  # as if numbers had been seen that the database has not
    await two.follower.once(block_ms=1)
    assert not two.other.bank.cache.is_fresh


async def test_what_is_read_before_a_change_is_not_kept_after_it(two: Two) -> None:
    await two.catch_up()
    old = await two.wang(two.one)
    head = await two.one.bank.records.head()
    await two.rename("New Name")
    await two.catch_up()
    two.other.bank.cache.put(old, head)  # a slow reader comes with an older snapshot
    assert (await two.wang()).name == "New Name"


async def test_with_the_stream_cut_every_lock_bar_and_block_is_obeyed_from_its_commit(two: Two) -> None:
    await two.catch_up()
    wang, session = await two.wang(), await two.other.authenticated()
    desk = two.one.bank.records

    async def prepared() -> OperationResult:
        return await two.other.perform(session, "transfers.prepare", payee="1", amount=Money(100, "CNY"))

    assert (await prepared()).outcome == "ok"
    two.follower._redis = _nowhere()  # cut: from here on there is only SQL
    following = asyncio.create_task(two.follower.run())

    blocked_by = await two.one.authenticated()
    card = (await two.one.bank.ports.registry.cards(wang.id))[0].last4
    assert (await two.one.perform(blocked_by, "cards.block", last4=card)).outcome == "ok"
    assert (await two.other.bank.ports.registry.cards(wang.id))[0].state == "blocked"

    await desk.set_bar(wang, Bar("*", "transfers"), True, "anna")
    barred = await prepared()
    assert (barred.outcome, barred.reason) == ("refused", "not_permitted")
    await desk.set_bar(wang, Bar("*", "transfers"), False, "anna")
    assert (await prepared()).outcome == "ok"

    audit = AuditRecord(two.one.clock.now(), "test", "customer.frozen", f"customer:{wang.id}")
    await two.one.bank.ports.freezes.freeze(wang.id, None, "1234567890", two.one.clock.now(), audit)
    frozen = await prepared()
    assert frozen.outcome == "refused"

    await desk.set_line(wang, WANG, False, "anna")
    assert (await two.other.perform(session, "accounts.list")).outcome == "unauthenticated"
    await desk.set_line(wang, WANG, True, "anna")
    assert (await two.other.perform(session, "accounts.list")).outcome == "ok"

    for _ in range(two.one.bank.ports.profile.attempts.limit):
        arrival = await two.one.core.arrive("voice", WANG)
        await two.one.perform(arrival.auth_session_id, "auth.verify_pin", pin="000000")
        two.one.clock.advance(7200)
    assert (await two.other.perform(session, "accounts.list")).outcome == "unauthenticated"
    await desk.change(wang, "anna", name="New Name")
    assert (await two.wang()).name == "New Name"  # and what may be late is read while nobody can say how late
    assert not two.other.bank.cache.is_fresh
    following.cancel()
