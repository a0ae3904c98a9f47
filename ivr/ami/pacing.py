"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random


class Backoff:
    """Doubles from ``initial_s`` to ``longest_s``; each delay is a random part, between half and all, of that.

    The random part keeps a hundred servers from calling a restarted exchange in the same instant.
    """

    def __init__(self, initial_s: float, longest_s: float, rng: random.Random) -> None:
        self._initial_s = initial_s
        self._longest_s = longest_s
        self._rng = rng
        self._step_s = initial_s

    def next_s(self) -> float:
        """Answer the next delay."""
        step_s, self._step_s = self._step_s, min(self._step_s * 2, self._longest_s)
        return step_s * self._rng.uniform(0.5, 1.0)

    def slowest(self) -> None:
        """Go on at the slowest pace: asking more often will not help."""
        self._step_s = self._longest_s

    def reset(self) -> None:
        """Begin again at the fastest: a connection has proved itself."""
        self._step_s = self._initial_s
