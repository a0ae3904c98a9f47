"""When people are not to be disturbed: hours of the night, by the clock on their wall."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from flows.zones import DEFAULT_ZONE, zone_of
from sms.messages import Purpose

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of day to another, over midnight where the second is the earlier one; none where both are one."""

    begin: datetime.time
    end: datetime.time

    def contain(self, at: datetime.time) -> bool:
        """Answer whether they hold ``at``."""
        if self.begin <= self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


NIGHT = Hours(datetime.time(21), datetime.time(8))
NEVER = Hours(datetime.time(), datetime.time())


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours in which a text that nobody waits for is not sent."""

    hours: Hours = NIGHT
    zone: str = DEFAULT_ZONE  # the bank's own
    by_purpose: Mapping[Purpose, Hours] = field(default_factory=lambda: MappingProxyType({}))  # where they differ

    def over_at(self, purpose: Purpose, now: float) -> float | None:
        """Answer the first moment at which a text may be sent; None when it may be sent now.

        Moments are seconds since the epoch. A night in which the clocks are changed is as long as it really is.
        """
        if not purpose.heeds_quiet_hours:
            return None
        hours = self.by_purpose.get(purpose, self.hours)
        local = self._local(now)
        if not hours.contain(local.time()):
            return None
        day = local.date() + (_DAY if hours.begin > hours.end and local.time() >= hours.begin else _DAY * 0)
        return self._first_at(datetime.datetime.combine(day, hours.end, local.tzinfo), hours, now)

    def _first_at(self, wall: datetime.datetime, hours: Hours, now: float) -> float:
        """Answer when the wall's clock first shows ``wall`` after ``now``, or passes it where it is put forward."""
        earlier, later = sorted((wall.timestamp(), wall.replace(fold=1).timestamp()))
        if earlier > now and not hours.contain(self._local(earlier).time()):
            return earlier
        if self._local(later).replace(tzinfo=None) == wall.replace(tzinfo=None):
            return later
        # The clocks are put forward over it: quiet at the one moment, over at the other, and over in between.
        quiet, over = int(max(earlier, now)), int(later)
        while over - quiet > 1:
            middle = (quiet + over) // 2
            quiet, over = (middle, over) if hours.contain(self._local(middle).time()) else (quiet, middle)
        return float(over)

    def _local(self, at: float) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(at, zone_of(self.zone))
