"""What a node does for the bank now and then: anchors the audit chain, and forgets counters that are nobody's."""

from __future__ import annotations

import asyncio
import datetime

import structlog
from redis.asyncio import Redis

from core_client.adapters.anchor_logs import AnchorFile, AnchorStream
from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.together import raise_if_cancelled
from core_client.services.anchoring import Anchoring
from tellerline.config import Config
from tellerline.state import Keys

ANCHORS = "audit.anchors"
SHADOWS_KEEP = datetime.timedelta(days=180)  # far longer than staff take to unlock a customer who asks
MOST_SHADOWS = 1_000_000  # counters that are nobody's: some 200 MB; a flood of made-up numbers grows no further
SHADOW_BATCH = 1_000
SHADOW_EVERY_S = 3_600.0

_log = structlog.get_logger("tellerline.bank_keeping")


def anchoring_of(config: Config, keys: Keys, bank: EmbeddedBank, redis: Redis | None) -> Anchoring:
    """Answer what anchors the chain of ``bank``: into the file, the log lines, and the store where there is one."""
    folder = config.bank.anchor_dir or config.server.state_dir / "anchors"
    copies = () if redis is None else (AnchorStream(redis),)
    ports = bank.ports
    return Anchoring(ports.audit, keys.anchor, ports.clock, ports.randomness, AnchorFile(folder / ANCHORS), copies)


async def keep_bank(bank: EmbeddedBank, anchoring: Anchoring, anchor_s: float) -> None:
    """Anchor every ``anchor_s`` where the head moved, purge every hour, until cancelled; then anchor once more.

    What fails is logged and tried again: it never ends the line.
    """
    purged_at = float("-inf")
    loop = asyncio.get_running_loop()
    try:
        while True:
            raise_if_cancelled()
            await _anchor(anchoring)
            if loop.time() >= purged_at + SHADOW_EVERY_S:
                purged_at = loop.time()
                await _purge(bank)
            await asyncio.sleep(anchor_s)
    finally:
        await asyncio.shield(_anchor(anchoring))


async def _anchor(anchoring: Anchoring) -> None:
    try:
        anchor = await anchoring.anchor()
    except Exception as error:  # noqa: BLE001 - another try may go well
        _log.warning("audit.not_anchored", error=type(error).__name__)
        return
    if anchor is not None:  # in letters: what masks numbers in log lines must not eat a hash
        _log.info("audit.anchored", seq=anchor.seq, anchor=anchor.in_letters())


async def _purge(bank: EmbeddedBank) -> None:
    try:
        purged = await purge_shadows(bank)
    except Exception as error:  # noqa: BLE001 - another try may go well
        _log.warning("attempts.not_purged", error=type(error).__name__)
        return
    if purged:
        _log.info("attempts.purged", count=purged)


async def purge_shadows(bank: EmbeddedBank, most: int = MOST_SHADOWS) -> int:
    """Forget counters that are nobody's and old, or too many; answer how many went."""
    before, purged = bank.ports.clock.now() - SHADOWS_KEEP, 0
    while gone := await bank.ports.credentials.purge_shadows(before, most, SHADOW_BATCH):
        purged += gone
    return purged
