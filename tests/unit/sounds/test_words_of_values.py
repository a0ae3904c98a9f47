"""Amounts, numbers, digits and dates in words, against what a person would say."""

from __future__ import annotations

import datetime
import random
import re

import pytest
from unicode_rbnf import RbnfEngine

from core_client.domain import money
from sounds.currency import NAMES, exponent_of
from sounds.errors import SpeechError
from sounds.words import MAX_NUMBER, date_words, digits_words, money_words, number_words

NUMBERS = [
    (0, "零", "zero"),
    (2, "二", "two"),
    (10, "十", "ten"),
    (12, "十二", "twelve"),
    (20, "二十", "twenty"),
    (105, "一百零五", "one hundred and five"),
    (110, "一百一十", "one hundred and ten"),
    (115, "一百一十五", "one hundred and fifteen"),
    (200, "二百", "two hundred"),
    (1_010, "一千零一十", "one thousand and ten"),
    (2_002, "两千零二", "two thousand and two"),
    (2_222, "两千二百二十二", "two thousand two hundred and twenty-two"),
    (10_000, "一万", "ten thousand"),
    (12_005, "一万两千零五", "twelve thousand and five"),
    (20_000, "两万", "twenty thousand"),
    (100_005, "十万零五", "one hundred thousand and five"),
    (120_000, "十二万", "one hundred and twenty thousand"),
    (1_020_000, "一百零二万", "one million twenty thousand"),
    (1_005_000, "一百万五千", "one million five thousand"),
    (20_000_000, "两千万", "twenty million"),
    (100_000_010, "一亿零一十", "one hundred million and ten"),
    (100_150_000, "一亿零一十五万", "one hundred million one hundred and fifty thousand"),
    (200_000_000, "两亿", "two hundred million"),
    (50_009_720_560, "五百亿零九百七十二万零五百六十",
     "fifty billion nine million seven hundred and twenty thousand five hundred and sixty"),
    (1_200_000_000, "十二亿", "one billion two hundred million"),
    (10**12, "一万亿", "one trillion"),
    (10**15, "一千万亿", "one quadrillion"),
    (-15, "负十五", "minus fifteen"),
]  # fmt: skip

AMOUNTS = [
    (1_234_567, "CNY", "一万两千三百四十五元六角七分",
     "twelve thousand three hundred and forty-five yuan and sixty-seven fen"),
    (0, "CNY", "零元", "zero yuan"),
    (2, "CNY", "两分", "two fen"),
    (5, "CNY", "五分", "five fen"),
    (20, "CNY", "两角", "twenty fen"),
    (22, "CNY", "两角二分", "twenty-two fen"),
    (50, "CNY", "五角", "fifty fen"),
    (105, "CNY", "一元零五分", "one yuan and five fen"),
    (200, "CNY", "两元", "two yuan"),
    (10_200, "CNY", "一百零二元", "one hundred and two yuan"),
    (100_000_000, "CNY", "一百万元", "one million yuan"),
    (-5_000, "CNY", "负五十元", "minus fifty yuan"),
    (101, "USD", "一美元零一美分", "one US dollar and one cent"),
    (1_250, "USD", "十二美元五十美分", "twelve US dollars and fifty cents"),
    (200, "USD", "两美元", "two US dollars"),
    (199, "GBP", "一英镑九十九便士", "one pound and ninety-nine pence"),
    (1, "GBP", "一便士", "one penny"),
    (250, "EUR", "两欧元五十欧分", "two euros and fifty cents"),
    (1_000, "JPY", "一千日元", "one thousand yen"),
    (1_250, "HKD", "十二港元五角", "twelve Hong Kong dollars and fifty cents"),
    (99_999_900_099, "CNY", "九亿九千九百九十九万九千元九角九分",
     "nine hundred and ninety-nine million nine hundred and ninety-nine thousand yuan and ninety-nine fen"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "zh", "en"), NUMBERS)
def test_a_number_is_said_as_a_person_says_it(number: int, zh: str, en: str) -> None:
    assert number_words(number, "zh") == zh
    assert number_words(number, "en") == en


