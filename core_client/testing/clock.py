"""A clock that moves when it is told."""

from __future__ import annotations

import datetime

DEFAULT_START = datetime.datetime(2026, 3, 2, 2, 15, tzinfo=datetime.UTC)  # 10:15 on a Monday in Beijing


class ManualClock:
    """Tells the time it was set to."""

    def __init__(self, start: datetime.datetime = DEFAULT_START) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware moment: say its zone")
        self._now = start.astimezone(datetime.UTC)

    def now(self) -> datetime.datetime:
        """Answer the moment."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; negative, as when an operator sets the clock back."""
        self._now += datetime.timedelta(seconds=seconds)
