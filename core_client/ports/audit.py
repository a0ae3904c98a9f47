"""The audit chain: written beside every change, in its transaction, by the stores; read and checked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core_client.domain.anchors import Anchor, Remembered
from core_client.domain.audit import AuditRecord


@dataclass(frozen=True, slots=True)
class ChainReport:
    """How many rows were checked, the head's hash, and the first row that does not follow."""

    rows: int
    head: str
    broken_at: int | None


class Audit(Protocol):
    """Appends what belongs to no other transaction, and checks the chain."""

    async def append(self, record: AuditRecord) -> None:
        """Store one record."""
        ...

    async def check(self) -> ChainReport:
        """Walk the chain from its start."""
        ...

    async def head(self) -> tuple[int, str]:
        """Answer the last row's number and hash."""
        ...

    async def hashes(self, seqs: Sequence[int]) -> Mapping[int, str]:
        """Answer the hashes of these rows, of those that there are."""
        ...

    async def remember(self, anchor: Anchor) -> None:
        """Store that an anchor was written outside; the same again changes nothing."""
        ...

    async def remembered(self) -> Sequence[Remembered]:
        """Answer the last anchor of each log."""
        ...
