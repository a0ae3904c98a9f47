"""Limits by channel, purpose, payee's age and customer class; fees; and how much is still possible."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_client.domain.limits import Ceiling, Fee, Limit, LimitProfile, Moved, Movement, Spent, Which
from core_client.domain.money import Money
from core_client.domain.transfers import Purpose
from core_client.errors import Declined

NOW = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
YOUNG = Which(payee_younger_than=7 * DAY)
BY_TEXT = Which(frozenset({Purpose.BILL}), channel="sms")
PROFILE = LimitProfile(
    ceilings={"CNY": Ceiling(1_000, 2_000, 500)},
    class_ceilings={"gold": {"CNY": Ceiling(9_000, 9_000, 500)}},
    limits=(
        Limit("over_new_payee_limit", "CNY", YOUNG, per_day_minor=300),
        Limit("over_kind_limit", "CNY", BY_TEXT, per_transaction_minor=200),
    ),
    fees=(
        Fee("CNY", Which(frozenset({Purpose.INTERBANK}), customer_class="gold")),
        Fee("CNY", Which(frozenset({Purpose.INTERBANK})), flat_minor=10, basis_points=100, least_minor=5, most_minor=8),
    ),
)


def movement(fen: int, **of: object) -> Movement:
    return Movement(Money(fen, "CNY"), **{"channel": "voice", **of})  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize(
    ("asked", "spent", "reason", "left"),
    [
        (movement(1_000), Spent(), None, 0),
        (movement(1_001), Spent(), "over_transaction_limit", 1_000),
        (movement(600), Spent((Moved(1_500, "sms"),)), "over_daily_limit", 500),  # over all channels together
        (movement(501, channel="sms"), Spent(), "over_sms_limit", 500),
        (movement(600, channel="sms"), Spent((Moved(1_900, "voice"),)), "over_sms_limit", 100),
        (movement(300, payee_age=6 * DAY), Spent(), None, 0),
        (movement(301, payee_age=6 * DAY), Spent(), "over_new_payee_limit", 300),
        (movement(301, payee_age=7 * DAY), Spent(), None, 0),
        (movement(301, payee_age=None), Spent(), None, 0),
        (movement(200, payee_age=DAY), Spent((Moved(150, "voice", registered_at=NOW - DAY),)),
         "over_new_payee_limit", 150),
        (movement(200, payee_age=DAY), Spent((Moved(150, "voice", registered_at=NOW - 8 * DAY),)), None, 0),
        (movement(201, channel="sms", purpose=Purpose.BILL), Spent(), "over_kind_limit", 200),
        (movement(201, channel="voice", purpose=Purpose.BILL), Spent(), None, 0),
        (movement(8_000, customer_class="gold"), Spent(), None, 0),
        (movement(9_001, customer_class="gold"), Spent(), "over_transaction_limit", 9_000),
        (movement(2_000, purpose=Purpose.OWN), Spent((Moved(2_000, "voice"),)), None, 0),  # nothing leaves
        (movement(1, purpose=Purpose.BILL), Spent((Moved(2_000, "voice"),)), "over_daily_limit", 0),
    ],
)  # fmt: skip
def test_a_refusal_names_the_limit_and_what_all_limits_leave(
    asked: Movement, spent: Spent, reason: str | None, left: int
) -> None:
    if reason is None:
        PROFILE.check(asked, spent, NOW)
        return
    with pytest.raises(Declined) as declined:
        PROFILE.check(asked, spent, NOW)
    assert (declined.value.reason, declined.value.left) == (reason, Money(left, "CNY"))


@pytest.mark.parametrize(
    ("asked", "fee"),
    [
        (movement(100), 0),
        (movement(100, purpose=Purpose.INTERBANK), 15),  # 1 % is 1, at least 5
        (movement(700, purpose=Purpose.INTERBANK), 17),
        (movement(90_000, purpose=Purpose.INTERBANK), 18),  # at most 8
        (movement(700, purpose=Purpose.INTERBANK, customer_class="gold"), 0),  # the first row that fits counts
    ],
)
def test_a_fee_is_flat_and_a_part_between_its_bounds(asked: Movement, fee: int) -> None:
    assert PROFILE.fee(asked) == Money(fee, "CNY")


@given(
    st.sampled_from(Purpose), st.sampled_from(["voice", "sms"]), st.integers(0, 12_000), st.integers(0, 3_000),
    st.sampled_from([None, DAY, 30 * DAY]), st.sampled_from(["standard", "gold"]),
)  # fmt: skip
def test_what_is_said_to_be_possible_is_and_one_more_is_not(
    purpose: Purpose, channel: str, available: int, moved: int, age: datetime.timedelta | None, of: str
) -> None:
    spent = Spent((Moved(moved, "sms", Purpose.BILL),) if moved else (), of)
    asked = Movement(Money(1, "CNY"), channel, purpose, age, of)
    most = PROFILE.possible(asked, spent, NOW, Money(available, "CNY")).amount_minor

    def goes(fen: int) -> bool:
        one = Movement(Money(fen, "CNY"), channel, purpose, age, of)
        try:
            PROFILE.check(one, spent, NOW)
        except Declined:
            return False
        return fen + PROFILE.fee(one).amount_minor <= available

    assert most == 0 or goes(most)
    assert not goes(most + 1)
