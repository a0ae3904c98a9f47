"""Clips cover the words of any value, and read back they are that value."""

from __future__ import annotations

import datetime
import random
import re

import pytest

from sounds.errors import ReadingError, SpeechError
from sounds.inventory import YEARS, fragments
from sounds.reading import read_date, read_digits, read_money, read_number
from sounds.speech import (
    date_fragments,
    date_words,
    digits_fragments,
    digits_words,
    fragment_text,
    joined_text,
    money_fragments,
    money_words,
    number_fragments,
    number_words,
)
from sounds.words import LANGUAGES, MAX_NUMBER

HOW_MANY = 10_000
CURRENCIES = ("CNY", "CNY", "CNY", "USD", "EUR", "GBP", "JPY", "HKD")
EDGES = (0, 1, 2, 9, 10, 11, 19, 20, 99, 100, 101, 110, 200, 202, 1000, 1001, 1010, 1100, 2000, 10_000, 10_001, 100_000)


def _amounts(seed: int) -> list[tuple[int, str]]:
    """Answer amounts of every length, with many zeros inside, where the words are hardest."""
    dice = random.Random(seed)
    made = [(edge * 10**power * sign, "CNY") for edge in EDGES for power in range(12) for sign in (1, -1)]
    made.append((MAX_NUMBER, "CNY"))
    while len(made) < HOW_MANY:
        digits = dice.randint(1, 17)
        figure = "".join(dice.choice("0000123456789") for _ in range(digits))
        made.append((int(figure) * dice.choice((1, 1, 1, -1)), dice.choice(CURRENCIES)))
    return made


@pytest.mark.parametrize("lang", LANGUAGES)
def test_clips_of_ten_thousand_amounts_say_their_words_and_read_back_as_the_amounts(lang: str) -> None:
    for amount, currency in _amounts(seed=95_500):
        clips = money_fragments(amount, currency, lang)
        assert joined_text(clips) == money_words(amount, currency, lang), amount
        assert read_money(clips, currency) == (amount, currency), clips


@pytest.mark.parametrize("lang", LANGUAGES)
def test_clips_of_ten_thousand_numbers_say_their_words_and_read_back_as_the_numbers(lang: str) -> None:
    for number, _ in _amounts(seed=7):
        clips = number_fragments(number, lang)
        assert joined_text(clips) == number_words(number, lang), number
        assert read_number(clips) == number, clips


@pytest.mark.parametrize("lang", LANGUAGES)
def test_clips_of_dates_say_their_words_and_read_back_as_the_dates(lang: str) -> None:
    dice = random.Random(5)
    some = [datetime.date.fromordinal(dice.randint(1, datetime.date.max.toordinal())) for _ in range(2_000)]
    every_year = [datetime.date(year, 2, 28) for year in range(1, 10_000, 7)]
    every_day = [datetime.date(2024, 1, 1) + datetime.timedelta(days=day) for day in range(366)]
    for date in some + every_year + every_day:
        clips = date_fragments(date, lang)
        assert joined_text(clips) == date_words(date, lang), date
        assert read_date(clips) == date, clips
        short = date_fragments(date, lang, with_year=False)
        assert read_date(short, year=date.year) == date


@pytest.mark.parametrize("lang", LANGUAGES)
def test_clips_of_digits_say_their_words_and_read_back_as_the_digits(lang: str) -> None:
    dice = random.Random(6)
    for length in range(1, 24):
        for _ in range(50):
            digits = "".join(dice.choice("0123456789") for _ in range(length))
            clips = digits_fragments(digits, lang)
            assert joined_text(clips) == digits_words(digits, lang)
            assert read_digits(clips) == digits


@pytest.mark.parametrize("lang", LANGUAGES)
def test_long_rows_of_digits_pause_after_every_fourth(lang: str) -> None:
    row = digits_fragments("440100001101", lang)
    pause = f"{lang}/pause"
    assert [clip == pause for clip in row] == [False, False, True, False, False, True, False, False]


