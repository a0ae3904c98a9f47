"""Time comes through here, so that a test can move it."""

from __future__ import annotations

import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime.datetime:
        """Answer the moment, aware, in UTC."""
        ...
