"""The figures of SMS for Prometheus: what happened, counted as it happens, and how things stand, asked at a scrape.

An event costs some tenths of a microsecond: it adds to a plain number, in the one thread of the event loop, and what
Prometheus wants is made of these numbers when it asks. Labels are bounded: a peer that answers with ever new statuses
does not fill the memory with them. No figure names a customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from sms.messages import Purpose, State
from sms.smpp import Status, status_name
from tellerline.counted import Times

# Seconds: a response comes from the next room or from an overloaded operator abroad; a text takes its core's time too.
SUBMIT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
HANDLED_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
MAX_STATUSES = 64  # of one bind; later ones are counted as "other"
UNANSWERED = "none"  # in the place of a status that never came
_OTHER = -1
_Families: TypeAlias = dict[str, Any]  # counters, gauges and histograms, whose add_metric differ in their arguments
_THROTTLED = frozenset({int(Status.RTHROTTLED), int(Status.RMSGQFUL)})


@dataclass(frozen=True, slots=True)
class BindStanding:
    """How one bind stands."""

    name: str  # operator/bind
    bound: bool
    mode: str = ""
    window: int = 0
    in_flight: int = 0
    per_second: float = 0.0  # as limited; 0: not
    held: bool = True  # by this node; a bind that may exist once is held by one of them
    since: float = 0.0  # bound, or not, since then; seconds since the epoch
    rate: float = 0.0  # submit_sm a second, now
    throttled_s: float = 0.0  # the operator is left alone for so much longer
    downs: int = 0
    holder: str = ""  # the node that has it, where it may exist once
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class QueueStanding:
    """How many texts of one purpose wait, and for how long the oldest has."""

    depth: int
    oldest_s: float


class Watched(Protocol):
    """What can be asked about how SMS stands; :class:`Nothing` stands for it before there is any."""

    def binds(self) -> Iterable[BindStanding]:
        """Answer the binds of this node."""
        ...

    def queues(self) -> Mapping[Purpose, QueueStanding]:
        """Answer what waits to be sent, by purpose."""
        ...

    def receipts(self) -> Mapping[str, int]:
        """Answer how many receipts were matched, parked, unmatched and repeated since the start."""
        ...

    def received(self) -> Mapping[str, int]:
        """Answer what came in since the start besides whole texts: copies, texts with parts missing."""
        ...


class Nothing:
    """Knows of nothing."""

    def binds(self) -> Iterable[BindStanding]:
        """See :class:`Watched`."""
        return ()

    def queues(self) -> Mapping[Purpose, QueueStanding]:
        """See :class:`Watched`."""
        return {}

    def receipts(self) -> Mapping[str, int]:
        """See :class:`Watched`."""
        return {}

    def received(self) -> Mapping[str, int]:
        """See :class:`Watched`."""
        return {}


@dataclass(slots=True)
class _Bind:
    """What happened on one bind."""

    submits: dict[int | None, int] = field(default_factory=dict)
    answered: Times = field(default_factory=lambda: Times(SUBMIT_BUCKETS))
    delivers: dict[int | None, int] = field(default_factory=dict)
    throttled: int = 0
    ups: int = 0
    downs: int = 0


class SmsFigures(Collector):
    """An observer of the gateway (:class:`sms.observing.Observer`), and a collector of Prometheus."""

    def __init__(self) -> None:
        self._binds: dict[str, _Bind] = {}
        self._changed: dict[tuple[Purpose, State], int] = {}
        self._handled: dict[str, Times] = {}
        self.watched: Watched = Nothing()
        self.too_old: Callable[[], Mapping[Purpose, bool]] = dict  # whose oldest text waits too long

    # --- what happens ---

    def bound(self, bind: str, up: bool) -> None:
        """See :class:`sms.observing.Observer`."""
        counts = self._binds.get(bind) or self._bind(bind)
        if up:
            counts.ups += 1
        else:
            counts.downs += 1

    def received(self, bind: str, status: int) -> None:
        """See :class:`sms.observing.Observer`."""
        counts = self._binds.get(bind) or self._bind(bind)
        _add(counts.delivers, status)

    def submitted(self, bind: str, status: int | None, seconds: float) -> None:
        """See :class:`sms.observing.Observer`."""
        counts = self._binds.get(bind) or self._bind(bind)
        _add(counts.submits, status)
        if status is not None:
            counts.answered.add(seconds)
            if status in _THROTTLED:
                counts.throttled += 1

    def changed(self, purpose: Purpose, state: State) -> None:
        """See :class:`sms.observing.Observer`."""
        key = (purpose, state)
        self._changed[key] = self._changed.get(key, 0) + 1

    def handled(self, kind: str, seconds: float) -> None:
        """See :class:`sms.observing.Observer`."""
        times = self._handled.get(kind)
        if times is None:
            times = self._handled[kind] = Times(HANDLED_BUCKETS)
        times.add(seconds)

    def _bind(self, bind: str) -> _Bind:
        return self._binds.setdefault(bind, _Bind())

    def submits(self, bind: str) -> int:
        """Answer how many submit_sm were answered on ``bind`` or given up since the start."""
        counts = self._binds.get(bind)
        return sum(counts.submits.values()) if counts is not None else 0

    def throttles(self, bind: str) -> int:
        """Answer how many of them the operator was too busy for."""
        counts = self._binds.get(bind)
        return counts.throttled if counts is not None else 0

    # --- what Prometheus asks ---

    def describe(self) -> Iterable[Metric]:
        """Answer the names alone, so that two of the same name in one registry are refused."""
        for family in _FAMILIES.values():
            yield family.empty()

    def collect(self) -> Iterator[Metric]:
        """Answer every figure as it is now."""
        families: _Families = {name: family.empty() for name, family in _FAMILIES.items()}
        self._tell_binds(families)
        self._tell_standing(families)
        for (purpose, state), count in self._changed.items():
            families["texts"].add_metric([purpose.value, state.value], count)
        for kind, times in self._handled.items():
            families["handled"].add_metric([kind], times.buckets(), times.total)
            families["kinds"].add_metric([kind], sum(times.counts))
        yield from families.values()

    def _tell_binds(self, families: _Families) -> None:
        for bind, counts in self._binds.items():
            for status, count in counts.submits.items():
                families["submits"].add_metric([bind, _named(status)], count)
            for status, count in counts.delivers.items():
                families["delivers"].add_metric([bind, _named(status)], count)
            families["submit_seconds"].add_metric([bind], counts.answered.buckets(), counts.answered.total)
            families["throttled"].add_metric([bind], counts.throttled)
            families["ups"].add_metric([bind, "up"], counts.ups)
            families["ups"].add_metric([bind, "down"], counts.downs)

    def _tell_standing(self, families: _Families) -> None:
        watched = self.watched
        for bind in watched.binds():
            families["up"].add_metric([bind.name], float(bind.bound))
            families["held"].add_metric([bind.name], float(bind.held))
            families["window"].add_metric([bind.name], bind.window)
            families["in_flight"].add_metric([bind.name], bind.in_flight)
            families["limit"].add_metric([bind.name], bind.per_second)
        queues = watched.queues()
        too_old = self.too_old()
        for purpose in Purpose:  # those that do not wait too: a figure that comes and goes cannot be alarmed on
            queue = queues.get(purpose, _EMPTY)
            families["depth"].add_metric([purpose.value], queue.depth)
            families["oldest"].add_metric([purpose.value], queue.oldest_s)
            families["too_old"].add_metric([purpose.value], float(too_old.get(purpose, False)))
        for outcome, count in watched.receipts().items():
            families["receipts"].add_metric([outcome], count)
        for what, count in watched.received().items():
            families["oddities"].add_metric([what], count)


def _add(counts: dict[int | None, int], status: int | None) -> None:
    known = counts.get(status)
    if known is not None:
        counts[status] = known + 1
    elif len(counts) < MAX_STATUSES:
        counts[status] = 1
    else:
        counts[_OTHER] = counts.get(_OTHER, 0) + 1


def _named(status: int | None) -> str:
    if status is None:
        return UNANSWERED
    return "other" if status == _OTHER else status_name(status)


_EMPTY = QueueStanding(0, 0.0)


@dataclass(frozen=True, slots=True)
class _Described:
    """A figure without its values."""

    kind: type[CounterMetricFamily] | type[GaugeMetricFamily] | type[HistogramMetricFamily]
    name: str
    help: str
    labels: tuple[str, ...]

    def empty(self) -> Metric:
        return self.kind(self.name, self.help, labels=self.labels)


_COUNTER, _GAUGE, _HISTOGRAM = CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
_FAMILIES: Mapping[str, _Described] = MappingProxyType(
    {
        "up": _Described(_GAUGE, "tellerline_sms_bind_up", "1 while the bind is bound.", ("bind",)),
        "held": _Described(
            _GAUGE, "tellerline_sms_bind_held", "1 while this node may have the bind, 0 while another has.", ("bind",)
        ),
        "ups": _Described(
            _COUNTER, "tellerline_sms_bind_changes", "How often the bind came up and went down.", ("bind", "to")
        ),
        "window": _Described(_GAUGE, "tellerline_sms_window_size", "Requests that may be under way.", ("bind",)),
        "in_flight": _Described(_GAUGE, "tellerline_sms_window_used", "Requests that are under way.", ("bind",)),
        "limit": _Described(
            _GAUGE, "tellerline_sms_rate_limit", "submit_sm a second that the bind may send; 0: any.", ("bind",)
        ),
        "submits": _Described(
            _COUNTER, "tellerline_sms_submits", "submit_sm by status; none: it was never answered.", ("bind", "status")
        ),
        "throttled": _Described(
            _COUNTER, "tellerline_sms_throttled", "submit_sm that the operator was too busy for.", ("bind",)
        ),
        "submit_seconds": _Described(
            _HISTOGRAM, "tellerline_sms_submit_seconds", "How long answers to submit_sm took.", ("bind",)
        ),
        "delivers": _Described(
            _COUNTER, "tellerline_sms_delivers", "deliver_sm by the status that we answered.", ("bind", "status")
        ),
        "texts": _Described(
            _COUNTER, "tellerline_sms_texts", "States that texts reached, by what they are for.", ("purpose", "state")
        ),
        "handled": _Described(
            _HISTOGRAM, "tellerline_sms_handled_seconds", "How long customers' texts were worked on.", ("kind",)
        ),
        "kinds": _Described(_COUNTER, "tellerline_texts", "Customers' texts, by what became of them.", ("outcome",)),
        "depth": _Described(_GAUGE, "tellerline_sms_queue_depth", "Texts that wait to be sent.", ("purpose",)),
        "oldest": _Described(
            _GAUGE, "tellerline_sms_queue_oldest_seconds", "How long the oldest of them has waited.", ("purpose",)
        ),
        "too_old": _Described(
            _GAUGE, "tellerline_sms_queue_too_old", "1 while it waits longer than it should.", ("purpose",)
        ),
        "receipts": _Described(
            _COUNTER, "tellerline_sms_receipts", "Delivery receipts, by what became of them.", ("outcome",)
        ),
        "oddities": _Described(
            _COUNTER, "tellerline_sms_received_otherwise", "What came in besides whole texts.", ("what",)
        ),
    }
)


def names() -> frozenset[str]:
    """Answer the names as Prometheus writes them, for whoever checks rules and dashboards against them."""
    told = set()
    for family in _FAMILIES.values():
        if family.kind is _COUNTER:
            told.add(f"{family.name}_total")
        elif family.kind is _HISTOGRAM:
            told |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
        else:
            told.add(family.name)
    return frozenset(told)
