"""Transfers that were asked for, and the single-use authorisation of each."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.limits import LimitProfile, Spent
from core_client.domain.transfers import Intent, Purpose, TransferState


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
        audit: AuditRecord, held_as: str | None = None,
    ) -> Authorisation:  # fmt: skip
        """Take the intent's single-use authorisation, if it is prepared, alive, its payee unchanged and in the limits.

        Args:
            intent_id: which.
            customer_id: whose it has to be.
            request_id: who takes it.
            now: the moment.
            limits: what it is checked against, and how long it can be called off.
            audit: what is written beside it.
            held_as: the number under which it waits while it can be called off; None: it is carried out at once.

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

    async def told(self, told: Mapping[str, TransferState], now: datetime.datetime) -> None:
        """Mark that customers were told a last word: each intent's, if that still is its state."""
        ...

    async def owed(self, authorised_before: datetime.datetime, limit: int) -> Sequence[Intent]:
        """Answer the oldest intents with a last word that nobody was told, authorised before a moment."""
        ...

    async def cancellable(self, customer_id: int, now: datetime.datetime) -> Sequence[Intent]:
        """Answer a customer's intents that are authorised and can still be called off, the latest first."""
        ...

    async def prepared_since(self, customer_id: int, purposes: Set[Purpose], since: datetime.datetime) -> int:
        """Answer how many intents of those purposes a customer had prepared since a moment."""
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
