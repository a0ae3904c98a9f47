"""AuthSessions in Valkey or Redis.

Not in SQL: a session is written at every arrival and proof, is worth nothing after an hour, and its loss is safe: the
party is asked again. It says whose number it is, so it rests sealed. What must survive a fail-over, the failures
counted, the authorisation spent, is in SQL.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core_client.adapters.sealing import Sealer, SealError
from core_client.adapters.together import Together
from core_client.errors import Unavailable
from core_client.ports.auth_sessions import AuthSession

_PREFIX = "auth:"


def encode(session: AuthSession) -> str:
    """Answer a session as JSON: a list, in the order of its fields."""
    pin_at, code_at = session.pin_at, session.code_at
    fields = [
        session.id,
        session.channel,
        session.party,
        session.identified,
        session.customer_id,
        session.subject,
        session.language,
        None if pin_at is None else pin_at.isoformat(),
        session.code_intent,
        None if code_at is None else code_at.isoformat(),
        session.line,
    ]
    return json.dumps(fields, separators=(",", ":"))


def decode(text: str | bytes) -> AuthSession:
    """Read what :func:`encode` wrote.

    Raises:
        ValueError: it is something else.
    """
    fields: Any = json.loads(text)
    if not isinstance(fields, list) or len(fields) != 11:
        raise ValueError("an auth session of another version")
    identity, channel, party, identified, customer_id, subject, language, pin_at, code_intent, code_at, line = fields
    return AuthSession(
        id=identity,
        channel=channel,
        party=party,
        identified=identified,
        customer_id=customer_id,
        subject=subject,
        language=language,
        pin_at=_moment(pin_at),
        code_intent=code_intent,
        code_at=_moment(code_at),
        line=line,
    )


def _moment(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)


class RedisAuthSessions:
    """:class:`~core_client.ports.auth_sessions.AuthSessions` in Valkey or Redis, which forgets by itself."""

    def __init__(self, redis: Redis, life: datetime.timedelta, sealer: Sealer) -> None:
        self._store = Together(redis)
        self._sealer = sealer
        self._life_s = int(life.total_seconds())

    async def put(self, session: AuthSession) -> None:
        """Store a session."""
        sealed = self._sealer.seal(encode(session).encode(), session.id.encode())
        try:
            await self._store.ask("SET", _PREFIX + session.id, sealed, "EX", self._life_s)
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable("the store of auth sessions did not answer") from error

    async def get(self, session_id: str) -> AuthSession | None:
        """Answer a session. One of another version, or under another key, is none: the party is asked again."""
        try:
            found = await self._store.ask("GET", _PREFIX + session_id)
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable("the store of auth sessions did not answer") from error
        if found is None:
            return None
        try:
            return decode(self._sealer.open(found, session_id.encode()))
        except (SealError, ValueError, TypeError):
            return None

    async def delete(self, session_id: str) -> None:
        """Forget a session."""
        try:
            await self._store.ask("DEL", _PREFIX + session_id)
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable("the store of auth sessions did not answer") from error
