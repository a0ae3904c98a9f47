"""Quiet hours by the clock on the wall: over midnight, over both changes of the clocks, and as a brute search finds."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.zones import zone_of
from sms.messages import Purpose
from sms.people.quiet import NEVER, Hours, QuietHours

QUIET = QuietHours()
SHANGHAI = zone_of("Asia/Shanghai")


def at(text: str, zone: str = "Asia/Shanghai") -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zone_of(zone)).timestamp()


def hours(begin: str, end: str) -> Hours:
    return Hours(datetime.time.fromisoformat(begin), datetime.time.fromisoformat(end))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-02 20:59:59", None),
        ("2026-03-02 21:00", "2026-03-03 08:00"),
        ("2026-03-02 23:59:59", "2026-03-03 08:00"),
        ("2026-03-03 00:00", "2026-03-03 08:00"),
        ("2026-03-03 07:59:59", "2026-03-03 08:00"),
        ("2026-03-03 08:00", None),
        ("2026-12-31 22:00", "2027-01-01 08:00"),
    ],
)
def test_a_text_that_nobody_waits_for_waits_for_the_morning(now: str, until: str | None) -> None:
    for purpose in (Purpose.RESULT, Purpose.ALERT, Purpose.CAMPAIGN):
        assert QUIET.over_at(purpose, at(now)) == (None if until is None else at(until))


@pytest.mark.parametrize("purpose", [Purpose.ANSWER, Purpose.CODE])
def test_answers_and_codes_know_no_night(purpose: Purpose) -> None:
    assert QUIET.over_at(purpose, at("2026-03-03 03:00")) is None


def test_a_purpose_has_hours_of_its_own_where_they_are_set() -> None:
    quiet = QuietHours(by_purpose={Purpose.RESULT: NEVER, Purpose.CAMPAIGN: hours("12:00", "14:30")})
    night, noon = at("2026-03-03 03:00"), at("2026-03-03 12:10")
    assert quiet.over_at(Purpose.RESULT, night) is None
    assert quiet.over_at(Purpose.CAMPAIGN, night) is None
    assert quiet.over_at(Purpose.CAMPAIGN, noon) == at("2026-03-03 14:30")
    assert quiet.over_at(Purpose.ALERT, night) == at("2026-03-03 08:00")


def test_a_night_in_which_the_clocks_go_forward_is_an_hour_shorter_and_one_in_which_they_go_back_longer() -> None:
    quiet = QuietHours(zone="Europe/Berlin")
    for evening, morning, length_h in (
        ("2026-03-28 21:00", "2026-03-29 08:00", 10),
        ("2026-10-24 21:00", "2026-10-25 08:00", 12),
        ("2026-10-26 21:00", "2026-10-27 08:00", 11),
    ):
        now = at(evening, "Europe/Berlin")
        until = quiet.over_at(Purpose.ALERT, now)
        assert until == at(morning, "Europe/Berlin")
        assert until - now == length_h * 3600


def test_an_end_that_the_clocks_jump_over_is_the_jump() -> None:
    quiet = QuietHours(hours("23:00", "02:30"), "Europe/Berlin")  # 02:00 becomes 03:00
    jump = datetime.datetime(2026, 3, 29, 1, tzinfo=datetime.UTC).timestamp()
    assert quiet.over_at(Purpose.ALERT, jump - 3600) == jump
    assert quiet.over_at(Purpose.ALERT, jump) is None


def test_an_end_that_the_clocks_show_twice_counts_each_time() -> None:
    quiet = QuietHours(hours("23:00", "02:30"), "Europe/Berlin")  # 03:00 becomes 02:00
    first = datetime.datetime(2026, 10, 25, 0, 30, tzinfo=datetime.UTC).timestamp()
    assert quiet.over_at(Purpose.ALERT, first - 3600) == first
    assert quiet.over_at(Purpose.ALERT, first) is None
    assert quiet.over_at(Purpose.ALERT, first + 1800) == first + 3600  # 02:00 once more: it is night again
    assert quiet.over_at(Purpose.ALERT, first + 3600) is None


MINUTE = 60
ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Havana",
)
MOMENTS = st.integers(
    int(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp()) // MINUTE,
    int(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC).timestamp()) // MINUTE,
)
# Near a change of the clocks, where it matters.
CHANGES = st.sampled_from(
    [
        int(datetime.datetime(2026, month, day, hour, tzinfo=datetime.UTC).timestamp()) // MINUTE
        for month, day, hour in ((3, 29, 1), (10, 25, 1), (3, 8, 7), (11, 1, 6), (4, 4, 15), (10, 3, 15), (3, 8, 5))
    ]
).flatmap(lambda change: st.integers(change - 300, change + 300))
TIMES = st.builds(datetime.time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@settings(max_examples=400, deadline=None)
@given(st.one_of(MOMENTS, CHANGES), st.builds(Hours, TIMES, TIMES), st.sampled_from(ZONES))
def test_it_is_over_at_the_first_minute_that_is_not_quiet(minute: int, span: Hours, zone: str) -> None:
    quiet = QuietHours(span, zone)
    place = zone_of(zone)

    def is_quiet(one: int) -> bool:
        return span.contain(datetime.datetime.fromtimestamp(one * MINUTE, place).time())

    found = quiet.over_at(Purpose.CAMPAIGN, minute * MINUTE)
    if not is_quiet(minute):
        assert found is None
        return
    first = next(one for one in range(minute, minute + 3 * 24 * MINUTE) if not is_quiet(one))
    assert found == first * MINUTE
