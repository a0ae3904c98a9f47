"""However much one number texts, it gets so many answers, one warning, and then silence for a while."""

from __future__ import annotations

import tracemalloc

import pytest

from sms.people import floods
from sms.people.floods import Answering, Floods
from sms.people.settings import Rate

LI, WANG = "+8613900000003", "+8613900000001"


class Watch:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_flood_gets_its_answers_one_warning_and_silence(watch: Watch) -> None:
    kept = Floods(Rate(3, 60), 600, watch)
    heard = []
    for _ in range(1000):
        heard.append(kept.answering(LI))
        watch.now += 0.5
    assert heard[:4] == [Answering.AS_EVER] * 3 + [Answering.WARNED]
    assert set(heard[4:]) == {Answering.NOT_AT_ALL}
    assert kept.answering(WANG) is Answering.AS_EVER  # nobody else is silenced


def test_after_the_silence_it_begins_anew_and_a_flood_without_end_stays_bounded(watch: Watch) -> None:
    kept = Floods(Rate(3, 60), 600, watch)
    heard = []
    for _ in range(6000):  # an hour and forty minutes, a text a second
        heard.append(kept.answering(LI))
        watch.now += 1
    answered = sum(one is Answering.AS_EVER for one in heard)
    assert answered == 3 * heard.count(Answering.WARNED) == 30


def test_who_texts_at_an_ordinary_pace_is_always_answered(watch: Watch) -> None:
    kept = Floods(Rate(3, 60), 600, watch)
    for _ in range(200):
        assert kept.answering(LI) is Answering.AS_EVER
        watch.now += 21


def test_numbers_that_are_quiet_are_forgotten_and_memory_is_bounded(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Floods(Rate(3, 60), 600, watch)
    for number in range(5000):
        kept.answering(f"+86{number}")
        watch.now += 1
    assert len(kept) < 100  # a minute's worth, not an hour's
    monkeypatch.setattr(floods, "MAX_NUMBERS", 500)
    for number in range(5000):
        kept.answering(f"+86{number}")  # all in one moment
    assert len(kept) <= 500


def test_a_flood_of_one_number_takes_no_memory(watch: Watch) -> None:
    kept = Floods(Rate(3, 60), 600, watch)
    kept.answering(LI)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10_000):
            kept.answering(LI)
        assert tracemalloc.get_traced_memory()[0] - before < 2000
    finally:
        tracemalloc.stop()


def test_who_floods_is_not_forgotten_for_whoever_comes_next(watch: Watch) -> None:
    kept = Floods(Rate(1, 60), 600, watch)
    assert [kept.answering(LI) for _ in range(2)] == [Answering.AS_EVER, Answering.WARNED]
    watch.now += 120
    for number in range(1000):
        kept.answering(f"+86{number}")
    assert kept.answering(LI) is Answering.NOT_AT_ALL
