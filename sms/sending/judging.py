"""Asks people's rules about texts, a few at a time, for who sends them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from core_client.adapters.together import raise_if_cancelled

Case = TypeVar("Case")

WORKERS = 16  # questions at once: the store answers them together


class Benches(Generic[Case]):
    """Works on cases, at most so many at once, the first that came first."""

    def __init__(self, work: Callable[[Case], Awaitable[None]], workers: int = WORKERS) -> None:
        """``work`` handles its own errors."""
        self._work = work
        self._workers = workers
        self._cases: deque[Case] = deque()
        self._wanted = asyncio.Event()

    def put(self, case: Case) -> None:
        """Add a case."""
        self._cases.append(case)
        self._wanted.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work inside the block."""
        tasks = [asyncio.create_task(self._run(), name=f"manners {number}") for number in range(self._workers)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            raise_if_cancelled()
            while not self._cases:
                self._wanted.clear()
                await self._wanted.wait()
            await self._work(self._cases.popleft())
