"""A bounded number of answers to whoever texts without end: in memory, for every text asks."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum

from sms.people.settings import Rate

MAX_NUMBERS = 100_000  # remembered at once; the one that was quiet for longest is forgotten first


class Answering(StrEnum):
    """How a text is answered."""

    AS_EVER = "as_ever"
    WARNED = "warned"  # with one warning that nothing more is answered for a while
    NOT_AT_ALL = "not_at_all"


class _Texts:
    """What one number sent lately."""

    __slots__ = ("began", "count", "silent_until")

    def __init__(self, began: float) -> None:
        self.began = began
        self.count = 0
        self.silent_until = 0.0


class Floods:
    """Says how each text is answered.

    A number that texts more than the rate lets through is warned once and then not answered for ``silence_s``,
    counted from the warning, however often it texts: at most ``most`` answers and one warning in that time.
    """

    def __init__(self, rate: Rate, silence_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._silence_s = silence_s
        self._clock = clock
        self._numbers: OrderedDict[str, _Texts] = OrderedDict()

    def __len__(self) -> int:
        return len(self._numbers)

    def answering(self, number: str) -> Answering:
        """Count one more text of ``number``."""
        now = self._clock()
        texts = self._numbers.get(number)
        if texts is None:
            texts = self._numbers[number] = _Texts(now)
            self._forget(now)
        else:
            self._numbers.move_to_end(number)
        if now < texts.silent_until:
            return Answering.NOT_AT_ALL
        if texts.silent_until or now >= texts.began + self._rate.within_s:
            texts.began, texts.count, texts.silent_until = now, 0, 0.0
        texts.count += 1
        if texts.count <= self._rate.most:
            return Answering.AS_EVER
        texts.silent_until = now + self._silence_s
        return Answering.WARNED

    def calm(self, number: str) -> bool:
        """Answer whether one more text of ``number`` would be answered as ever. It is not counted."""
        texts = self._numbers.get(number)
        if texts is None:
            return self._rate.most > 0
        now = self._clock()
        if now < texts.silent_until:
            return False
        over = texts.silent_until > 0 or now >= texts.began + self._rate.within_s
        return (0 if over else texts.count) < self._rate.most

    def _forget(self, now: float) -> None:
        """Forget whoever has nothing to be remembered for, the quietest first, a few for each new one."""
        for _ in range(2):
            number, texts = next(iter(self._numbers.items()))
            over = max(texts.silent_until, texts.began + self._rate.within_s)
            if now < over and len(self._numbers) <= MAX_NUMBERS:
                return
            if texts.began == now and not texts.count:
                return  # the one that has just come
            del self._numbers[number]
