"""How SMS stands: well, degraded or down, which queue is too old, and who is told of it.

Degraded: texts flow, and somebody should look. Down: no text goes out or comes in on this node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import structlog

from sms.messages import Purpose
from tellerline.texts.figures import Watched

_log = structlog.get_logger("sms.alarms")


class Level(StrEnum):
    """How well it is."""

    WELL = "well"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a queue is too old, and how often that is told."""

    queue_age_s: Mapping[Purpose, float]
    again_s: float
    look_s: float


class SmsStanding:
    """Knows how SMS stands, and tells in the log when texts wait too long."""

    def __init__(self, watched: Watched, limits: Limits, now: Callable[[], float]) -> None:
        """Make one; ``now`` is a clock that only goes forward."""
        self._watched = watched
        self._limits = limits
        self._now = now
        self._told_at: dict[Purpose, float] = {}  # of what is too old

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(self._limits.look_s)

    def look(self) -> None:
        """Look once: tell what is too old, again after a while, and what is well again."""
        queues = self._watched.queues()
        too_old = self.too_old()
        for purpose, is_too_old in too_old.items():
            told_at = self._told_at.get(purpose)
            if is_too_old:
                if told_at is None or self._now() - told_at >= self._limits.again_s:
                    self._told_at[purpose] = self._now()
                    queue = queues[purpose]
                    _log.error(
                        "sms.queue_too_old",
                        purpose=purpose.value,
                        depth=queue.depth,
                        oldest_s=round(queue.oldest_s, 1),
                        limit_s=self._limits.queue_age_s[purpose],
                    )
            elif told_at is not None:
                del self._told_at[purpose]
                _log.info("sms.queue_recovered", purpose=purpose.value)

    def too_old(self) -> dict[Purpose, bool]:
        """Answer whose oldest text waits longer than it should."""
        queues = self._watched.queues()
        return {
            purpose: purpose in queues and queues[purpose].depth > 0 and queues[purpose].oldest_s > limit_s
            for purpose, limit_s in self._limits.queue_age_s.items()
        }

    def down(self) -> str | None:
        """Answer why no text flows on this node, or None."""
        held = [bind for bind in self._watched.binds() if bind.held]
        if not held:
            return None  # others have the binds
        return None if any(bind.bound for bind in held) else "not bound to any SMSC"

    def degraded(self) -> dict[str, str]:
        """Answer what somebody should look at, by the part that it concerns."""
        reasons = {bind.name: "not bound" for bind in self._watched.binds() if bind.held and not bind.bound}
        queues = self._watched.queues()
        for purpose, is_too_old in self.too_old().items():
            if is_too_old:
                told = f"the oldest of {queues[purpose].depth} waits for {queues[purpose].oldest_s:.0f} s"
                reasons[f"queue of {purpose}"] = f"{told}, {self._limits.queue_age_s[purpose]:g} s at most"
        return reasons

    @property
    def level(self) -> Level:
        """How well it is."""
        if self.down() is not None:
            return Level.DOWN
        return Level.DEGRADED if self.degraded() else Level.WELL

    def told(self) -> dict[str, Any]:
        """Answer all of it as data, for the health page."""
        return {
            "state": self.level.value,
            "binds": [asdict(bind) for bind in self._watched.binds()],
            "queues": {
                purpose.value: {"depth": queue.depth, "oldest_s": round(queue.oldest_s, 3)}
                for purpose, queue in self._watched.queues().items()
            },
        }
