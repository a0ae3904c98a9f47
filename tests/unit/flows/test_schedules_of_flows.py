# ruff: noqa: E501 - a table of slips reads best as one row a slip
from __future__ import annotations

import datetime

import pytest

from flows.dialogue import DigitsReceived, Facts, Item, Prompt, Say, SayDate, Trigger, Turn
from flows.engine import Engine
from flows.errors import FlowError
from flows.reading.loader import load_flow_text
from flows.schedules import Schedule, State
from flows.testing.driver import AT, Driver
from flows.zones import zone_of

TEXT = """\
flow: hours
languages: [en, zh]
fallback: {en: [zh]}
time_zone: Asia/Shanghai
start: main
defaults: {on_fail: bye}
schedules:
  hours:
    open: {mon-fri: 09:00-17:30, sat: [09:00-12:00, "13:00-16:00"], sun: closed}
    holidays: [2026-10-01..2026-10-07, 2026-12-31]
    special: {2026-10-10: 09:00-12:00, 2026-02-17: closed, 2026-10-02: 10:00-11:00}
notices:
  outage: [notice_outage]
steps:
  main: {if: hours.open, then: opened, else: shut}
  opened: {say: [opened, {date: today}], hangup: true}
  shut: {if: hours.holiday or notices.outage, then: holiday, else: bye}
  holiday: {say: [holiday, {date: today}], hangup: true}
  bye: {say: [goodbye, {date: today}], hangup: true}
"""


def hours(text: str = TEXT) -> Schedule:
    return load_flow_text(text, "hours.yaml").schedules["hours"]


def refused(old: str, new: str) -> FlowError:
    assert old in TEXT
    with pytest.raises(FlowError) as caught:
        load_flow_text(TEXT.replace(old, new, 1), "hours.yaml")
    return caught.value


def at(text: str, zone: str = "Asia/Shanghai") -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zone_of(zone))


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        ("2026-03-02T08:59:59", State.CLOSED),  # a Monday
        ("2026-03-02T09:00:00", State.OPEN),
        ("2026-03-02T17:29:59", State.OPEN),
        ("2026-03-02T17:30:00", State.CLOSED),
        ("2026-03-07T12:30:00", State.CLOSED),  # Saturday's lunch
        ("2026-03-07T13:00:00", State.OPEN),
        ("2026-03-08T10:00:00", State.CLOSED),
        ("2026-09-30T10:00:00", State.OPEN),
        ("2026-10-01T10:00:00", State.HOLIDAY),
        ("2026-10-07T23:59:00", State.HOLIDAY),
        ("2026-10-08T10:00:00", State.OPEN),
        ("2026-10-02T10:30:00", State.OPEN),  # a special day within the holidays
        ("2026-10-02T11:00:00", State.CLOSED),
        ("2026-10-10T10:00:00", State.OPEN),
        ("2026-02-17T10:00:00", State.CLOSED),
        ("2026-12-31T00:00:00", State.HOLIDAY),
    ],
)
def test_a_schedule_says_whether_a_moment_is_open(moment: str, state: State) -> None:
    assert hours().state(at(moment)) is state
    assert hours().state(at(moment).astimezone(datetime.UTC)) is state


def test_the_clock_on_the_wall_counts_on_days_on_which_clocks_change() -> None:
    text = TEXT.replace("time_zone: Asia/Shanghai", "time_zone: Europe/Paris").replace(
        "sun: closed", "sun: 01:30-03:30"
    )
    schedule = hours(text)
    utc = datetime.UTC
    # 2026-03-29, forward: 02:00 becomes 03:00 at 01:00 UTC.
    states = [schedule.state(datetime.datetime(2026, 3, 29, 0, minute, tzinfo=utc)) for minute in (29, 30)]
    assert states == [State.CLOSED, State.OPEN]
    assert schedule.state(datetime.datetime(2026, 3, 29, 1, 29, tzinfo=utc)) is State.OPEN  # 03:29
    assert schedule.state(datetime.datetime(2026, 3, 29, 1, 30, tzinfo=utc)) is State.CLOSED
    # 2026-10-25, back: 02:00 to 03:00 is there twice, and open both times.
    hours_open = [
        h for h in range(5) if schedule.state(datetime.datetime(2026, 10, 25, h, 45, tzinfo=utc)) is State.OPEN
    ]
    assert hours_open == [0, 1]
    assert schedule.state(datetime.datetime(2026, 10, 24, 23, 45, tzinfo=utc)) is State.OPEN  # 01:45
    assert schedule.state(datetime.datetime(2026, 10, 25, 2, 15, tzinfo=utc)) is State.OPEN  # 03:15


