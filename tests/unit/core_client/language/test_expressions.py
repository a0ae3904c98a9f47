from __future__ import annotations

from decimal import Decimal

import pytest

from core_client.domain.money import Money
from core_client.language import types as t
from core_client.language.errors import EvaluationError, ExpressionError, NoValueError
from core_client.language.expressions import MAX_LENGTH, Expression, compile_expression
from core_client.language.types import ExprType
from flows.reading.names import FUNCTIONS

NAMES = {
    "n": t.number,
    "s": t.text,
    "ok": t.flag,
    "amount": ExprType(t.MONEY, currency="CNY"),
    "usd": ExprType(t.MONEY, currency="USD"),
    "any_money": t.money,
    "pin": t.secret,
    "channel": ExprType("channel", choices=("voice", "sms")),
    "digits": ExprType("digits"),
    "payee": ExprType("payee"),
    "bal": ExprType(t.RECORD, fields={"available": t.money, "count": t.number}),
    "items": ExprType(t.LIST, item=ExprType(t.RECORD, fields={"x": t.number})),
}


def compiled(text: str) -> Expression:
    return compile_expression(text, NAMES, FUNCTIONS)


def refused(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        compiled(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "scope", "value"),
    [
        ("1 + 2 * 3 - 4", {}, 3),
        ("0.1 + 0.2 == 0.3", {}, True),  # decimals, never floats
        ("n / 4", {"n": 10}, Decimal("2.5")),
        ("-n", {"n": 3}, -3),
        ("n > 2 and n < 5 or ok", {"n": 3, "ok": False}, True),
        ("not ok", {"ok": False}, True),
        ('channel == "sms"', {"channel": "sms"}, True),
        ('channel in ("voice", "sms")', {"channel": "sms"}, True),
        ('s not in ("a", "b")', {"s": "c"}, True),
        ('amount <= money("500 CNY")', {"amount": Money(50000, "CNY")}, True),
        ("amount + amount > amount", {"amount": Money(1, "CNY")}, True),
        ("negative(bal.available)", {"bal": {"available": Money(-1, "CNY")}}, True),
        ("abs(bal.available)", {"bal": {"available": Money(-1, "CNY")}}, Money(1, "CNY")),
        ("abs(0 - n)", {"n": 3}, 3),
        ("length(s) == 2", {"s": "李雷"}, True),
        ("length(items)", {"items": ({"x": 1},)}, 1),
        ("known(s)", {}, False),
        ("known(s)", {"s": ""}, True),
        ("known(bal.available)", {"bal": {"available": None}}, False),
        ("true and not false", {}, True),
    ],
)
def test_an_expression_has_its_value(text: str, scope: dict[str, object], value: object) -> None:
    assert compiled(text).evaluate(scope) == value


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("amout > amount", 0, "unknown name 'amout' Did you mean 'amount'?"),
        ("n > amout", 4, "unknown name 'amout'"),
        ("bal.availible > amount", 4, "has no 'availible' Did you mean 'available'?"),
        ("n.real", 2, "it has no parts"),
        ("bal.__class__", 4, "has no '__class__'"),
        ("amount + usd", 0, "CNY and USD do not mix"),
        ("amount < usd", 0, "CNY and USD do not mix"),
        ('amount < money("5 USD")', 0, "do not mix"),
        ("amount + 1", 0, "cannot be combined"),
        ("amount * amount", 0, "cannot be combined"),
        ("amount > 5", 0, "cannot be compared"),
        ("s > s", 0, "texts have no order"),
        ("digits == payee", 0, "digits is never equal to payee"),
        ('channel == "smss"', 0, "'smss' is no channel Did you mean 'sms'?"),
        ('channel in ("voice", "fax")', 0, "'fax' is no channel"),
        ('pin == "123456"', 0, "a secret cannot be compared"),
        ("items == items", 0, "cannot be compared"),
        ("n and ok", 0, "a condition is needed"),
        ("not n", 4, "a condition is needed"),
        ("n = 3", 2, "Compare with =="),
        ("1 < n < 3", 0, "one comparison at a time"),
        ("n ** 99", 0, "only + - * /"),
        ("n % 2", 2, "'%' has no place"),
        ("s[0]", 0, "no place in an expression"),
        ("[n for n in items]", 0, "no place in an expression"),
        ("lambda: 1", 0, "no place in an expression"),
        ("(n, n)", 0, "no place in an expression"),
        ("n if ok else n", 0, "no place in an expression"),
        ("s.upper()", 0, "only named functions"),
        ("open(s)", 0, "unknown function 'open'"),
        ("knwon(s)", 0, "Did you mean 'known'?"),
        ("abs(s)", 0, "takes one amount or number"),
        ("abs(*items)", 0, "takes plain values only"),
        ("money(s)", 0, "takes one amount in quotes"),
        ('money("5 yuan")', 0, "cannot read it"),
        ("True", 0, "Write true or false"),
        ("None == s", 0, "no place"),
        ("0x1f", 0, "a number is written as"),
        ("1e9", 0, "a number is written as"),
        ("9999999999999999999", 0, "a number is written as"),
        ("{n}", 0, "'{' has no place"),
        ("n; n", 1, "';' has no place"),
        ("s == 'a\\x00'", 7, "has no place"),
        ("", 0, "missing"),
        ("n >", 3, "cannot be read"),
        ("n in 5", 5, "after 'in' stands a list"),
        ("ok < ok", 0, "flags have no order"),
    ],
)
def test_what_is_wrong_is_known_before_anybody_calls(text: str, column: int, words: str) -> None:
    error = refused(text)
    assert words in f"{error.message} {error.hint}"
    assert error.column == column


