"""What Prometheus gets to hear of SMS, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sms.messages import Purpose, State
from sms.observing import Observer
from tellerline.texts.figures import MAX_STATUSES, BindStanding, QueueStanding, SmsFigures


class Busy:
    """A gateway with one bind, a queue, and a past."""

    def binds(self) -> Iterable[BindStanding]:
        return (
            BindStanding("north/a", bound=True, window=50, in_flight=7, per_second=100.0),
            BindStanding("north/b", bound=False, held=False),
        )

    def queues(self) -> Mapping[Purpose, QueueStanding]:
        return {Purpose.CODE: QueueStanding(3, 12.5)}

    def receipts(self) -> Mapping[str, int]:
        return {"matched": 5, "parked": 1}

    def received(self) -> Mapping[str, int]:
        return {"copy": 2}


def scraped(figures: SmsFigures) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    registry = CollectorRegistry()
    registry.register(figures)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(found: Mapping[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_what_happened_on_a_bind_is_counted_by_status_and_time() -> None:
    figures = SmsFigures()
    figures.bound("north/a", True)
    figures.bound("north/a", False)
    figures.submitted("north/a", 0, 0.004)
    figures.submitted("north/a", 0x58, 0.02)
    figures.submitted("north/a", 0x14, 0.02)
    figures.submitted("north/a", None, 10.0)
    figures.received("north/a", 0)
    figures.received("north/a", 0x64)
    found = scraped(figures)
    assert value(found, "tellerline_sms_submits_total", bind="north/a", status="ESME_ROK") == 1
    assert value(found, "tellerline_sms_submits_total", bind="north/a", status="ESME_RTHROTTLED") == 1
    assert value(found, "tellerline_sms_submits_total", bind="north/a", status="none") == 1
    assert value(found, "tellerline_sms_throttled_total", bind="north/a") == 2
    assert value(found, "tellerline_sms_submit_seconds_bucket", bind="north/a", le="0.005") == 1
    assert value(found, "tellerline_sms_submit_seconds_bucket", bind="north/a", le="0.025") == 3
    assert (
        value(found, "tellerline_sms_submit_seconds_count", bind="north/a") == 3
    )  # what was never answered took no time
    assert value(found, "tellerline_sms_submit_seconds_sum", bind="north/a") == pytest.approx(0.044)
    assert value(found, "tellerline_sms_delivers_total", bind="north/a", status="ESME_RX_T_APPN") == 1
    assert value(found, "tellerline_sms_bind_changes_total", bind="north/a", to="down") == 1
    assert (figures.submits("north/a"), figures.throttles("north/a")) == (4, 2)
    assert (figures.submits("south/a"), figures.throttles("south/a")) == (0, 0)


def test_what_became_of_texts_is_counted_by_what_they_are_for() -> None:
    figures = SmsFigures()
    figures.changed(Purpose.CODE, State.DELIVERED)
    figures.changed(Purpose.CODE, State.DELIVERED)
    figures.handled("command", 0.003)
    found = scraped(figures)
    assert value(found, "tellerline_sms_texts_total", purpose="code", state="delivered") == 2
    assert value(found, "tellerline_sms_handled_seconds_bucket", kind="command", le="0.005") == 1


def test_how_things_stand_is_asked_at_the_scrape() -> None:
    figures = SmsFigures()
    figures.watched = Busy()
    figures.too_old = lambda: {Purpose.CODE: True}
    found = scraped(figures)
    assert value(found, "tellerline_sms_bind_up", bind="north/a") == 1
    assert value(found, "tellerline_sms_bind_up", bind="north/b") == 0
    assert value(found, "tellerline_sms_bind_held", bind="north/b") == 0
    assert value(found, "tellerline_sms_window_size", bind="north/a") == 50
    assert value(found, "tellerline_sms_window_used", bind="north/a") == 7
    assert value(found, "tellerline_sms_rate_limit", bind="north/a") == 100
    assert value(found, "tellerline_sms_queue_depth", purpose="code") == 3
    assert value(found, "tellerline_sms_queue_oldest_seconds", purpose="code") == 12.5
    assert value(found, "tellerline_sms_queue_depth", purpose="campaign") == 0
    assert value(found, "tellerline_sms_queue_too_old", purpose="code") == 1
    assert value(found, "tellerline_sms_receipts_total", outcome="matched") == 5
    assert value(found, "tellerline_sms_received_otherwise_total", what="copy") == 2


def test_a_peer_with_ever_new_statuses_does_not_fill_the_memory() -> None:
    figures = SmsFigures()
    for status in range(1000, 3000):
        figures.submitted("north/a", status, 0.01)
    found = [key for key in scraped(figures) if key[0] == "tellerline_sms_submits_total"]
    assert len(found) == MAX_STATUSES + 1
    assert (
        value(scraped(figures), "tellerline_sms_submits_total", bind="north/a", status="other") == 2000 - MAX_STATUSES
    )


def test_an_event_costs_less_than_two_microseconds() -> None:
    figures = SmsFigures()
    observer: Observer = figures
    events: tuple[Callable[[], None], ...] = (
        lambda: observer.submitted("north/a", 0, 0.02),
        lambda: observer.received("north/a", 0),
        lambda: observer.changed(Purpose.CODE, State.ACCEPTED),
        lambda: observer.handled("command", 0.003),
    )
    for event in events:
        best = min(_seconds(event, 2_000) for _ in range(20))
        assert best / 2_000 < 2e-6


def _seconds(event: Callable[[], None], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        event()
    return time.process_time() - began
