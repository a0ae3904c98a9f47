"""A circuit breaker: a bank that does not answer is left alone for a while, and then asked by one."""

from __future__ import annotations

from collections.abc import Callable


class Breaker:
    """Opens after ``failures`` in a row; after ``open_s`` one request may try, and its fate is everyone's."""

    def __init__(self, failures: int, open_s: float, now: Callable[[], float]) -> None:
        self._most = failures
        self._open_s = open_s
        self._now = now
        self._failures = 0
        self._opened_at: float | None = None
        self._tried_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether requests are refused now."""
        return self._opened_at is not None

    def may_try(self) -> bool:
        """Answer whether a request may go out; the one that probes an open breaker is counted by asking."""
        if self._opened_at is None:
            return True
        now = self._now()
        if now < self._opened_at + self._open_s:
            return False
        if self._tried_at is not None and now < self._tried_at + self._open_s:
            return False  # one is out already; one that never reports back is given up after the same time
        self._tried_at = now
        return True

    def answered(self) -> None:
        """Note that the bank answered, whatever it said."""
        self._failures = 0
        self._opened_at = self._tried_at = None

    def failed(self) -> None:
        """Note that it did not."""
        self._failures += 1
        if self._failures >= self._most:
            self._opened_at = self._now()
            self._tried_at = None
