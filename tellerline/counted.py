"""Figures counted in plain numbers as things happen, and made into what Prometheus wants when it asks.

prometheus_client takes a lock for each number and walks through every bucket: 10 µs an operation, of which a busy node
carries out thousands a second. These are counted in the one thread of the event loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

# Seconds: from a cache to a core in trouble.
OPERATION_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class Times:
    """A histogram of one label. ``bounds`` are in seconds."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Answer the counts up to each bound, as Prometheus has them."""
        told, sum_ = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            sum_ += count
            told.append((bound, float(sum_)))
        return told


class OperationFigures(Collector):
    """Bank operations: how many by channel and outcome, and how long they took. Labels are words of the registry."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}
        self._times: dict[str, Times] = {}

    def note(self, operation: str, channel: str, outcome: str, seconds: float) -> None:
        """Count one more."""
        what = operation, channel, outcome
        self._counts[what] = self._counts.get(what, 0) + 1
        times = self._times.get(operation)
        if times is None:
            times = self._times[operation] = Times(OPERATION_BUCKETS)
        times.add(seconds)

    def describe(self) -> Iterable[Metric]:
        """Answer the names alone, so that two of the same name in one registry are refused."""
        return self._families()

    def collect(self) -> Iterator[Metric]:
        """Answer every figure as it is now."""
        counts, seconds = self._families()
        for what, count in self._counts.items():
            counts.add_metric(what, count)
        for operation, times in self._times.items():
            seconds.add_metric([operation], times.buckets(), times.total)
        yield counts
        yield seconds

    @staticmethod
    def _families() -> tuple[CounterMetricFamily, HistogramMetricFamily]:
        return (
            CounterMetricFamily(
                "tellerline_operations",
                "Bank operations, by channel and outcome.",
                labels=("operation", "channel", "outcome"),
            ),
            HistogramMetricFamily(
                "tellerline_operation_seconds", "How long bank operations took.", labels=("operation",)
            ),
        )
