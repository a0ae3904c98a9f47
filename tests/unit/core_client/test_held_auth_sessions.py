from __future__ import annotations

import dataclasses
import datetime

import pytest

from core_client.adapters.clock import SystemClock
from core_client.errors import Unavailable
from core_client.ports.auth_sessions import AuthSession
from core_client.services import held_sessions
from core_client.services.held_sessions import HeldAuthSessions
from core_client.testing.auth_sessions import MemoryAuthSessions


def session(name: str = "a1") -> AuthSession:
    return AuthSession(name, "sms", "party", True, 7, "subject", "en", line="+8613900000001")


async def test_a_session_that_is_only_held_is_in_no_store() -> None:
    store = MemoryAuthSessions(SystemClock())
    held = HeldAuthSessions(store)
    held.hold(session())
    assert await held.get("a1") == session()
    assert await store.get("a1") is None
    held.let_go("a1")
    assert await held.get("a1") is None


async def test_what_is_kept_is_stored_once_and_outlives_its_text() -> None:
    store = MemoryAuthSessions(SystemClock())
    held = HeldAuthSessions(store)
    held.hold(session())
    await held.keep("a1")
    held.let_go("a1")
    assert await HeldAuthSessions(store).get("a1") == session(), "another node finds it"
    assert len(held) == 0


async def test_a_proof_is_stored_though_its_session_was_only_held() -> None:
    store = MemoryAuthSessions(SystemClock())
    held = HeldAuthSessions(store)
    held.hold(session())
    proved = dataclasses.replace(session(), pin_at=datetime.datetime.now(datetime.UTC))
    await held.put(proved)
    assert await store.get("a1") == await held.get("a1") == proved


async def test_a_store_that_does_not_answer_leaves_the_session_held() -> None:
    store = MemoryAuthSessions(SystemClock())
    held = HeldAuthSessions(store)
    held.hold(session())
    store.down = True
    with pytest.raises(Unavailable):
        await held.keep("a1")
    assert await held.get("a1") == session()
    await held.delete("a1")
    assert len(held) == 0


async def test_of_too_many_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_sessions, "MAX_HELD", 2)
    held = HeldAuthSessions(MemoryAuthSessions(SystemClock()))
    for name in ("a1", "a2", "a3"):
        held.hold(session(name))
    assert await held.get("a1") is None
    assert await held.get("a3") is not None
