"""An event loop in virtual time: nothing waits, nothing runs in a thread, and the same plan runs the same way again."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


class Died(asyncio.CancelledError):
    """The process that runs this died here. Nothing may catch it, as nothing runs on after a SIGKILL."""


class StuckError(Exception):
    """Nobody will ever wake what is waited for."""


class Place:
    """Where a task runs: a process that may die, and then takes its tasks along."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self._tasks: dict[asyncio.Task[Any], None] = {}  # in the order of their making: a set would go by addresses

    def add(self, task: asyncio.Task[Any]) -> None:
        """Let a task belong here."""
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def die(self) -> None:
        """End everything here at once. Whatever a task still does while it ends reaches nothing: see ``dead``."""
        self.dead = True
        for task in list(self._tasks):
            task.cancel()
        self._tasks.clear()

    def check(self) -> None:
        """Raise :class:`Died` in a process that is dead."""
        if self.dead:
            raise Died(self.name)


PLACE: contextvars.ContextVar[Place | None] = contextvars.ContextVar("place", default=None)
CHANCE: contextvars.ContextVar[random.Random] = contextvars.ContextVar("chance")


class _Leap:
    """The selector of a loop without sockets: asked to wait, it moves the time on."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        """Move the time on by ``timeout`` seconds."""
        if timeout is None:
            raise StuckError("nothing is due, and somebody waits")
        if timeout > 0:
            self._loop.leap(timeout)
        return []

    def close(self) -> None:
        """Nothing to close."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop whose time moves when there is nothing to do. Work for a thread is done at once, in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Leap(self)
        self._now_s = 0.0
        self.alive: dict[asyncio.Task[Any], None] = {}  # who waits for what died is kept, and never wakes
        self.set_task_factory(_placed)

    def time(self) -> float:
        """Answer the seconds since the beginning."""
        return self._now_s

    def leap(self, seconds: float) -> None:
        """Move the time on."""
        self._now_s += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # the base class declares a future without its result
        """Do the work here and now: threads would make two runs differ."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is handed to the one who asked
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


def _placed(loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context)
    assert isinstance(loop, VirtualLoop)
    loop.alive[task] = None
    task.add_done_callback(lambda done: loop.alive.pop(done, None))
    place = PLACE.get() if context is None else context.get(PLACE)
    if place is not None:
        place.add(task)
    return task


def spawn(
    work: Coroutine[Any, Any, Any], *, place: Place | None, chance: random.Random, name: str
) -> asyncio.Task[Any]:
    """Run ``work`` in a place, with a chance of its own: what others do does not change what it draws."""
    context = contextvars.copy_context()
    context.run(PLACE.set, place)
    context.run(CHANCE.set, chance)
    return asyncio.get_running_loop().create_task(work, name=name, context=context)


def run_virtual(main: Coroutine[Any, Any, T], on_error: Callable[[str], None]) -> T:
    """Run ``main`` on a loop of its own to its end; ``on_error`` hears of what nobody awaited and failed."""
    loop = VirtualLoop()

    def failed(_loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        error = told.get("exception")
        if not isinstance(error, asyncio.CancelledError):
            on_error(f"{told.get('message')}: {error!r}")

    loop.set_exception_handler(failed)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        _end(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _end(loop: VirtualLoop) -> None:
    """Cancel what is left, and let it end."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=60))
    loop.run_until_complete(loop.shutdown_asyncgens())
