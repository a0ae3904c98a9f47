"""The sheet: what is near, what a loan costs to the last fen, and what cannot be published."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import pytest

from core_client.adapters.demo_services import SHEET
from core_client.domain.information import Lending, Rate, SheetError, information_from
from core_client.domain.money import Money
from core_client.errors import Declined

DAY = datetime.date(2026, 3, 2)
FOUND = information_from(SHEET, DAY)
LENDING = Lending(Rate(435), Money(1_000_000, "CNY"), Money(50_000_000, "CNY"), (6, 60))


@pytest.mark.parametrize(
    ("place", "codes"),
    [
        ("510621", ["101", "102"]),
        ("518000", ["201"]),
        ("ＴＩＡＮＨＥ", ["101"]),
        ("南山", ["201"]),
        (None, ["101", "102", "201"]),
    ],
)
def test_what_is_near_comes_first_and_another_city_is_not_near(place: str | None, codes: list[str]) -> None:
    assert [branch.code for branch in FOUND.near(place, machines=False)] == codes


@pytest.mark.parametrize("place", ["999999", "Beijing", "5"])
def test_a_place_with_nothing_is_refused(place: str) -> None:
    with pytest.raises(Declined) as refused:
        FOUND.near(place, machines=True)
    assert refused.value.reason == "place_unknown"


@pytest.mark.parametrize(("yuan", "months"), [(10_000, 6), (50_000, 24), (500_000, 60)])
def test_the_monthly_payments_pay_a_loan_back_and_not_a_fen_too_early(yuan: int, months: int) -> None:
    """Paid month by month in whole fen, the last payment ends it: one fen a month less would not."""
    amount = Money(yuan * 100, "CNY")

    def left(monthly: int) -> int:
        down = 12 * 10_000
        owed: int = amount.amount_minor * down**months
        for month in range(1, months + 1):
            owed = owed * (down + 435) // down - monthly * down**months
            assert month == months or owed > 0
        return owed

    monthly = LENDING.monthly(amount, months).amount_minor
    assert left(monthly) <= 0 < left(monthly - 1)


@pytest.mark.parametrize(
    ("money", "months"), [("9999 CNY", 12), ("500001 CNY", 12), ("20000 USD", 12), ("20000 CNY", 5)]
)
def test_what_is_not_lent_has_no_quote(money: str, months: int) -> None:
    with pytest.raises(Declined):
        LENDING.monthly(Money.parse(money), months)


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("deposits", {"months": 6, "rate": 1.05}, "'rate' is a text"),
        ("deposits", {"months": 6, "rate": "1.055"}, "yearly rate"),
        ("deposits", {"months": 6, "rate": "1.05", "ratio": "1"}, "nothing here is called 'ratio'"),
        ("exchange", {"unit": "100.00 USD", "buys_at": "9.00 CNY", "sells_at": "8.00 CNY"}, "buys for no more"),
        ("branches", SHEET["branches"][0], "stands there twice"),
    ],
)
def test_a_sheet_with_a_slip_is_refused_with_its_place(kind: str, row: dict[str, Any], message: str) -> None:
    sheet = copy.deepcopy(SHEET)
    sheet[kind].append(row)
    with pytest.raises(SheetError, match=message):
        information_from(sheet, DAY)
