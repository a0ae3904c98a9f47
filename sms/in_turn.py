"""Several coroutines carried on by one task, in turn.

A task and its wakings cost more than most of what a short enquiry does. Texts that came in one tick ask the same things
of the same stores, and are answered together (:mod:`core_client.adapters.sql.gathering`): one waking serves them all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Generator, Iterable
from typing import Any, TypeAlias

Work: TypeAlias = Coroutine[Any, Any, None]


class InTurn:
    """Awaited, carries ``works`` on until each has ended; none of them may raise or ask which task it runs in.

    The one that has waited for longest is waited for, and then the others go on as far as what they wait for is there.
    Cancelled, it closes those that have not ended.
    """

    __slots__ = ("_waiting", "_works")

    def __init__(self, works: Iterable[Work]) -> None:
        self._works = works
        self._waiting: deque[tuple[Work, Any]] = deque()  # and the future that it waits for; None: only for a turn

    def __await__(self) -> Generator[Any, None, None]:
        """See the class."""
        waiting = self._waiting
        try:
            for work in self._works:
                self._carry_on(work)
            while waiting:
                work, future = waiting[0]
                if future is None:
                    yield None
                elif not future.done():
                    future._asyncio_future_blocking = True  # noqa: SLF001 - it is handed on to the task
                    try:
                        yield future
                    except BaseException:
                        task = asyncio.current_task()
                        if not future.done() or task is None or task.cancelling():
                            raise  # ours; what the future failed with is for the one that waits for it
                waiting.popleft()
                self._carry_on(work)
        finally:
            for work, _ in waiting:
                work.close()

    def _carry_on(self, work: Work) -> None:
        try:
            future = work.send(None)
        except (StopIteration, asyncio.CancelledError):  # the latter: what it waited for was given up, and so is it
            return
        if future is not None:
            future._asyncio_future_blocking = False  # noqa: SLF001 - as a task does that is handed a future
        self._waiting.append((work, future))
