"""PIN hashes and the one counter of failures, shared by all channels and nodes. It lives in SQL, nowhere else."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Protocol

from core_client.domain.audit import AuditRecord
from core_client.domain.pins import SlotKind


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whether a slot was taken, and the stored hash to check against: None for who does not exist or has no PIN."""

    kind: SlotKind
    pin_hash: str | None = field(default=None, repr=False)


class Credentials(Protocol):
    """Counts tries before they are made.

    A subject is the keyed hash of a customer number, existing or not, so that both leave the same rows.
    """

    async def take_slot(
        self, subject: str, customer_id: int | None, now: datetime.datetime, *, delayed: bool
    ) -> Attempt:
        """Take one try's slot, before it is made, unless the subject is locked or has to wait.

        Args:
            delayed: keep to the delays; a code is tried without (it is random, and its intent lives ten minutes).
        """
        ...

    async def settle_right_pin(self, subject: str, audit: AuditRecord) -> None:
        """The PIN was right: the failures are forgotten."""
        ...

    async def settle_right_code(self, subject: str, audit: AuditRecord) -> None:
        """The code was right, or none was there to be guessed: its slot is given back, failures of the PIN stay."""
        ...

    async def settle_wrong(self, subject: str, now: datetime.datetime, audit: AuditRecord) -> int:
        """The try failed: it counts. Answer the failures now."""
        ...

    async def failures(self, subject: str) -> int:
        """Answer the failures in a row."""
        ...

    async def unlock(self, subject: str, audit: AuditRecord) -> None:
        """A person has checked who it is: forget the failures."""
        ...

    async def purge_shadows(self, before: datetime.datetime, keep_at_most: int, batch: int) -> int:
        """Forget counters of numbers that no customer has, oldest first; answer how many went.

        Args:
            before: whoever was tried last before it is forgotten.
            keep_at_most: so many stay at most, however young they are.
            batch: so many go at once at most; ask again while that many went.
        """
        ...

    async def set_pin(self, customer_id: int, pin_hash: str, at: datetime.datetime, audit: AuditRecord) -> None:
        """Store a PIN's hash over an older one."""
        ...
