"""When a number's SIM was last exchanged, by whoever knows: a carrier, mostly."""

from __future__ import annotations

from typing import Protocol


class SimSwaps(Protocol):
    """Knows SIMs. Asked under a deadline, and believed nothing when it is late or raises."""

    async def hours_since_swap(self, number: str) -> float | None:
        """Answer for how many hours the number (E.164) has had its SIM; None when that is not known.

        One that was never exchanged answers ``math.inf``.
        """
        ...
