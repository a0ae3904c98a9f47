"""The AuthSessions' contract, in memory and in Valkey."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core_client.adapters.auth_sessions import RedisAuthSessions
from core_client.adapters.sealing import KEY_BYTES, Sealer
from core_client.adapters.valkey import open_store
from core_client.errors import Unavailable
from core_client.ports.auth_sessions import AuthSession, AuthSessions
from core_client.testing.auth_sessions import MemoryAuthSessions
from core_client.testing.clock import DEFAULT_START, ManualClock

HOUR = datetime.timedelta(hours=1)
SEALER = Sealer(bytes(KEY_BYTES))


@pytest.fixture(params=["memory", "valkey"])
async def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AuthSessions]:
    if request.param == "memory":
        yield MemoryAuthSessions(ManualClock(), HOUR)
        return
    async with open_store(None, tmp_path) as store:
        yield RedisAuthSessions(store.redis, HOUR, SEALER)


def session(name: str = "s", **changes: object) -> AuthSession:
    fields = {"identified": True, "customer_id": 7, "subject": "ab", "language": "zh", **changes}
    return AuthSession(name, "voice", "party", **fields)  # type: ignore[arg-type] # fields by name


async def test_a_session_comes_back_as_it_was_put(sessions: AuthSessions) -> None:
    one = session(pin_at=DEFAULT_START, code_intent="i", code_at=DEFAULT_START)
    await sessions.put(one)
    await sessions.put(session("other"))
    assert await sessions.get("s") == one


async def test_the_last_put_counts(sessions: AuthSessions) -> None:
    await sessions.put(session())
    await sessions.put(session(language="en"))
    found = await sessions.get("s")
    assert found is not None
    assert found.language == "en"


async def test_a_deleted_or_unknown_session_is_none(sessions: AuthSessions) -> None:
    await sessions.put(session())
    await sessions.delete("s")
    await sessions.delete("never was")
    assert await sessions.get("s") is None


async def test_a_session_in_memory_ends_with_its_life() -> None:
    clock = ManualClock()
    sessions = MemoryAuthSessions(clock, HOUR)
    await sessions.put(session())
    clock.advance(3600)
    assert await sessions.get("s") is None


async def test_valkey_is_told_to_forget_a_session_after_its_life(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        await RedisAuthSessions(store.redis, HOUR, SEALER).put(session())
        assert 3590 < await store.redis.ttl("auth:s") <= 3600


async def test_whose_number_it_is_stands_nowhere_in_the_store(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        sessions = RedisAuthSessions(store.redis, HOUR, SEALER)
        await sessions.put(session(line="+8613900000001"))
        kept = await store.redis.get("auth:s")
        assert isinstance(kept, bytes)
        assert b"13900000001" not in kept
        assert b"voice" not in kept
        await store.redis.set("auth:other", kept)
        assert await sessions.get("other") is None, "it is sealed to its own id"


async def test_what_another_version_stored_is_no_session(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        for text in ("[1]", "{}", "not json"):
            await store.redis.set("auth:s", text)
            assert await RedisAuthSessions(store.redis, HOUR, SEALER).get("s") is None


async def test_a_store_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    redis = Redis(unix_socket_path=str(tmp_path / "nobody.sock"), retry=Retry(NoBackoff(), 0))
    sessions = RedisAuthSessions(redis, HOUR, SEALER)
    for work in (sessions.put(session()), sessions.get("s"), sessions.delete("s")):
        with pytest.raises(Unavailable):
            await work
    await redis.aclose()