def test_an_expression_is_bounded_in_length_size_and_depth() -> None:
    assert "longer than" in refused("n + " * MAX_LENGTH + "n").message
    assert "too large" in refused("+".join("n" * 100)).message
    assert "too large" in refused("not " * 60 + "ok").message
    assert "cannot be read" in refused("(" * 290).message


def test_two_currencies_that_meet_at_run_time_are_a_typed_error_without_the_amounts() -> None:
    expression = compiled("any_money < amount")
    with pytest.raises(EvaluationError) as caught:
        expression.evaluate({"any_money": Money(77777, "USD"), "amount": Money(1, "CNY")})
    assert "777" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_division_by_zero_and_a_missing_value_are_typed_errors() -> None:
    with pytest.raises(EvaluationError):
        compiled("1 / n").evaluate({"n": 0})
    with pytest.raises(EvaluationError, match="'n' has no value yet"):
        compiled("n > 1").evaluate({})
    assert compiled("n > 1").evaluate_or_none({}) is None


def test_a_record_of_which_a_part_is_missing_has_no_value_there() -> None:
    withheld = {"bal": {"available": Money(1, "CNY"), "count": None}}
    assert compiled("bal.count").evaluate_or_none(withheld) is None
    with pytest.raises(NoValueError, match="'count' has no value"):
        compiled("bal.count").evaluate(withheld)


@pytest.mark.parametrize(
    ("text", "decided"),
    [
        ('channel == "sms"', True),
        ('channel == "voice"', False),
        ('not channel == "voice"', True),
        ('channel == "sms" and n > 1', None),
        ('channel == "voice" and n > 1', False),
        ('channel == "sms" or n > 1', True),
        ("n > 1", None),
    ],
)
def test_a_condition_is_decided_as_far_as_names_are_known(text: str, decided: bool | None) -> None:
    assert compiled(text).decide({"channel": "sms"}) is decided


def test_the_cost_of_an_evaluation_is_bounded_by_its_size() -> None:
    digits = "9" * 18
    product = "*".join([digits] * 15)
    with pytest.raises(EvaluationError, match="has more than 18 digits"):
        compiled(product).evaluate({})
