"""Both stores pass the same tests: the one in memory, and Valkey itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import open_store
from flows.dialogue import Channel, Party
from flows.errors import SessionStoreDown
from flows.session import Session, Waiting
from flows.sessions import RedisSessions, SessionStore
from flows.testing import MemorySessions
from tests.unit.flows.test_session_as_json import BARE, FULL

NUMBER = "+8613900000001"
SEALER = Sealer(b"k" * 32)
VOICE = replace(BARE, id="v1", party=Party(NUMBER))
WAITS = replace(FULL, id="t1")


@pytest.fixture(params=["memory", "valkey"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionStore]:
    if request.param == "memory":
        yield MemorySessions()
        return
    async with open_store(None, tmp_path) as opened:
        yield RedisSessions(opened.redis, SEALER)


async def test_what_is_put_is_answered_and_deleted(store: SessionStore) -> None:
    await store.put(VOICE, 60)
    assert await store.get("v1") == VOICE
    await store.delete(VOICE)
    assert await store.get("v1") is None
    assert await store.get("never") is None


async def test_a_text_that_is_waited_for_is_found_by_its_number(store: SessionStore) -> None:
    await store.put(WAITS, 60)
    assert await store.waiting(NUMBER) == "t1"
    assert await store.waiting("+10000000000") is None
    await store.delete(WAITS)
    assert await store.waiting(NUMBER) is None


async def test_a_call_is_never_found_by_its_number(store: SessionStore) -> None:
    await store.put(VOICE, 60)
    assert await store.waiting(NUMBER) is None


async def test_the_newest_dialogue_that_waits_gets_the_next_text(store: SessionStore) -> None:
    newer = replace(WAITS, id="t2")
    await store.put(WAITS, 60)
    await store.put(newer, 60)
    assert await store.waiting(NUMBER) == "t2"
    await store.delete(WAITS)
    assert await store.waiting(NUMBER) == "t2"


async def test_one_that_ends_at_once_leaves_the_one_that_waits(store: SessionStore) -> None:
    await store.put(WAITS, 60)
    enquiry = replace(WAITS, id="t3", waiting=Waiting.OPERATION)
    await store.put(enquiry, 60)
    await store.delete(enquiry)
    assert await store.waiting(NUMBER) == "t1"


async def test_a_withheld_number_has_no_index(store: SessionStore) -> None:
    await store.put(replace(WAITS, party=Party(None), channel=Channel.SMS), 60)
    await store.delete(replace(WAITS, party=Party(None)))


async def test_a_session_of_another_format_counts_as_gone(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as opened:
        store = RedisSessions(opened.redis, SEALER)
        await store.put(VOICE, 60)
        (key,) = await opened.redis.keys("*:s:v1")
        await opened.redis.set(key, '{"v":99}')
        assert await store.get("v1") is None


async def test_a_stored_session_shows_its_flow_and_version_and_nothing_of_its_party(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as opened:
        store = RedisSessions(opened.redis, SEALER)
        await store.put(WAITS, 60)
        keys = sorted(await opened.redis.keys("*"))
        shown = repr((keys, await opened.redis.mget(keys)))
        assert NUMBER not in shown
        for value in WAITS.variables.values():
            assert not isinstance(value, str) or value not in shown
        kept = await opened.redis.get("tellerline:dialogue:s:t1")
        assert set(json.loads(kept or "")) == {"flow", "ver", "sealed"}
        assert await store.get("t1") == WAITS


async def test_a_session_moved_under_another_id_or_sealed_under_another_key_counts_as_gone(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as opened:
        store = RedisSessions(opened.redis, SEALER)
        await store.put(WAITS, 60)
        await opened.redis.copy("tellerline:dialogue:s:t1", "tellerline:dialogue:s:t2")
        assert await store.get("t2") is None
        assert await RedisSessions(opened.redis, Sealer(b"o" * 32)).get("t1") is None


async def test_sessions_expire(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as opened:
        store = RedisSessions(opened.redis, SEALER)
        await store.put(WAITS, 60)
        for key in await opened.redis.keys("tellerline:dialogue:*"):
            assert 0 < await opened.redis.ttl(key) <= 60


async def test_a_store_that_does_not_answer_is_a_typed_error(tmp_path: Path) -> None:
    client = redis.asyncio.Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0))
    store = RedisSessions(client, SEALER)
    session: Session = WAITS
    for attempt in (store.put(session, 1), store.get("x"), store.delete(session), store.waiting(NUMBER)):
        with pytest.raises(SessionStoreDown):
            await attempt
    await client.aclose()
