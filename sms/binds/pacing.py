"""How fast one bind may send: what its operator was promised, and what it bears when it says that it is too busy.

Pure: ``now`` comes in, in seconds of a clock that never goes back. Every submit_sm counts, so a text of three parts
counts three times.

An operator that answers ESME_RTHROTTLED or ESME_RMSGQFUL is left alone for a while, twice as long each time it stays
so. Then the bind goes on a little slower than what was last taken and gets back to its speed within seconds.
"""

from __future__ import annotations

from collections.abc import Callable

BURST_S = 0.1  # after a rest, so much of a second's worth may go at once
PAUSE_FIRST_S, PAUSE_MAX_S = 0.1, 30.0  # a queue that is full for a moment; one that is stuck
SLOWER = 0.7  # of the speed that was taken when the operator complained
FASTER_PER_S = 0.1  # of that speed, back again: in three seconds there, in some more beyond it
FLOOR_PER_SECOND = 50.0  # not slower than this, or than a tenth of what was promised: the pauses do the rest
FREE_AT = 2.0  # times that speed: where nothing was promised, no limit any more


class Meter:
    """Counts events and answers how many there are a second now."""

    __slots__ = ("_before", "_began", "_now")

    def __init__(self) -> None:
        self._began = float("-inf")
        self._now = 0
        self._before = 0

    def hit(self, now: float) -> None:
        """Count one."""
        if now - self._began >= 1.0:
            self._turn(now)
        self._now += 1

    def rate(self, now: float) -> float:
        """Answer the rate over about the last second."""
        if now - self._began >= 1.0:
            self._turn(now)
        return self._now + self._before * (1.0 - (now - self._began))

    def _turn(self, now: float) -> None:
        if now - self._began < 2.0:
            self._began += 1.0
            self._before = self._now
        else:
            self._began = now
            self._before = 0
        self._now = 0


class Pace:
    """The pace of one bind."""

    __slots__ = (
        "_base",
        "_due",
        "_grown_at",
        "_interval",
        "_jitter",
        "_pause_s",
        "_paused_at",
        "_promised",
        "_slack",
        "_speed",
        "_until",
        "meter",
    )

    def __init__(self, per_second: float = 0.0, jitter: Callable[[], float] = lambda: 1.0) -> None:
        """``per_second`` 0: nothing was promised. ``jitter`` answers numbers from 0 to 1."""
        self._promised = per_second
        self._jitter = jitter
        self.meter = Meter()  # of PDUs that were taken
        self._due = float("-inf")  # when the next PDU would be due if each came an interval after the one before
        self._pause_s = 0.0
        self._paused_at = self._until = float("-inf")
        self._speed = self._base = self._grown_at = 0.0  # 0: as promised
        self._interval = self._slack = 0.0
        self._set_speed(0.0)

    @property
    def limit(self) -> float:
        """PDUs a second that are let through now; 0: no limit."""
        return self._speed or self._promised

    def ready_at(self, now: float) -> float:
        """Answer from when on the next PDU may be written; not after ``now``: it may be written now."""
        at = self._due - self._slack
        return at if at > self._until else self._until  # noqa: FURB136 - three times as fast, for every PDU

    def written(self, now: float) -> None:
        """Count a PDU that is written."""
        due = self._due
        self._due = (due if due > now else now) + self._interval  # noqa: FURB136 - likewise

    def taken(self, now: float, written_at: float) -> None:
        """A PDU that was written at ``written_at`` was taken."""
        self.meter.hit(now)
        if not self._pause_s and not self._speed:
            return
        if written_at >= self._paused_at:
            self._pause_s /= 2
            if self._pause_s < PAUSE_FIRST_S:
                self._pause_s = 0.0
        if self._speed and now > self._grown_at:
            self._set_speed(self._speed + self._base * FASTER_PER_S * (now - self._grown_at))
            self._grown_at = now

    def throttled(self, now: float, written_at: float) -> bool:
        """A PDU was refused because the operator is too busy. Answers whether a pause begins.

        What was written before the last pause was answered for by that pause.
        """
        if written_at < self._paused_at or now < self._until:
            return False
        self._pause_s = min(PAUSE_MAX_S, max(PAUSE_FIRST_S, self._pause_s * 2))
        self._paused_at = now
        self._until = now + self._pause_s * (0.5 + self._jitter() / 2)
        floor = min(FLOOR_PER_SECOND, self._promised / 10 if self._promised else FLOOR_PER_SECOND)
        self._base = max(floor, self.meter.rate(now))
        self._grown_at = self._until
        self._set_speed(max(floor, self._base * SLOWER))
        return True

    def throttled_for(self, now: float) -> float:
        """Answer for how many seconds more the operator is left alone."""
        return max(0.0, self._until - now)

    def _set_speed(self, speed: float) -> None:
        end = self._promised or self._base * FREE_AT
        self._speed = speed if speed < end else 0.0
        limit = self._speed or self._promised
        self._interval = 1.0 / limit if limit else 0.0
        # The bucket holds a burst; it is never smaller than one PDU.
        self._slack = max(0.0, BURST_S - self._interval) if limit else 0.0
