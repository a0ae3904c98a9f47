"""An event loop whose time runs faster than the wall clock's, so that a call of a minute is tried in seconds.

Everything on the loop shares that time: playing, timeouts, delays, the fakes and the server alike, so that their
order is what it would be in real time. Work that takes real time (a PIN's hash in a thread, the disk) is announced
with :meth:`PacedLoop.working`, and meanwhile time runs at the wall clock's pace.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, TypeVar

LEAP = math.inf  # the pace at which idle time takes no time at all
_GRACE_S = 0.0005  # before a leap: bytes on their way through the loopback arrive first
T = TypeVar("T")


class _PacedSelector(selectors.BaseSelector):
    """Waits less, or not at all, and tells the loop how much of its time that was."""

    def __init__(self, loop: PacedLoop) -> None:
        self._inner = selectors.DefaultSelector()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return self._inner.select(timeout)
        rate = self._loop.rate
        if not math.isinf(rate):
            return self._inner.select(timeout / rate)
        ready = self._inner.select(_GRACE_S)
        if not ready:
            self._loop.leap(timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class PacedLoop(asyncio.SelectorEventLoop):
    """A loop whose ``time()`` runs ``pace`` times as fast as the wall clock; with ``LEAP`` idle time is skipped."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._busy = 0
        self._at = time.monotonic()  # the loop's time when the rate last changed
        self._mark = self._at  # the wall clock's, then
        super().__init__(_PacedSelector(self))

    @property
    def rate(self) -> float:
        """How fast time runs now."""
        return 1.0 if self._busy else self._pace

    def time(self) -> float:
        """Answer the loop's time in its own seconds."""
        rate = self.rate
        return self._at if math.isinf(rate) else self._at + (time.monotonic() - self._mark) * rate

    def leap(self, seconds: float) -> None:
        """Skip ``seconds``: what was due in them is late at once, in its order."""
        self._rebase()
        self._at += seconds

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Run at the wall clock's pace within: something real is waited for."""
        self._rebase()
        self._busy += 1
        try:
            yield
        finally:
            self._rebase()
            self._busy -= 1

    def _rebase(self) -> None:
        self._at, self._mark = self.time(), time.monotonic()


@contextlib.contextmanager
def working() -> Iterator[None]:
    """Run at the wall clock's pace within, if the running loop is paced at all."""
    loop = asyncio.get_running_loop()
    with loop.working() if isinstance(loop, PacedLoop) else contextlib.nullcontext():
        yield


def run_paced(main: Callable[[], Coroutine[Any, Any, T]], pace: float) -> T:
    """Run ``main()`` on a loop of its own at ``pace``.

    Raises:
        ValueError: ``pace`` is below 1.
    """
    if not pace >= 1:
        raise ValueError(f"a pace of {pace} is below 1")
    with asyncio.Runner(loop_factory=lambda: PacedLoop(pace)) as runner:
        return runner.run(main())
