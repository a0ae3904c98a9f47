"""The nearest word to one that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_WORDS = 2_000  # comparing with more would take longer than reading the manual


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Answer ``Did you mean 'x'?`` for the nearest of ``known``, or nothing when none is near."""
    words = sorted(known)[:MAX_WORDS]
    folded = {candidate.lower(): candidate for candidate in reversed(words)}
    near = difflib.get_close_matches(word[:64].lower(), folded, n=1, cutoff=0.6)
    return f"Did you mean '{folded[near[0]]}'?" if near else ""