def test_a_day_may_be_open_to_its_last_minute() -> None:
    schedule = hours(TEXT.replace("sun: closed", "sun: 00:00-24:00"))
    assert schedule.state(at("2026-03-08T23:59:59")) is State.OPEN
    assert schedule.state(at("2026-03-09T00:00:00")) is State.CLOSED


@pytest.mark.parametrize(
    ("opening", "since", "never"),
    [
        ("{mon-fri: 09:00-17:30}", None, False),
        ("{mon-sun: closed}", None, False),  # the special days are left
        ("{mon-sun: closed}", "2026-10-10", False),
        ("{mon-sun: closed}", "2026-10-11", True),
    ],
)
def test_a_schedule_that_never_opens_is_known(opening: str, since: str | None, never: bool) -> None:
    text = TEXT.replace('{mon-fri: 09:00-17:30, sat: [09:00-12:00, "13:00-16:00"], sun: closed}', opening)
    day = datetime.date.fromisoformat(since) if since else None
    assert hours(text).never_opens(day) is never


SLIPS = [
    ("09:00-17:30", "9:00-17:30", 9, 21, "opening hours are written 09:00-17:30, or closed"),
    ("09:00-17:30", "09:00-17:60", 9, 21, "minutes 00 to 59"),
    ("09:00-17:30", "09:00-25:00", 9, 21, "a day has the hours 00:00 to 24:00"),
    ("09:00-17:30", "22:00-06:00", 9, 21, "hours over midnight are written as two days"),
    ("09:00-17:30", "0900", 9, 21, "opening hours are written"),
    ("09:00-17:30", "[closed, 09:00-10:00]", 9, 22, "'closed' stands alone"),
    ("09:00-17:30", "{a: b}", 9, 21, "one word is needed here"),
    ("sun: closed", "fri: closed", 9, 69, "'fri' has hours already. See line 9."),
    ("sun: closed", "sonntag: closed", 9, 69, "days are written mon, tue"),
    ('"13:00-16:00"', '"11:00-16:00"', 9, 39, "two spans of this day overlap"),
    ("2026-12-31]", "2026-02-29]", 10, 40, "there is no day 2026-02-29"),
    ("2026-12-31]", "31.12.2026]", 10, 40, "a day is written 2026-10-01"),
    ("2026-10-01..2026-10-07", "2026-10-07..2026-10-01", 10, 16, "the last day stands before the first"),
    ("2026-10-01..2026-10-07", "2026-10-01..2027-10-07", 10, 16, "is the year right?"),
    ("    open:", "    opne:", 9, 5, "unknown key 'opne' in the flow. Did you mean 'open'?"),
    ("time_zone: Asia/Shanghai", "time_zone: Asia/Shanghi", 4, 12, "there is no time zone 'Asia/Shanghi'. Did you mean 'Asia/Shanghai'?"),
    ("time_zone: Asia/Shanghai", "time_zone: ../../etc/passwd", 4, 12, "there is no time zone '../../etc/passwd'"),
    ("time_zone: Asia/Shanghai", "country: XX", 4, 10, "there is no country 'XX'"),
    ("time_zone: Asia/Shanghai", "country: China", 4, 10, "'China' cannot stand here"),
    ("if: hours.open", "if: hours.opn", 15, 20, "'hours' has no 'opn'. Did you mean 'open'?"),
    ("notices.outage", "notices.outtage", 17, 39, "'notices' has no 'outtage'. Did you mean 'outage'?"),
    ("  hours:\n", "  party:\n", 8, 3, "'party' is a name that every flow has"),
    ("steps:\n", "vars: {hours: {type: digits}}\nsteps:\n", 14, 8, "'hours' is a schedule of this flow"),
    ("{en: [zh]}", "{en: [fr]}", 3, 17, "'fr' is no language of this flow. The flow speaks: en, zh."),
    ("{en: [zh]}", "{fr: [zh]}", 3, 12, "'fr' is no language of this flow"),
    ("{en: [zh]}", "{en: [en]}", 3, 17, "'en' is itself"),
    ("{en: [zh]}", "{en: [zh, zh]}", 3, 21, "'zh' is tried already"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "column", "words"), SLIPS)
