"""Who is at the other end and by what proof: the AuthSession, which the core keeps and channels only name."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from typing import Protocol

from core_client.domain.registry_changes import Bar
from core_client.operations import Security


@dataclass(frozen=True, slots=True)
class AuthSession:
    """What one call, or one exchange of texts, has proved so far.

    Proofs fade one by one: the PIN after ``idle`` without use, the code's with its intent; the session itself goes
    on, so that a flow asks again instead of hanging up.
    """

    id: str
    channel: str
    party: str | None  # keyed hash of the line's number; None when withheld
    identified: bool  # the line's number is registered to ``customer_id``
    customer_id: int | None
    subject: str | None  # whose failures are counted: keyed hash of the customer number, existing or not
    language: str | None
    pin_at: datetime.datetime | None = None  # the PIN was right, or was last relied on, at
    code_intent: str | None = None  # the code of this intent was right
    code_at: datetime.datetime | None = None
    line: str | None = field(default=None, repr=False)  # the number it came from, to be called back on
    # What the customer may not use, as read when this text arrived. Not stored: a session that outlives its text, or
    # a call's, has the registry asked at each operation.
    bars: frozenset[Bar] | None = field(default=None, compare=False)

    def level(self, now: datetime.datetime, idle: datetime.timedelta) -> Security:
        """Answer what is proved at ``now``. A code proves nothing beyond its intent, so it does not count here."""
        if self.pin_is_fresh(now, idle):
            return Security.AUTHENTICATED
        if self.identified:
            return Security.IDENTIFIED
        return Security.CLAIMED if self.subject is not None else Security.OPEN

    def pin_is_fresh(self, now: datetime.datetime, idle: datetime.timedelta) -> bool:
        """Answer whether the PIN still counts. A clock that went back proves nothing."""
        return self.pin_at is not None and self.pin_at <= now < self.pin_at + idle

    def may_authorise(self, intent_id: str, now: datetime.datetime, idle: datetime.timedelta) -> bool:
        """Answer whether this session may carry ``intent_id`` out: by a fresh PIN, or by that intent's own code."""
        if self.pin_is_fresh(now, idle):
            return True
        at = self.code_at
        return self.code_intent == intent_id and at is not None and at <= now < at + idle

    def claimed(self, customer_id: int | None, subject: str) -> AuthSession:
        """Answer the session after somebody keyed a customer number: every earlier proof is gone."""
        return replace(
            self,
            identified=False,
            customer_id=customer_id,
            subject=subject,
            pin_at=None,
            code_intent=None,
            code_at=None,
        )


class AuthSessions(Protocol):
    """Keeps AuthSessions. Losing one is safe: the party is asked again. What must not be lost is in SQL."""

    async def put(self, session: AuthSession) -> None:
        """Store ``session``, over an older one of its id, for ``session_life`` from now."""
        ...

    async def get(self, session_id: str) -> AuthSession | None:
        """Answer the session, or None when there is none or its life is over."""
        ...

    async def delete(self, session_id: str) -> None:
        """Forget the session."""
        ...
