"""Where texts stand that are to be sent: behind the one before them to the same number, in a line, or set aside."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from sms.messages import Purpose
from sms.sending.ports import SendingWay
from sms.sending.routing import Route
from sms.sending.texts import Text

_RANKS = len(Purpose)
_NEVER = float("inf")


class Lines(ABC):
    """The lines, by rank of purpose and route, and the lanes before them, by rank and number."""

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._loop: asyncio.AbstractEventLoop
        self._texts: dict[str, Text] = {}  # all, by their place in the store
        self._lanes: list[dict[str, deque[Text] | None]] = [{} for _ in range(_RANKS)]  # those behind the first
        self._lines: list[dict[Route[SendingWay], deque[Text]]] = [{} for _ in range(_RANKS)]
        self._parked: list[tuple[float, int, Text]] = []  # until when; a heap
        self._count = itertools.count()
        self._woken = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER

    @abstractmethod
    def pump(self) -> None:
        """Write whatever can be written now."""

    @abstractmethod
    def _write_at_once(self, text: Text) -> bool:
        """Write a text before which none waits; answer whether that was possible."""

    @abstractmethod
    def _ask(self, text: Text) -> None:
        """Find out what is not known of a text."""

    def _enter(self, text: Text) -> None:
        """Let it begin, or wait for the one before it to the same number."""
        lane, number = self._lanes[text.rank], text.outgoing.destination
        if number not in lane:
            lane[number] = None
            text.active = True
            if not self._write_at_once(text):
                self._line_up(text)
                self.pump()
            return
        waiting = lane[number]
        if waiting is None:
            waiting = lane[number] = deque()
        waiting.append(text)

    def _leave(self, text: Text) -> None:
        """Let the next one to the same number begin."""
        if not text.active:
            return
        text.active = False
        lane, number = self._lanes[text.rank], text.outgoing.destination
        waiting = lane.get(number)
        while waiting:
            following = waiting.popleft()
            if not following.ended:
                following.active = True
                self._line_up(following)
                self._wake()
                return
        lane.pop(number, None)

    def _line_up(self, text: Text, *, first: bool = False) -> None:
        if text.lined or text.ended:
            return
        if not text.resumed:
            self._ask(text)
            return
        text.lined = True
        lines = self._lines[text.rank]
        line = lines.get(text.route)
        if line is None:
            line = lines[text.route] = deque()
        if first:
            line.appendleft(text)
        else:
            line.append(text)

    def _again_in(self, text: Text, delay_s: float) -> None:
        """Put it back at the head of its line, at once or after a while."""
        if text.lined or text.ended:
            return
        if not delay_s:
            self._line_up(text, first=True)
            self._wake()
            return
        text.lined = True
        text.delayed = self._loop.call_later(delay_s, self._delayed, text)

    def _delayed(self, text: Text) -> None:
        text.delayed = None
        text.lined = False
        self._line_up(text, first=True)
        self.pump()

    def _park(self, text: Text, until: float) -> None:
        heapq.heappush(self._parked, (until, next(self._count), text))

    def _unpark(self) -> None:
        now = self._wall_clock()
        while self._parked and self._parked[0][0] <= now:
            text = heapq.heappop(self._parked)[2]
            if not text.ended:
                self._enter(text)

    def _wake(self) -> None:
        """Look for what can be written, later in this turn of the loop."""
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._awake)

    def _awake(self) -> None:
        self._woken = False
        self.pump()

    def _wake_at(self, at: float) -> None:
        if at < self._timer_at or self._timer is None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = at
            self._timer = self._loop.call_at(at, self._due)

    def _due(self) -> None:
        self._timer, self._timer_at = None, _NEVER
        self.pump()