def test_a_slip_in_a_schedule_is_named_at_its_word(old: str, new: str, line: int, column: int, words: str) -> None:
    error = refused(old, new)
    assert words in str(error).splitlines()[0], str(error)
    assert (error.line, error.column) == (line, column), str(error)


def test_days_without_end_are_refused() -> None:
    first = datetime.date(2026, 1, 1)
    days = ", ".join(str(first + datetime.timedelta(days=n)) for n in range(201))
    assert "more than 200 days" in str(refused("2026-12-31]", f"{days}]"))


def said(moment: datetime.datetime, notices: frozenset[str] = frozenset()) -> list[str]:
    driver = Driver(load_flow_text(TEXT, "hours.yaml"))
    trigger = Trigger("hours", driver.channel, driver.party, "s", "a", moment)
    _, turn = Engine(driver.engine.flow).start(trigger, Facts(moment, notices))
    return [
        str(item.date) if isinstance(item, SayDate) else item.id
        for item in items(turn)
        if isinstance(item, SayDate | Prompt)
    ]


def items(turn: Turn) -> list[Item]:
    return [item for effect in turn.effects if isinstance(effect, Say) for item in effect.items]


def test_a_dialogue_knows_the_hours_the_day_and_the_notices_of_its_turn() -> None:
    assert said(AT) == ["opened", "2026-03-02"]
    assert said(datetime.datetime(2026, 10, 5, 2, 0, tzinfo=datetime.UTC)) == ["holiday", "2026-10-05"]
    night = datetime.datetime(2026, 3, 2, 20, 0, tzinfo=datetime.UTC)  # 04:00 of the next day in Shanghai
    assert said(night) == ["goodbye", "2026-03-03"]
    assert said(night, frozenset({"outage"})) == ["holiday", "2026-03-03"]


def test_a_dialogue_that_goes_on_after_midnight_has_another_today() -> None:
    text = TEXT.replace("main: {if", "main: {menu: [m], choices: {'1': next_day}}\n  next_day: {if")
    flow = load_flow_text(text, "hours.yaml")
    driver = Driver(flow)
    before = datetime.datetime(2026, 3, 2, 15, 59, tzinfo=datetime.UTC)
    trigger = Trigger("hours", driver.channel, driver.party, "s", "a", before)
    session, _ = Engine(flow).start(trigger)
    assert session.today == "2026-03-02"
    _, turn = Engine(flow).resume(session, DigitsReceived("1"), Facts(before + datetime.timedelta(minutes=2)))
    assert SayDate(datetime.date(2026, 3, 3)) in items(turn)
    _, without = Engine(flow).resume(session, DigitsReceived("1"))  # noon of the day on which it began
    assert SayDate(datetime.date(2026, 3, 2)) in items(without)


def test_fallbacks_are_the_flows() -> None:
    flow = load_flow_text(TEXT, "hours.yaml")
    assert flow.fallbacks == {"en": ("zh",)}
    assert flow.time_zone == "Asia/Shanghai"
    assert flow.notices["outage"].place.line == 13
