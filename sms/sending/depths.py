"""How much waits to be sent, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sms.messages import Purpose
from sms.sending.texts import Text


@dataclass(frozen=True, slots=True)
class Depth:
    """Texts that wait, or are under way, of one purpose by one operator."""

    purpose: Purpose
    operator: str  # that carries them when all is well
    texts: int
    oldest_s: float  # since the oldest that could be sent was made


def depths_of(texts: Iterable[Text], now: float) -> tuple[Depth, ...]:
    """Answer the depths of ``texts`` at ``now``, seconds since the epoch."""
    found: dict[tuple[Purpose, str], tuple[int, float]] = {}
    for text in texts:
        outgoing = text.outgoing
        key = (outgoing.purpose, text.operator or text.route.first)
        count, since = found.get(key, (0, now))
        found[key] = count + 1, min(since, max(outgoing.at, outgoing.not_before))
    return tuple(Depth(*key, count, now - since) for key, (count, since) in sorted(found.items()))


def by_purpose(depths: Iterable[Depth]) -> dict[Purpose, tuple[int, float]]:
    """Answer the same without operators: how many texts, and the age of the oldest."""
    found: dict[Purpose, tuple[int, float]] = {}
    for one in depths:
        texts, oldest_s = found.get(one.purpose, (0, 0.0))
        found[one.purpose] = texts + one.texts, max(oldest_s, one.oldest_s)
    return found
