"""Where sessions are kept between turns, so that another node can go on when this one dies.

A voice session lives under its id. A text session that waits is also found by its party's number: the newest one
that waits is the one that the next text belongs to. A session says who talks about which payee and how much: it rests
sealed. Only its flow and version stand in the clear, for whoever sweeps versions that nobody needs any more.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core_client.adapters.sealing import Sealer, SealError
from core_client.adapters.together import Together
from flows.dialogue import Channel
from flows.errors import SessionError, SessionStoreDown
from flows.session import Session

PREFIX = "tellerline:dialogue"

# Deletes the index by number only while it still points here: a newer conversation stays. One key a script, so that
# a Cluster can run it.
_UNINDEX = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class SessionStore(Protocol):
    """Keeps sessions for a time."""

    async def put(self, session: Session, ttl_s: int) -> None:
        """Keep ``session`` for ``ttl_s`` seconds; when it waits for a text, the next text of its party finds it."""
        ...

    async def get(self, session_id: str) -> Session | None:
        """Answer the session, or None when it is over or too old."""
        ...

    async def delete(self, session: Session) -> None:
        """Forget it. A newer waiting session of the same party stays."""
        ...

    async def waiting(self, number: str) -> str | None:
        """Answer the id of the session that waits for a text from ``number``."""
        ...


class RedisSessions:
    """Sessions in Valkey or Redis. Every method raises :class:`SessionStoreDown` when the store does not answer."""

    def __init__(self, redis: Redis, sealer: Sealer, prefix: str = PREFIX) -> None:
        """``redis`` has retries off and explicit timeouts; all nodes of a line seal under one key."""
        self._store = Together(redis)
        self._sealer = sealer
        self._prefix = prefix

    def _key(self, session_id: str) -> str:
        return f"{self._prefix}:s:{session_id}"

    def _index(self, number: str) -> str:
        return f"{self._prefix}:w:{self._sealer.fingerprint(number.encode(), b'dialogue').hex()}"

    def _sealed(self, session: Session) -> bytes:
        sealed = self._sealer.seal(session.to_json().encode(), session.id.encode())
        shown = {"flow": session.flow, "ver": session.version, "sealed": base64.b64encode(sealed).decode()}
        return json.dumps(shown, separators=(",", ":")).encode()

    def _opened(self, session_id: str, kept: bytes) -> Session:
        sealed = base64.b64decode(json.loads(kept)["sealed"], validate=True)
        return Session.from_json(self._sealer.open(sealed, session_id.encode()))

    async def put(self, session: Session, ttl_s: int) -> None:
        """Write it in one round trip. See :class:`SessionStore`."""
        number = session.party.number
        try:
            if session.waits_for_text and number is not None:
                kept = self._store.ask("SET", self._key(session.id), self._sealed(session), "EX", ttl_s)
                found = self._store.ask("SET", self._index(number), session.id, "EX", ttl_s)
                await asyncio.gather(kept, found)
            else:
                await self._store.ask("SET", self._key(session.id), self._sealed(session), "EX", ttl_s)
        except (RedisError, OSError) as error:
            raise SessionStoreDown("the session store does not answer") from error

    async def get(self, session_id: str) -> Session | None:
        """See :class:`SessionStore`. A session of another format, or sealed under another key, counts as gone."""
        try:
            kept = await self._store.ask("GET", self._key(session_id))
        except (RedisError, OSError) as error:
            raise SessionStoreDown("the session store does not answer") from error
        if kept is None:
            return None
        try:
            return self._opened(session_id, kept)
        except (SessionError, SealError, ValueError, KeyError, TypeError):
            return None

    async def delete(self, session: Session) -> None:
        """See :class:`SessionStore`."""
        number = session.party.number
        try:
            if number is None or session.channel is not Channel.SMS:
                await self._store.ask("DEL", self._key(session.id))
                return
            gone = self._store.ask("DEL", self._key(session.id))
            unindexed = self._store.ask("EVAL", _UNINDEX, 1, self._index(number), session.id)
            await asyncio.gather(gone, unindexed)
        except (RedisError, OSError) as error:
            raise SessionStoreDown("the session store does not answer") from error

    async def waiting(self, number: str) -> str | None:
        """See :class:`SessionStore`."""
        try:
            found = await self._store.ask("GET", self._index(number))
        except (RedisError, OSError) as error:
            raise SessionStoreDown("the session store does not answer") from error
        if found is None:
            return None
        return found.decode() if isinstance(found, bytes) else str(found)