def test_an_everyday_amount_takes_few_clips() -> None:
    assert money_fragments(1_234_567, "CNY", "zh") == ["zh/w/1", "zh/k/2", "zh/h/3", "zh/y/45", "zh/c/67"]
    assert money_fragments(1_234_567, "CNY", "en") == ["en/k/12", "en/ha/3", "en/y/45", "en/c/67"]
    assert money_fragments(50_000, "CNY", "zh") == ["zh/h/5y"]
    assert money_fragments(50_000, "CNY", "en") == ["en/h/5y"]
    for lang in LANGUAGES:
        counts = [len(money_fragments(random.Random(n).randint(1, 9_999_999), "CNY", lang)) for n in range(500)]
        assert max(counts) <= 6, lang


def test_years_to_come_are_one_clip() -> None:
    for lang in LANGUAGES:
        for year in YEARS:
            assert len(date_fragments(datetime.date(year, 3, 5), lang)) == 3


@pytest.mark.parametrize("lang", LANGUAGES)
def test_there_is_a_clip_for_each_fragment_once_and_not_too_many(lang: str) -> None:
    named = fragments(lang)
    assert len(named) < 800
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9/-]*", name) for name in named), "ids are file names on any system"
    assert len({name.casefold() for name in named}) == len(named)
    assert len(set(named.values())) == len(named), "a clip twice cannot be told apart by who listens"


def test_what_is_answered_can_be_changed_without_changing_what_is_remembered() -> None:
    money_fragments(1_234, "CNY", "zh").append("zh/welcome")
    assert "zh/welcome" not in money_fragments(1_234, "CNY", "zh")


def test_a_clip_says_its_text_and_a_prompt_is_no_fragment() -> None:
    assert fragment_text("zh/y/45") == "四十五元"
    assert fragment_text("zh/welcome") is None
    assert fragment_text("fr/n/1") is None
    with pytest.raises(SpeechError, match="'zh/welcome' is no fragment"):
        joined_text(["zh/welcome"])


@pytest.mark.parametrize(
    "clips",
    [
        [],
        ["zh/welcome"],
        ["zh/y/5", "en/y/5"],
        ["zh/y/5", "zh/y/5"],
        ["zh/c/05", "zh/c/05"],
        ["zh/n/5", "zh/n/5", "zh/u/yuan"],
        ["zh/h/3", "zh/k/3", "zh/u/yuan"],
        ["zh/w/3", "zh/w/3", "zh/u/yuan"],
        ["zh/u/yuan"],
        ["zh/u/wan", "zh/u/yuan"],
        ["zh/h0/3", "zh/u/yuan"],
        ["zh/y/5", "zh/c/05"],  # five yuan five fen is said with 零
        ["zh/y/5", "zh/c0/5", "zh/c/05"],
        ["en/n/5", "en/n/5", "en/u/yuan"],
        ["en/h/3", "en/n/5", "en/u/yuan"],
        ["en/k/3", "en/k/3", "en/u/yuan"],
        ["en/u/and", "en/y/5"],
        ["en/y/5", "en/n/5"],
        ["en/u/minus"],
        ["en/c/05"],
    ],
)
def test_clips_that_say_no_amount_are_refused(clips: list[str]) -> None:
    with pytest.raises(ReadingError):
        read_money(clips)


def test_cents_alone_belong_to_the_currency_that_is_meant() -> None:
    clips = money_fragments(67, "USD", "en")
    assert read_money(clips, "EUR") == (67, "EUR")
    with pytest.raises(ReadingError, match="which currency"):
        read_money(clips)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_other_values_are_not_read_as_what_they_are_not(lang: str) -> None:
    with pytest.raises(ReadingError, match="no row of digits"):
        read_digits([f"{lang}/y/5"])
    with pytest.raises(ReadingError, match="no date"):
        read_date([f"{lang}/n/5"])
    with pytest.raises(ReadingError, match="no number"):
        read_number([f"{lang}/y/5"])
    with pytest.raises(ReadingError, match="no year"):
        read_date(date_fragments(datetime.date(2026, 3, 5), lang, with_year=False))
    with pytest.raises(ReadingError, match="no day"):
        read_date(date_fragments(datetime.date(2024, 2, 29), lang, with_year=False), year=2026)
