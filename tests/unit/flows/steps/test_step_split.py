from __future__ import annotations

from collections import Counter

import pytest

from flows.dialogue import Channel, What
from flows.reading.loader import load_flow_text
from flows.steps.split import place_of
from flows.testing import Driver
from tests.unit.flows.steps.made import flow_of, slip, text_of, ways

STEPS = "  main: {split: greeting, shares: {short: {share: 20, go: bye}, long: {share: 80, go: other}}}\n"


def test_a_party_hears_the_same_every_time_and_on_both_channels() -> None:
    flow = flow_of(STEPS)
    for number in ("+8613900000001", "+8613900000002", "+8613900000007"):
        voice = [Driver(flow, number=number).start().said for _ in range(3)]
        assert voice[0] == voice[1] == voice[2]
        assert Driver(flow, Channel.SMS, number=number).start("main").said[0] == voice[0][0]


def test_a_new_version_of_the_flow_sends_nobody_elsewhere() -> None:
    changed = load_flow_text(text_of(STEPS).replace("goodbye", "so_long"), "made.yaml")
    for last in range(40):
        number = f"+86139000000{last:02}"
        before, after = (Driver(flow, number=number).start() for flow in (flow_of(STEPS), changed))
        assert before.turn.trail[1].word == after.turn.trail[1].word


def test_the_shares_are_kept_over_many_parties() -> None:
    places = Counter(place_of("retail", "greeting", f"+861390000{n:04}") for n in range(5000))
    assert set(places) == set(range(100))
    assert 850 < sum(places[place] for place in range(20)) < 1150


def test_two_splits_divide_the_same_parties_differently() -> None:
    numbers = [f"+861390000{n:04}" for n in range(1000)]
    both = sum(place_of("f", "one", n) < 50 and place_of("f", "two", n) < 50 for n in numbers)
    assert 200 < both < 300


def test_places_never_change() -> None:
    """A party that was promised one of two greetings keeps it: these are the places as they were first given out."""
    assert [place_of("retail", "greeting_test", n) for n in ("+8613900000001", "+8613900000002", "s1")] == PLACES


PLACES = [62, 71, 9]


def test_a_party_without_a_number_is_split_by_its_session() -> None:
    driver = Driver(flow_of(STEPS), number=None)
    wanted = "short" if place_of("made", "greeting", "s1") < 20 else "long"
    left = [mark for mark in driver.start().turn.trail if mark.what is What.LEFT]
    assert (left[0].way, left[0].word) == ("share", wanted)


def test_all_shares_are_ways() -> None:
    assert ways(flow_of(STEPS).steps["main"].edges(Channel.VOICE)) == ["share short -> bye", "share long -> other"]


@pytest.mark.parametrize(
    ("shares", "words", "at"),
    [
        ("{a: {share: 20, go: bye}, b: {share: 81, go: bye}}", "the shares of split 'x' are 101 of a hundred", "{a:"),
        ("{a: {share: 99, go: bye}}", "are 99 of a hundred", "{a:"),
        ("{a: {share: 0, go: bye}, b: {share: 100, go: bye}}", "at least 1 is needed", "0,"),
        ("{a: {share: half, go: bye}}", "a whole number is needed", "half"),
        ("{a: {share: 50.5, go: bye}}", "a whole number is needed", "50.5"),
        ("{a: {share: 100}}", "needs 'go'", "{share"),
        ("{a: {share: 100, goo: bye}}", "unknown key 'goo'", "goo"),
        ("{a: {share: 100, go: bey}}", "there is no step 'bey'", "bey"),
        ("{A: {share: 100, go: bye}}", "'A' cannot stand here", "A"),
        ("{}", "split 'main'", "{}"),
    ],
)
def test_a_slip_is_named_at_its_word(shares: str, words: str, at: str) -> None:
    slip(f"  main: {{split: x, shares: {shares}}}\n", words, at)
