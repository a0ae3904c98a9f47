"""What stands at the top of a flow besides its steps: time zone, fallbacks of languages, schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from zoneinfo import ZoneInfo

from core_client.language.source import Items, Node, Pairs, Place, Scalar, Source
from core_client.language.suggest import did_you_mean
from flows.inputs import COUNTRIES
from flows.schedules import (
    CLOSED,
    DAYS,
    MAX_DATES,
    Schedule,
    ScheduleError,
    Spans,
    date_of,
    dates_of,
    days_of,
    in_order,
    spans_of,
)
from flows.zones import zone_names, zone_of

T = TypeVar("T")


def time_zone_of(source: Source, root: Pairs, name: str) -> ZoneInfo:
    """Answer the time zone of a flow.

    Raises:
        FlowError: there is none of that name.
    """
    try:
        return zone_of(name)
    except KeyError:
        place = root.entries["time_zone"].place
        hint = did_you_mean(name, zone_names()) or "Zones have names as Asia/Shanghai and Europe/Paris."
        raise source.error(place, f"there is no time zone '{name[:64]}'", hint) from None


def country_of(source: Source, root: Pairs, code: str) -> str:
    """Answer the country of a flow, by whose rules telephone numbers are read.

    Raises:
        FlowError: there is none of that code.
    """
    if code not in COUNTRIES:
        place = root.entries["country"].place
        hint = did_you_mean(code, COUNTRIES) or "Countries have two letters, as CN and FR."
        raise source.error(place, f"there is no country '{code}'", hint)
    return code


def fallbacks_of(source: Source, section: Pairs, languages: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Answer, for each language, those that step in where it lacks a prompt.

    Raises:
        FlowError: one is no language of the flow, or steps in for itself.
    """
    spoken = f"The flow speaks: {', '.join(languages)}."
    found: dict[str, tuple[str, ...]] = {}
    for language, node in section.entries.items():
        if language not in languages:
            raise source.error(section.keys[language], f"'{language}' is no language of this flow", spoken)
        others: list[str] = []
        for item in node.items if isinstance(node, Items) else ():
            assert isinstance(item, Scalar)  # noqa: S101 - its shape was checked
            if item.text not in languages:
                raise source.error(item.place, f"'{item.text}' is no language of this flow", spoken)
            if item.text == language or item.text in others:
                message = f"'{item.text}' is tried already" if item.text in others else f"'{language}' is itself"
                raise source.error(item.place, message, "Name other languages, in the order in which they step in.")
            others.append(item.text)
        found[language] = tuple(others)
    return found


def schedule_of(source: Source, name: str, place: Place, node: Node, zone: ZoneInfo) -> Schedule:
    """Make a schedule of its YAML.

    Raises:
        FlowError: a day stands twice, hours overlap, or there are more days than anybody keeps.
    """
    assert isinstance(node, Pairs)  # noqa: S101 - its shape was checked
    week: dict[int, tuple[Spans, Place]] = {}
    opening = node.entries["open"]
    assert isinstance(opening, Pairs)  # noqa: S101 - as above
    for text, hours in opening.entries.items():
        where = opening.keys[text]
        for day in _read(source, where, days_of, text):
            if day in week:
                message = f"'{DAYS[day]}' has hours already"
                raise source.error(where, message, f"See line {week[day][1].line}. Each day stands once.")
            week[day] = (_hours(source, hours), where)
    holidays = node.get("holidays")
    dates = holidays.items if isinstance(holidays, Items) else ()
    special = node.get("special")
    days = special if isinstance(special, Pairs) else Pairs({}, {}, place)
    for count, given in ((len(dates), holidays), (len(days.entries), special)):
        if count > MAX_DATES and given is not None:
            raise source.error(given.place, f"more than {MAX_DATES} days", "Leave out the years that are over.")
    return Schedule(
        name=name,
        place=place,
        zone=zone,
        week=tuple(week[day][0] if day in week else () for day in range(len(DAYS))),
        holidays=tuple(_read(source, item.place, dates_of, item.text) for item in dates if isinstance(item, Scalar)),
        special={
            _read(source, days.keys[text], date_of, text): _hours(source, hours) for text, hours in days.entries.items()
        },
    )


def _hours(source: Source, node: Node) -> Spans:
    texts = [item for item in (node.items if isinstance(node, Items) else (node,)) if isinstance(item, Scalar)]
    closed = next((item for item in texts if item.text == CLOSED), None)
    if closed is not None:
        if len(texts) > 1:
            raise source.error(closed.place, "'closed' stands alone", "Name the hours, or 'closed'.")
        return ()
    return _read(source, node.place, in_order, [_read(source, item.place, spans_of, item.text) for item in texts])


A = TypeVar("A")


def _read(source: Source, place: Place, read: Callable[[A], T], given: A) -> T:
    try:
        return read(given)
    except ScheduleError as problem:
        raise source.error(place, str(problem)) from None
