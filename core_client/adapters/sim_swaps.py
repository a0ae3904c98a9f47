"""SIM signals: none at all, until a carrier offers one."""

from __future__ import annotations


class NoSimSignal:
    """:class:`~core_client.ports.sim_swaps.SimSwaps` of a bank that nobody tells about SIMs: never known.

    What follows from that is a setting: :attr:`core_client.domain.sims.SimPolicy.send_when_unknown`.
    """

    async def hours_since_swap(self, number: str) -> float | None:
        """Answer None."""
        return None
