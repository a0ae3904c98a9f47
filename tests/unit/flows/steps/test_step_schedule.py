from __future__ import annotations

import pytest

from flows.dialogue import Channel, What
from tests.unit.flows.steps.made import facts, flow_of, said_at, slip, turn_at, ways

TOP = """\
schedules:
  hours:
    open: {mon-fri: 09:00-17:30}
    holidays: [2026-10-01..2026-10-07]
    special: {2026-10-10: 09:00-12:00}
"""
STEPS = """\
  main: {schedule: hours, open: bye, closed: other, holiday: holiday}
  holiday: {say: [holiday], hangup: true}
"""


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-03-02T09:00:00+08:00", "goodbye"),
        ("2026-03-02T08:59:59+08:00", "other"),
        ("2026-03-02T17:29:59+08:00", "goodbye"),
        ("2026-03-02T17:30:00+08:00", "other"),
        ("2026-03-02T01:00:00+00:00", "goodbye"),  # the same moment as nine in Shanghai
        ("2026-03-01T12:00:00+08:00", "other"),  # a Sunday
        ("2026-10-01T12:00:00+08:00", "holiday"),
        ("2026-10-10T09:30:00+08:00", "goodbye"),  # a Saturday that is worked
    ],
)
def test_the_moment_decides(at: str, said: str) -> None:
    assert said_at(flow_of(STEPS, TOP), facts(at))[0] == said


def test_another_zone_has_other_hours() -> None:
    flow = flow_of(STEPS, "time_zone: Europe/London\n" + TOP)
    assert said_at(flow, facts("2026-03-02T09:00:00+08:00"))[0] == "other"
    assert said_at(flow, facts("2026-03-02T09:00:00+00:00"))[0] == "goodbye"


def test_a_holiday_without_a_way_of_its_own_goes_as_closed_and_says_so_in_the_trail() -> None:
    flow = flow_of("  main: {schedule: hours, open: bye, closed: other}\n", TOP)
    session, turn = turn_at(flow, facts("2026-10-01T12:00:00+08:00"))
    assert session.ended
    left = [mark for mark in turn.trail if mark.what is What.LEFT]
    assert (left[0].way, left[0].word) == ("case", "holiday")
    assert ways(flow.steps["main"].edges(Channel.SMS)) == [
        "case open -> bye", "case closed -> other", "case holiday -> other",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "words", "at"),
    [
        ("{schedule: huors, open: bye, closed: bye}", "unknown schedule 'huors'. Did you mean 'hours'?", "huors"),
        ("{schedule: night, open: bye, closed: bye}", "unknown schedule 'night'. Write it under 'schedules'.", "night"),
        ("{schedule: hours, open: bye}", "schedule 'main' needs 'closed'", "{schedule"),
        ("{schedule: hours, open: bye, closed: bye, holidays: bye}", "unknown key 'holidays'", "holidays"),
        ("{schedule: hours, open: bye, closed: bye, holiday: bey}", "there is no step 'bey'", "bey"),
        ("{schedule: hours, open: bye, closed: bye, next: bye}", "unknown key 'next'", "next"),
    ],
)
def test_a_slip_is_named_at_its_word(step: str, words: str, at: str) -> None:
    slip(f"  main: {step}\n", words, at, TOP)
