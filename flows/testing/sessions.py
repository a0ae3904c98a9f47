"""A session store in memory that keeps JSON, as the real one does: what does not serialise fails here too."""

from __future__ import annotations

from collections.abc import Callable

from flows.errors import SessionError
from flows.session import Session


class MemorySessions:
    """Passes the same tests as :class:`flows.sessions.RedisSessions`."""

    def __init__(self, monotonic: Callable[[], float] = lambda: 0.0) -> None:
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, str]] = {}
        self._waiting: dict[str, tuple[float, str]] = {}
        self.puts = 0

    def dump(self) -> str:
        """Answer all that is kept, for a search for secrets."""
        return "\n".join(text for _, text in self._kept.values())

    async def put(self, session: Session, ttl_s: int) -> None:
        """See :class:`flows.sessions.SessionStore`."""
        self.puts += 1
        until = self._monotonic() + ttl_s
        self._kept[session.id] = (until, session.to_json())
        if session.waits_for_text and session.party.number is not None:
            self._waiting[session.party.number] = (until, session.id)

    async def get(self, session_id: str) -> Session | None:
        """See :class:`flows.sessions.SessionStore`."""
        until, text = self._kept.get(session_id, (0.0, ""))
        if not text or until < self._monotonic():
            return None
        try:
            return Session.from_json(text)
        except SessionError:
            return None

    async def delete(self, session: Session) -> None:
        """See :class:`flows.sessions.SessionStore`."""
        self._kept.pop(session.id, None)
        number = session.party.number
        if number is not None and self._waiting.get(number, (0.0, ""))[1] == session.id:
            del self._waiting[number]

    async def waiting(self, number: str) -> str | None:
        """See :class:`flows.sessions.SessionStore`."""
        until, found = self._waiting.get(number, (0.0, ""))
        return found if found and until >= self._monotonic() else None
