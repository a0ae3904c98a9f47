"""AuthSessions in memory, stored as text all the same, so that what does not survive a store fails in a test."""

from __future__ import annotations

import datetime

from core_client.adapters.auth_sessions import decode, encode
from core_client.domain.profile import BankProfile
from core_client.errors import Unavailable
from core_client.ports.auth_sessions import AuthSession
from core_client.ports.clock import Clock


class MemoryAuthSessions:
    """:class:`~core_client.ports.auth_sessions.AuthSessions` in memory. Set ``down`` to have it not answer."""

    def __init__(self, clock: Clock, life: datetime.timedelta = BankProfile().session_life) -> None:  # noqa: B008
        self._clock = clock
        self._life = life
        self._stored: dict[str, tuple[datetime.datetime, str]] = {}
        self.down = False

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("the store of auth sessions did not answer")

    async def put(self, session: AuthSession) -> None:
        """Store a session."""
        self._answer()
        self._stored[session.id] = (self._clock.now() + self._life, encode(session))

    async def get(self, session_id: str) -> AuthSession | None:
        """Answer a session."""
        self._answer()
        until, text = self._stored.get(session_id, (self._clock.now(), ""))
        return decode(text) if until > self._clock.now() else None

    async def delete(self, session_id: str) -> None:
        """Forget a session."""
        self._answer()
        self._stored.pop(session_id, None)
