"""How fresh a SIM is, and what that means for a one-time code: who has just got a number's SIM may not be its owner."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Sim(StrEnum):
    """What is known of a number's SIM. ``unknown`` is a value of its own, never a clean one."""

    SETTLED = "settled"
    FRESH = "fresh"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SimPolicy:
    """When a one-time code is not sent to a number.

    Attributes:
        fresh_hours: a SIM that was swapped less than this long ago gets no code.
        deadline_s: whoever knows must say so within this time; later is not known.
        send_when_unknown: whether a code goes out when nobody knows. With it a bank without a signal can send codes at
            all, and a signal that fails lets a thief with a fresh SIM through; without it, no signal is no code.
    """

    fresh_hours: float = 72.0
    deadline_s: float = 2.0
    send_when_unknown: bool = True

    def judge(self, hours: float | None) -> Sim:
        """Answer what ``hours`` since the last swap mean; a swap in the future is one that somebody's clock hides."""
        if hours is None or math.isnan(hours):
            return Sim.UNKNOWN
        return Sim.FRESH if hours < self.fresh_hours else Sim.SETTLED

    def lets_through(self, sim: Sim) -> bool:
        """Answer whether a code may be sent."""
        return sim is Sim.SETTLED or (sim is Sim.UNKNOWN and self.send_when_unknown)
