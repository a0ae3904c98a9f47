from __future__ import annotations

import pytest

from sms.binds.pacing import FLOOR_PER_SECOND, PAUSE_FIRST_S, PAUSE_MAX_S, Meter, Pace


def run(pace: Pace, now: float, seconds: float, step_s: float = 0.001) -> list[float]:
    """Write as fast as is let for ``seconds``; answer when each PDU was written."""
    times: list[float] = []
    for tick in range(int(seconds / step_s)):
        at = now + tick * step_s
        while pace.ready_at(at) <= at and len(times) < 1_000_000:
            pace.written(at)
            times.append(at)
    return times


@pytest.mark.parametrize("per_second", [0.5, 1.0, 7.0, 100.0, 333.0])
def test_no_stretch_of_time_holds_more_than_was_promised_and_a_tenth_of_a_second(per_second: float) -> None:
    times = run(Pace(per_second), 0.0, 10.0)
    burst = max(1.0, per_second / 10)
    assert abs(len(times) - (per_second * 10 + burst)) <= 1.5, "and it is not slower than it may be"
    for first in range(len(times)):
        for last in range(first, min(len(times), first + 500)):
            assert last - first + 1 <= per_second * (times[last] - times[first]) + burst + 1e-6


def test_a_rest_saves_up_no_more_than_a_burst() -> None:
    pace = Pace(100.0)
    run(pace, 0.0, 1.0)
    after = run(pace, 60.0, 0.0015)
    assert len(after) == 10


def test_nothing_promised_is_no_limit() -> None:
    pace = Pace()
    assert pace.limit == 0.0
    for _ in range(10_000):
        assert pace.ready_at(5.0) <= 5.0
        pace.written(5.0)


def test_pauses_double_while_nothing_is_taken_and_have_an_end() -> None:
    pace, now, pauses = Pace(jitter=lambda: 1.0), 0.0, []
    for _ in range(12):
        written_at = now
        assert pace.throttled(now + 0.01, written_at)
        pauses.append(pace.throttled_for(now + 0.01))
        now = pace.ready_at(now)
    assert pauses[:4] == pytest.approx([PAUSE_FIRST_S * 2**n for n in range(4)])
    assert pauses[-1] == pytest.approx(PAUSE_MAX_S)


def test_jitter_shortens_a_pause_by_up_to_half() -> None:
    pace = Pace(jitter=lambda: 0.0)
    pace.throttled(0.0, 0.0)
    assert pace.throttled_for(0.0) == pytest.approx(PAUSE_FIRST_S / 2)


def test_a_burst_that_was_refused_is_one_complaint() -> None:
    pace = Pace()
    assert pace.throttled(1.0, 0.9)
    until = pace.ready_at(1.0)
    for written_at in (0.91, 0.95, 0.99):
        assert not pace.throttled(1.01, written_at), "in the pause"
        assert not pace.throttled(until + 0.01, written_at), "after it, of something written before it"
    assert pace.ready_at(1.0) == until
    assert pace.throttled(until + 0.05, until + 0.01), "written after the pause"


def test_what_is_taken_shortens_the_next_pause() -> None:
    pace, now = Pace(), 0.0
    for _ in range(4):
        pace.throttled(now, now)
        now = pace.ready_at(now)
    for _ in range(5):
        pace.taken(now, now)
    pace.throttled(now + 0.1, now + 0.1)
    assert pace.throttled_for(now + 0.1) == pytest.approx(PAUSE_FIRST_S)


def test_what_was_written_before_the_pause_does_not_shorten_it() -> None:
    pace = Pace()
    pace.throttled(1.0, 0.9)
    for _ in range(10):
        pace.taken(1.01, 0.95)
    pace.throttled(2.0, 1.9)
    assert pace.throttled_for(2.0) == pytest.approx(2 * PAUSE_FIRST_S)


def test_after_a_complaint_it_goes_slower_than_what_was_taken_and_back_within_seconds() -> None:
    pace, now = Pace(400.0), 0.0
    for tick in range(1, 401):
        pace.taken(tick / 400, tick / 400 - 0.001)
    now = 1.0
    pace.throttled(now, now)
    slow = pace.limit
    assert 250 < slow < 300
    now = pace.ready_at(now)
    speeds = []
    while pace.limit < 400.0 and now < 20.0:
        now += 1 / pace.limit
        pace.written(now)
        pace.taken(now, now - 0.001)
        speeds.append(pace.limit)
    assert speeds == sorted(speeds), "gradually"
    assert 2.0 < now - 1.0 < 5.0
    assert pace.limit == 400.0


def test_without_a_promise_the_limit_goes_when_twice_the_speed_is_borne() -> None:
    pace, now = Pace(), 0.0
    for tick in range(1, 201):
        pace.taken(tick / 200, tick / 200 - 0.001)
    pace.throttled(1.0, 1.0)
    now = 1.2
    while pace.limit and now < 60.0:
        now += 1 / pace.limit
        pace.taken(now, now - 0.001)
    assert pace.limit == 0.0
    assert now < 20.0


def test_it_never_slows_to_nothing() -> None:
    slow, promised = Pace(), Pace(20.0)
    for pace in (slow, promised):
        now = 0.0
        for _ in range(10):
            pace.throttled(now, now)
            now = pace.ready_at(now)
    assert slow.limit == FLOOR_PER_SECOND
    assert promised.limit == 2.0, "a tenth of what was promised"


def test_against_an_operator_that_takes_so_many_a_second_nearly_as_many_arrive() -> None:
    """The whole loop: an operator that takes 100 in a second of its clock, and a bind to which nobody promised it."""
    pace, taken, refused = Pace(jitter=lambda: 0.5), 0, 0
    now, end, second, in_second = 0.0, 30.0, -1, 0
    while now < end:
        now = max(now + 0.0005, pace.ready_at(now))
        pace.written(now)
        if int(now) != second:
            second, in_second = int(now), 0
        if in_second < 100:
            in_second += 1
            taken += 1
            pace.taken(now + 0.001, now)
        else:
            refused += 1
            pace.throttled(now + 0.001, now)
    assert taken > 0.75 * 100 * end
    assert refused < 0.1 * taken


def test_a_meter_tells_the_rate_of_about_the_last_second() -> None:
    meter = Meter()
    assert meter.rate(0.0) == 0.0
    for tick in range(5000):
        meter.hit(tick / 1000)
    assert meter.rate(5.0) == pytest.approx(1000, rel=0.05)
    assert meter.rate(7.5) == 0.0
