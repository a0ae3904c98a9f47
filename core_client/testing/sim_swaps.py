"""SIMs whose ages a test writes down."""

from __future__ import annotations

import asyncio


class ScriptedSims:
    """:class:`~core_client.ports.sim_swaps.SimSwaps` out of ``hours``; an error there is raised, ``silent`` hangs."""

    def __init__(self, hours: dict[str, float | Exception | None] | None = None) -> None:
        self.hours = hours or {}
        self.silent = False
        self.asked: list[str] = []

    async def hours_since_swap(self, number: str) -> float | None:
        """Answer what is written down; None for any other number."""
        self.asked.append(number)
        if self.silent:
            await asyncio.Event().wait()
        found = self.hours.get(number)
        if isinstance(found, Exception):
            raise found
        return found
