"""Tells the audit chain's head to logs outside the database, and holds the chain against what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from core_client.domain.anchors import (
    FIRST,
    Anchor,
    AnchorKind,
    Doubt,
    Finding,
    doubts_of_chain,
    doubts_of_logs,
    standing,
)
from core_client.errors import BankError
from core_client.ports.anchors import AnchorLog, FirstAnchorLog
from core_client.ports.audit import Audit
from core_client.ports.clock import Clock
from core_client.ports.randomness import Randomness

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. ``findings`` empty: the chain is whole, and at least what it was."""

    rows: int
    anchors: int
    restored: Sequence[Anchor]  # each time that a backup took the bank's place
    findings: Sequence[Finding]
    unread: Sequence[str]  # logs that could not be read


class Anchoring:
    """``first`` numbers the anchors, ``copies`` get them too."""

    def __init__(
        self,
        audit: Audit,
        key: bytes,
        clock: Clock,
        randomness: Randomness,
        first: FirstAnchorLog,
        copies: Sequence[AnchorLog] = (),
    ) -> None:
        self._audit = audit
        self._key = key
        self._clock = clock
        self._randomness = randomness
        self._first = first
        self._copies = copies
        self._last = (0, "")

    async def anchor(self, *, always: bool = False) -> Anchor | None:
        """Write the head down where it has moved since this process did so last, or ``always``; answer the anchor.

        Raises:
            Unavailable: the database, or the first log. A copy that fails is logged: the others have the anchor.
        """
        head = await self._audit.head()
        if head == self._last and not always:
            return None
        anchor = await self._write(AnchorKind.HEAD, *head, back_to=head[0])
        self._last = head
        return anchor

    async def restored(self, back_to: int) -> Anchor:
        """Write down that a backup with ``back_to`` rows took the bank's place: what lay beyond need not hold."""
        seq, digest = await self._audit.head()
        return await self._write(AnchorKind.RESTORED, seq, digest, back_to=back_to)

    async def _write(self, kind: AnchorKind, seq: int, digest: str, back_to: int) -> Anchor:
        at, fresh = self._clock.now(), self._randomness.token()[:16]

        def follow(last: Anchor | None) -> Anchor:
            log, number, follows = (last.log, last.number + 1, last.mac) if last is not None else (fresh, 1, FIRST)
            return Anchor(log, number, kind, at, seq, digest, back_to, follows).signed(self._key)

        anchor = await asyncio.shield(self._first.extend(follow))
        for copy in self._copies:
            try:
                await copy.append(anchor)
            except BankError as error:
                _log.warning("audit.not_copied", place=copy.place, error=type(error).__name__)
        await self._audit.remember(anchor)
        return anchor

    async def verify(self, more: Sequence[Anchor] = ()) -> Verdict:
        """Walk the chain from its start, and hold it against every anchor that can be read.

        Args:
            more: anchors from elsewhere, as a log system kept them.
        """
        findings: list[Finding] = []
        unread: list[str] = []
        mine = await self._read(self._first, unread)
        known = [*mine, *more]
        for copy in self._copies:
            known += await self._read(copy, unread)
        merged = sorted(
            {(one.log, one.number, one.mac): one for one in known}.values(), key=lambda a: (a.log, a.number)
        )
        remembered = await self._audit.remembered()
        findings += doubts_of_logs(self._key, merged, remembered)
        if self._first.place not in unread:
            findings += _cut_off(mine, merged, self._first.place)
        report = await self._audit.check()
        if report.broken_at is not None:
            words = f"row {report.broken_at} does not follow the row before it: edited, deleted or moved"
            findings.append(Finding(Doubt.CHAIN_BROKEN, report.broken_at, words))
        held = standing(one for one in merged if one.is_ours(self._key))
        hashes = await self._audit.hashes(sorted({one.seq for one in held}))
        findings += doubts_of_chain(held, (await self._audit.head())[0], hashes.get)
        restored = [one for one in merged if one.kind is AnchorKind.RESTORED]
        return Verdict(report.rows, len(merged), restored, findings, unread)

    @staticmethod
    async def _read(log: AnchorLog, unread: list[str]) -> Sequence[Anchor]:
        try:
            anchors, _ = await log.read()  # a line that is none is a crash's, or one changed: then its number is missed
        except BankError:
            unread.append(log.place)
            return ()
        return anchors


def _cut_off(mine: Sequence[Anchor], merged: Sequence[Anchor], place: str) -> list[Finding]:
    """Find anchors of the first log's own series that others still have and it has not."""
    ends = {one.log: one.number for one in mine}
    lost = [one for one in merged if one.log in ends and one.number > ends[one.log]]
    if not lost:
        return []
    words = f"{place} has lost its last {len(lost)} anchors, which other logs still have"
    return [Finding(Doubt.ANCHORS_CUT, lost[0].seq, words)]
