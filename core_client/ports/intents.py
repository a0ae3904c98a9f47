"""Transfers that were asked for, and the single-use authorisation of each."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.limits import LimitProfile, Spent
from core_client.domain.transfers import Intent, TransferState


class Grant(StrEnum):
    """What came of asking for an intent's authorisation."""

    GRANTED = "granted"  # taken now, by this request; nobody else gets it
    REPLAY = "replay"  # this very request took it before
    SPENT = "spent"  # another request took it
    EXPIRED = "expired"
    STALE = "stale"  # the payee was removed or changed since: the authorisation is void


class CodeCheck(StrEnum):
    """What a code turned out to be."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"  # too old, used, or none was issued


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A grant and the intent as it stands."""

    grant: Grant
    intent: Intent | None


class Intents(Protocol):
    """Stores intents. Every change goes by the transition table and is one transaction with its audit row."""

    async def create(self, intent: Intent, audit: AuditRecord) -> Intent:
        """Store a prepared intent; the same request again answers the first one.

        Raises:
            IntentConflict: that request prepared something else.
        """
        ...

    async def get(self, intent_id: str) -> Intent | None:
        """Answer an intent."""
        ...

    async def spent(self, customer_id: int, currency: str, since: datetime.datetime) -> Spent:
        """Answer what the customer moved, or has under way, since then."""
        ...

    async def authorise(
        self, intent_id: str, customer_id: int, request_id: str, now: datetime.datetime, limits: LimitProfile,
        audit: AuditRecord,
    ) -> Authorisation:  # fmt: skip
        """Take the intent's single-use authorisation, if it is prepared, alive, its payee unchanged and in the limits.

        Raises:
            Declined: over a limit that other transfers have used up since it was prepared.
        """
        ...

    async def advance(
        self, intent_id: str, state: TransferState, audit: AuditRecord, reference: str | None = None
    ) -> Intent:
        """Move an intent on. Moving it to where it is changes nothing.

        Raises:
            InvariantBroken: the table has no such move.
        """
        ...

    async def cancel(self, intent_id: str, audit: AuditRecord) -> bool:
        """Void an intent if it is still prepared; answer whether it is void now."""
        ...

    async def set_code(
        self, intent_id: str, code_mac: bytes, expires_at: datetime.datetime, audit: AuditRecord
    ) -> None:
        """Bind a new code to the intent; an older one is void."""
        ...

    async def use_code(self, intent_id: str, code_mac: bytes, request_id: str, now: datetime.datetime) -> CodeCheck:
        """Use the code up if it is right. The same request again gets the same answer."""
        ...

    async def in_states(self, states: frozenset[TransferState]) -> Sequence[Intent]:
        """Answer the intents in those states, oldest first."""
        ...

    async def expire(self, now: datetime.datetime, audit: AuditRecord) -> int:
        """Expire what was prepared and never authorised in time; answer how many."""
        ...
