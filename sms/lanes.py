"""Work that is done one after another for each number, and at the same time for different numbers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from core_client.adapters.together import raise_if_cancelled

Item = TypeVar("Item")


class Lanes(Generic[Item]):
    """Runs ``work`` on every item: in order within a lane, at most ``parallel`` lanes at once."""

    def __init__(self, work: Callable[[Item], Awaitable[None]], parallel: int, name: str) -> None:
        """``work`` handles its own errors: one that escapes ends the block that runs the lanes."""
        self._work = work
        self._name = name
        self._room = asyncio.Semaphore(parallel)
        self._lanes: dict[str, deque[Item]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work inside the block. At its end what runs is cancelled; :meth:`drain` first."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for lane in self._lanes:
                    self._begin(group, lane)
                try:
                    yield
                finally:
                    self._group = None
                    for task in list(self._tasks):
                        task.cancel()
        finally:
            self._group = None

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __contains__(self, lane: str) -> bool:
        return lane in self._lanes

    def put(self, lane: str, item: Item) -> None:
        """Add an item at the end of its lane."""
        waiting = self._lanes.get(lane)
        if waiting is not None:
            waiting.append(item)
            return
        self._lanes[lane] = deque([item])
        if self._group is not None:
            self._begin(self._group, lane)

    async def drain(self, deadline_s: float) -> int:
        """Wait until nothing is left, at most ``deadline_s``; answer how many items are."""
        running = [task for task in self._tasks if not task.done()]
        if running:
            await asyncio.wait(running, timeout=deadline_s)
        return len(self)

    def _begin(self, group: asyncio.TaskGroup, lane: str) -> None:
        task = group.create_task(self._run(lane), name=f"{self._name} lane")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, lane: str) -> None:
        waiting = self._lanes[lane]
        async with self._room:
            while waiting:
                raise_if_cancelled()
                await self._work(waiting[0])
                waiting.popleft()
        del self._lanes[lane]
