# ruff: noqa: E501 - a table of expressions reads best as one row an expression
"""No expression takes long or much memory, to check or to work out, whoever wrote it and whatever values come."""

from __future__ import annotations

import contextlib
import random
import time
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest

from core_client.domain.money import Money
from core_client.language.errors import EvaluationError, ExpressionError
from core_client.language.expressions import MAX_LENGTH, Expression, compile_expression
from flows.reading.names import FUNCTIONS
from tests.unit.core_client.language.test_expressions import NAMES

LONGEST_S = 0.5  # of the processor: a hundred times what the slowest takes, so that a busy machine is no failure
MOST_BYTES = 2_000_000
NINES = "9" * 18
BIG = {
    "n": 10**17,
    "s": "x" * 1_000_000,
    "ok": True,
    "amount": Money(10**17, "CNY"),
    "usd": Money(10**17, "USD"),
    "any_money": Money(10**17, "CNY"),
    "channel": "voice",
    "digits": "9" * 1_000_000,
    "payee": "y" * 1_000_000,
    "bal": {"available": Money(10**17, "CNY"), "count": 10**17},
    "items": tuple({"x": n} for n in range(100_000)),
}


def bounded(work: Callable[[], object]) -> object:
    """Do ``work``; fail when it takes long or much memory. Typed errors are an answer."""
    tracemalloc.start()
    began = time.process_time()
    answer: object = None
    try:
        answer = work()
    except (ExpressionError, EvaluationError) as error:
        answer = error
    finally:
        took = time.process_time() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert took < LONGEST_S, took
    assert peak < MOST_BYTES, peak
    return answer


def both(text: str) -> object:
    """Check ``text`` and work it out with the largest values that there can be."""
    compiled = bounded(lambda: compile_expression(text, NAMES, FUNCTIONS))
    if isinstance(compiled, ExpressionError):
        return compiled
    assert isinstance(compiled, Expression)
    for scope in (BIG, {}, {"channel": "sms"}):
        bounded(partial(compiled.decide, scope))
    return bounded(partial(compiled.evaluate, BIG))


