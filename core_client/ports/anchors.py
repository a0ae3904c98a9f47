"""Where the audit chain's head is told outside the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from core_client.domain.anchors import Anchor


class AnchorLog(Protocol):
    """A log that is only ever added to: a file, a stream, a log system.

    Raises, from all:
        Unavailable: it could not be reached; nothing, or not all, was read or written.
    """

    @property
    def place(self) -> str:
        """Where it lies, for people."""
        ...

    async def read(self) -> tuple[Sequence[Anchor], int]:
        """Answer the anchors in their order, and how many lines are none."""
        ...

    async def append(self, anchor: Anchor) -> None:
        """Add one, durably, before this returns."""
        ...


class FirstAnchorLog(AnchorLog, Protocol):
    """The log that numbers the anchors; the others hold copies."""

    async def extend(self, follow: Callable[[Anchor | None], Anchor]) -> Anchor:
        """Add the anchor that ``follow`` answers to the last one, while nobody else adds; answer it."""
        ...
