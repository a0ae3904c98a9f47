from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_client.domain.money import Money
from core_client.domain.values import Value
from core_client.operations import Type
from flows.inputs import from_keys, from_text


@pytest.mark.parametrize(
    ("type_", "digits", "value"),
    [
        (Type.MONEY, "500", Money(50000, "CNY")),
        (Type.MONEY, "0500", Money(50000, "CNY")),
        (Type.NUMBER, "007", 7),
        (Type.DIGITS, "007", "007"),
        (Type.PAYEE, "1", "1"),
        (Type.DATE, "20260302", datetime.date(2026, 3, 2)),
        (Type.DATE, "20260230", None),
        (Type.DATE, "2026", None),
        (Type.MONEY, "", None),
        (Type.MONEY, "*", None),
        (Type.DIGITS, "1٢", None),
        (Type.MONEY, "9" * 30, None),
        (Type.SECRET, "123456", None),
    ],
)
def test_keyed_digits_are_a_value_or_none(type_: Type, digits: str, value: Value) -> None:
    assert from_keys(type_, digits, "CNY") == value


def test_money_is_keyed_in_whole_units_of_its_currency() -> None:
    assert from_keys(Type.MONEY, "500", "JPY") == Money(500, "JPY")
    assert from_keys(Type.MONEY, "5", "KWD") == Money(5000, "KWD")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("500", 50000),
        ("５００", 50000),
        ("500.5", 50050),
        ("500.50", 50050),
        ("500.500", 50050),
        ("1,234.56", 123456),
        ("¥500", 50000),
        ("￥ 500", 50000),
        ("500元", 50000),
        ("500 块", 50000),
        ("RMB 500", 50000),
        ("500 cny", 50000),
        ("500.555", None),
        ("-500", None),
        ("1,23", None),
        ("500 USD", None),
        ("$500", None),
        ("five", None),
        ("5e3", None),
        ("", None),
        ("1" * 40, None),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, minor: int | None) -> None:
    assert from_text(Type.MONEY, text, "CNY") == (None if minor is None else Money(minor, "CNY"))


def test_digits_and_dates_are_read_with_their_usual_marks() -> None:
    assert from_text(Type.DIGITS, " 12-34 ５６", "CNY") == "123456"
    assert from_text(Type.DATE, "2026-03-02", "CNY") == datetime.date(2026, 3, 2)
    assert from_text(Type.PAYEE, "  李　雷 ", "CNY") == "李 雷"
    assert from_text(Type.PAYEE, "x" * 141, "CNY") is None
    assert from_text(Type.SECRET, "123456", "CNY") is None


@given(st.sampled_from(list(Type)), st.text(max_size=30))
def test_any_text_is_a_value_or_none(type_: Type, text: str) -> None:
    from_text(type_, text, "CNY")
    from_keys(type_, text, "CNY")
