"""Amounts, dates and numbers as a text message writes them."""

from __future__ import annotations

import datetime

import pytest

from sounds.written import date_text, money_text, number_text


@pytest.mark.parametrize(
    ("amount", "currency", "zh", "en"),
    [
        (1_234_567, "CNY", "12,345.67元", "12,345.67 CNY"),
        (0, "CNY", "0.00元", "0.00 CNY"),
        (5, "CNY", "0.05元", "0.05 CNY"),
        (-5_000, "CNY", "-50.00元", "-50.00 CNY"),
        (-5, "CNY", "-0.05元", "-0.05 CNY"),
        (123_456, "JPY", "123,456日元", "123,456 JPY"),
        (1_234, "KWD", "1.234 KWD", "1.234 KWD"),
        (10**17, "CNY", "1,000,000,000,000,000.00元", "1,000,000,000,000,000.00 CNY"),
    ],
)
def test_an_amount_is_written_from_its_minor_units(amount: int, currency: str, zh: str, en: str) -> None:
    assert money_text(amount, currency, "zh") == zh
    assert money_text(amount, currency, "en") == en


def test_a_date_is_written_short() -> None:
    date = datetime.date(2026, 3, 5)
    assert (date_text(date, "zh"), date_text(date, "en")) == ("2026年3月5日", "5 Mar 2026")
    assert date_text(date, "zh", with_year=False) == "3月5日"
    assert date_text(date, "en", with_year=False) == "5 Mar"


def test_a_number_is_grouped() -> None:
    assert number_text(-12_345) == "-12,345"
