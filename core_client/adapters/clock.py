"""The machine's clock."""

from __future__ import annotations

import datetime


class SystemClock:
    """Tells the time of this machine, in UTC."""

    def now(self) -> datetime.datetime:
        """Answer the moment."""
        return datetime.datetime.now(datetime.UTC)
