"""Auth sessions that need not outlive the text that they began with: kept in this process until something must.

Most texts are one enquiry and its answer. Should the node die meanwhile, the text is still stored, and whoever works on
it again begins an auth session anew: nothing is lost that a store would have kept. What waits for another text, or has
proved something, is stored as ever. What is security's, failures and locks and spent authorisations, is in SQL.
"""

from __future__ import annotations

from core_client.ports.auth_sessions import AuthSession, AuthSessions

MAX_HELD = (
    20_000  # texts that one node works on at once are some hundreds; beyond it the oldest goes, and is asked again
)


class HeldAuthSessions:
    """:class:`~core_client.ports.auth_sessions.AuthSessions` over a store, with some that are not in it yet."""

    __slots__ = ("_held", "_store")

    def __init__(self, store: AuthSessions) -> None:
        self._store = store
        self._held: dict[str, AuthSession] = {}  # insertion order is age order

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, session: AuthSession) -> None:
        """Keep a new session in this process only, until :meth:`keep`, :meth:`put` or :meth:`let_go`."""
        held = self._held
        if len(held) >= MAX_HELD:
            del held[next(iter(held))]
        held[session.id] = session

    def is_held(self, session_id: str) -> bool:
        """Answer whether a session lives in this process only: that of a text that is being answered."""
        return session_id in self._held

    async def keep(self, session_id: str) -> None:
        """Store a session that is only held: from now on it outlives its text. Others are stored already.

        Raises:
            Unavailable: it is still only held.
        """
        held = self._held.get(session_id)
        if held is not None:
            await self.put(held)

    def let_go(self, session_id: str) -> None:
        """Forget a session that is only held."""
        self._held.pop(session_id, None)

    async def put(self, session: AuthSession) -> None:
        """Store a session: what an operation has changed, the next text must find."""
        await self._store.put(session)
        self._held.pop(session.id, None)

    async def get(self, session_id: str) -> AuthSession | None:
        """Answer a session."""
        held = self._held.get(session_id)
        return held if held is not None else await self._store.get(session_id)

    async def delete(self, session_id: str) -> None:
        """Forget a session, wherever it is."""
        if self._held.pop(session_id, None) is None:
            await self._store.delete(session_id)