HOSTILE = {
    "long": "n" * 1_000_000,
    "long and fitting": "n+" * 5_000_000 + "n",
    "blanks": " " * 5_000_000 + "n",
    "just too long": "n == 1 or " * 30 + "ok",
    "deep brackets": "(" * 145 + "n" + ")" * 145,
    "deeper brackets": "(" * 100_000 + ")" * 100_000,
    "deep not": "not " * 70 + "ok",
    "deep minus": "-" * 290 + "n",
    "deep calls": "abs(" * 60 + "n" + ")" * 60,
    "deep parts": "bal" + ".bal" * 70,
    "deep and, or": "(ok and (ok or " * 9 + "ok" + "))" * 9,
    "wide or": " or ".join(["ok"] * 49),
    "wide and of or": " and ".join(["(ok or n > 1)"] * 15),
    "wide list": f"n in ({', '.join(['1'] * 70)})",
    "wide text list": f"s in ({', '.join(['s'] * 70)})",
    "a huge number": "9" * 290,
    "a number of 18 digits": NINES,
    "digits with lines between": "1_0" * 50,
    "an exponent": "1e999999999",
    "a power": "9**9**9**9",
    "a power of names": "n**n",
    "a shift": "1<<999999999",
    "a product": "*".join([NINES] * 15),
    "a product of names": "*".join(["n"] * 40),
    "a product of quotients": "*".join([f"(1/{NINES})"] * 12),
    "a quotient of quotients": "/".join(["1", *[NINES] * 13]),
    "a quotient of small ones": "1/" + "/".join(["0.000000000000001"] * 14),
    "a sum": "+".join(["n"] * 40),
    "amounts": "+".join(["amount"] * 40),
    "a text times": '"x" * 999999999',
    "a list times": "(1,) * 999999999",
    "a text over and over": "+".join(["s"] * 40),
    "a text of a million": "s == digits or s == s",
    "length of lists": "length(items) + length(s) + length(digits)",
    "a comprehension": "[x for x in items for y in items for z in items]",
    "a lambda": "(lambda f: f(f))(lambda f: f(f))",
    "an assignment": "(n := n)",
    "an attribute of python": "bal.__class__.__mro__",
    "a name of python": "__import__('os')",
    "a format": "f'{n:>999999999}'",
    "a text that formats": "'%999999999d' % n",
    "a comparison chain": " < ".join(["n"] * 70),
    "not in": "n not in (1, 2)",
    "full-width digits": "n > １２",
    "letters of mathematics": "𝐧 > 1",
    "a ligature": "ﬁ",
    "right to left": "n \u202e> 1",
    "no width": "n\u200b > 1",
    "a null": "n\x00 > 1",
    "a surrogate": "n > '\ud800'",
    "a line break": "n\n>\n1",
    "a carriage return": "n\r> 1",
    "a form feed": "n\x0c> 1",
    "an open quote": "s == '" + "x" * 280,
    "quotes": "'" * 299,
    "three quotes": '"""' + "x" * 200 + '"""',
    "a backslash at the end": "s == 'x\\",
    "a name in bytes": "b'x' == s",
    "all the ways to close": "n)]}",
    "a star": "abs(*items)",
    "await": "await n",
    "yield": "(yield n)",
    "underscores": "_" * 299,
    "money in quotes": 'money("' + "9" * 280 + ' CNY")',
    "money over money": 'money("999999999999999.99 CNY") + money("999999999999999.99 CNY") > amount',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_expression_costs_little_and_ends_in_a_value_or_a_typed_error(name: str) -> None:
    both(HOSTILE[name])


@pytest.mark.parametrize(
    "text",
    ["n * n", "n * n * n * 0", f"{NINES} + 1", f"0 - {NINES} - 1", "1 / 0.000000000000001 / 0.0001", "n + n + n + n + n + n + n + n + n + n"],
)  # fmt: skip
def test_what_arithmetic_answers_has_so_many_digits_and_no_more(text: str) -> None:
    error = both(text)
    assert isinstance(error, EvaluationError)
    assert str(error) == f"'{text}' has more than 18 digits"


def test_a_number_that_fits_is_answered_to_its_last_digit() -> None:
    expression = compile_expression("n * 9 + 99999999999999999", NAMES, FUNCTIONS)
    assert expression.evaluate({"n": 10**17}) == 10**18 - 1
    tiny = compile_expression("/".join(["1", *[NINES] * 13]), NAMES, FUNCTIONS).evaluate({})
    assert isinstance(tiny, Decimal)
    assert len(tiny.as_tuple().digits) <= 28


def test_money_that_grows_beyond_all_amounts_is_a_typed_error_without_the_amount() -> None:
    error = both("+".join(["amount"] * 3) + " > amount")
    assert isinstance(error, EvaluationError)
    assert "000" not in str(error)


def test_every_mix_of_small_pieces_is_bounded() -> None:
    pieces = [
        "n",
        "ok",
        "amount",
        NINES,
        "(",
        ")",
        "*",
        "/",
        "+",
        "-",
        " and ",
        " or ",
        "not ",
        ",",
        ".",
        "in",
        "abs(",
        "known(",
        '"',
        "==",
    ]
    rng = random.Random(7)
    for _ in range(400):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(1, 120)))[:MAX_LENGTH]
        began = time.process_time()
        with contextlib.suppress(ExpressionError, EvaluationError):
            compile_expression(text, NAMES, FUNCTIONS).evaluate(BIG)
        assert time.process_time() - began < LONGEST_S, text


def test_the_deepest_expression_that_is_allowed_is_checked_and_worked_out() -> None:
    text = "ok"
    for _ in range(9):
        text = f"({text} and (known(s) or ok))"
    assert both(text) is True
    assert isinstance(both(f"({text} and (known(s) or ({text})))"), ExpressionError)