@pytest.mark.parametrize(("amount", "currency", "zh", "en"), AMOUNTS)
def test_an_amount_is_said_as_a_person_says_it(amount: int, currency: str, zh: str, en: str) -> None:
    assert money_words(amount, currency, "zh") == zh
    assert money_words(amount, currency, "en") == en


@pytest.mark.parametrize(
    ("date", "zh", "en"),
    [
        (datetime.date(2026, 3, 5), "二零二六年三月五日", "the fifth of March twenty twenty-six"),
        (datetime.date(2000, 12, 31), "二零零零年十二月三十一日", "the thirty-first of December two thousand"),
        (datetime.date(2009, 10, 20), "二零零九年十月二十日", "the twentieth of October two thousand and nine"),
        (datetime.date(1905, 1, 1), "一九零五年一月一日", "the first of January nineteen oh five"),
        (datetime.date(1900, 2, 22), "一九零零年二月二十二日", "the twenty-second of February nineteen hundred"),
    ],
)
def test_a_date_is_said_as_a_person_says_it(date: datetime.date, zh: str, en: str) -> None:
    assert date_words(date, "zh") == zh
    assert date_words(date, "en") == en


def test_a_year_can_be_left_out() -> None:
    assert date_words(datetime.date(2026, 3, 5), "zh", with_year=False) == "三月五日"
    assert date_words(datetime.date(2026, 3, 5), "en", with_year=False) == "the fifth of March"


def test_groups_are_joined_as_the_rules_join_them() -> None:
    """The words are put together from groups; the rules, asked for the whole number, must say the same."""
    dice = random.Random(12)
    english, chinese = RbnfEngine.for_language("en"), RbnfEngine.for_language("zh")
    for _ in range(3_000):
        number = int("".join(dice.choice("00123456789") for _ in range(dice.randint(1, 12))))
        whole = english.format_number(number, ruleset_names=["spellout-cardinal-verbose"]).text.replace(",", "")
        assert number_words(number, "en") == whole
        number %= 10**8  # above it the rules leave out a 零 that people say
        whole = chinese.format_number(number, ruleset_names=["spellout-numbering"]).text
        mended = re.sub("(?<![十零])二(?=[千万亿])", "两", whole.replace("〇", "零"))
        assert number_words(number, "zh") == re.sub("^一十", "十", mended)


def test_digits_are_said_one_by_one_and_chinese_says_yao_for_one() -> None:
    assert digits_words("1107", "zh") == "幺幺零七"
    assert digits_words("1107", "en") == "one one zero seven"


@pytest.mark.parametrize("text", ["12a4", "１２", "", "-1", "1 2", "²"])
def test_what_is_no_row_of_digits_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SpeechError) as refused:
        digits_words(text, "zh")
    assert not text or text not in str(refused.value)


def test_beyond_any_amount_nothing_is_said() -> None:
    number_words(MAX_NUMBER, "zh")
    for value in (MAX_NUMBER + 1, -MAX_NUMBER - 1):
        with pytest.raises(SpeechError, match="beyond"):
            number_words(value, "en")
        with pytest.raises(SpeechError, match="beyond"):
            money_words(value, "CNY", "zh")


def test_a_currency_or_language_without_a_voice_is_named_with_those_that_have_one() -> None:
    with pytest.raises(SpeechError, match=r"KRW cannot be spoken in 'zh'.*CNY, HKD, USD"):
        money_words(100, "KRW", "zh")
    with pytest.raises(SpeechError, match="no language fr; the languages are zh, en"):
        money_words(100, "CNY", "fr")
    for speak in (number_words, lambda value, lang: digits_words(str(value), lang)):
        with pytest.raises(SpeechError, match="nobody speaks 'fr'"):
            speak(5, "fr")
    with pytest.raises(SpeechError, match="nobody speaks 'fr'"):
        date_words(datetime.date(2026, 1, 1), "fr")


def test_minor_units_agree_with_the_domains() -> None:
    for currency in {*money._EXPONENT, *NAMES["zh"], *NAMES["en"], "XOF"}:
        assert exponent_of(currency) == money.exponent_of(currency), currency
    assert money.MAX_AMOUNT_MINOR == MAX_NUMBER
