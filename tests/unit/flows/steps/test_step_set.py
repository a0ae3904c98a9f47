from __future__ import annotations

import datetime

import pytest

from core_client.domain.money import Money
from flows.dialogue import Channel, DigitsReceived
from tests.unit.flows.steps.made import begun, flow_of, slip, ways

TOP = """\
vars:
  amount: {type: money, check: value > money("0 CNY")}
  count: {type: number}
  pin: {type: secret}
schedules:
  hours: {open: {mon-fri: 09:00-17:00}}
"""


def test_values_are_set_one_after_another_and_survive_between_turns() -> None:
    driver = begun(
        "  main: {set: {rest: 3, less: rest - 1, who: party.number, day: today, sure: less == 2}, next: menu}\n"
        '  menu: {menu: [m], choices: {"1": more}}\n'
        "  more: {set: {rest: less * 2}, next: said}\n"
        "  said: {say: [{number: rest}, {if: sure, say: yes_it_is}, {text: who}, {date: day}], next: bye}\n"
    )
    assert driver.session.variables == {
        "rest": 3, "less": 2, "who": "+8613900000001", "day": datetime.date(2026, 3, 2), "sure": True,
    }  # fmt: skip
    assert driver.resume(DigitsReceived("1")).said[:2] == ["number 4", "yes_it_is"]


def test_a_declared_variable_keeps_its_type_and_its_check() -> None:
    fine = begun(
        '  main: {set: {amount: money("5 CNY")}, next: said}\n  said: {say: [{money: amount}], next: bye}\n', TOP
    )
    assert fine.played.said[0] == "money 5.00 CNY"
    wrong = begun('  main: {set: {amount: -money("5 CNY")}, next: bye}\n', TOP)
    assert wrong.played.said == ["system_trouble", "<end trouble>"]
    assert "amount" not in wrong.session.variables


@pytest.mark.parametrize(
    ("expression", "value"), [("7 / 2", 4), ("5 / 2", 3), ("1 / 3", 0), ("-5 / 2", -3), ("0.5", 1)]
)
def test_a_number_that_is_set_is_whole(expression: str, value: int) -> None:
    driver = begun(f"  main: {{set: {{n: {expression}}}, next: m}}\n  m: {{menu: [m], choices: {{'1': bye}}}}\n")
    assert driver.session.variables == {"n": value}


def test_a_number_cannot_grow_without_end() -> None:
    driver = begun("  main: {set: {n: 999999}, next: twice}\n  twice: {set: {n: n * n}, next: twice}\n")
    assert driver.played.said == ["system_trouble", "<end trouble>"]
    assert len(driver.session.to_json()) < 500


@pytest.mark.parametrize(("factor", "kept"), [(1, True), (10, False)])
def test_a_number_that_is_kept_has_fifteen_digits_at_most(factor: int, kept: bool) -> None:
    steps = f"  main: {{set: {{n: 999999999999999 * {factor}}}, next: m}}\n  m: {{menu: [m], choices: {{'1': bye}}}}\n"
    driver = begun(steps)
    assert ("n" in driver.session.variables) is kept
    assert (driver.played.said == ["m"]) is kept


def test_a_round_of_sets_ends() -> None:
    driver = begun("  main: {set: {n: 1}, next: more}\n  more: {set: {n: n + 1}, next: more}\n")
    assert driver.played.said == ["system_trouble", "<end trouble>"]


def test_a_division_by_nothing_is_our_trouble() -> None:
    driver = begun("  main: {set: {n: 1 / count}, next: bye}\n", TOP)
    assert driver.played.said == ["system_trouble", "<end trouble>"]


def test_names_are_learned_whatever_the_order_of_the_steps() -> None:
    flow = flow_of(
        "  main: {go: a}\n"
        "  c: {say: [{number: third}], next: bye}\n"
        "  b: {set: {third: second + 1}, next: c}\n"
        "  a: {set: {first: 1, second: first + 1}, next: b}\n"
    )
    assert ways(flow.steps["a"].edges(Channel.VOICE)) == ["next -> b"]
    assert flow.steps["b"].sets(flow.steps["b"].edges(Channel.VOICE)[0]) == {"third"}


def test_an_item_and_an_answer_can_be_set_too() -> None:
    flow_of(
        "  main: {bank: accounts.list, save: all, on: {ok: one, refused: bye, down: bye}}\n"
        "  one:\n"
        "    choose: {from: all.accounts, as: a, prompt: p, item: {digits: a.last4}}\n"
        "    save: acc\n    next: two\n    none: bye\n"
        "  two: {set: {kept: acc, ending: acc.last4}, next: three}\n"
        "  three: {say: [{digits: kept.last4}, {digits: ending}], next: bye}\n"
    )


@pytest.mark.parametrize(
    ("step", "words", "at"),
    [
        ("{set: {amount: 5}, next: bye}", "'amount' is money; this is number", "5}"),
        ("{set: {count: \"'a'\"}, next: bye}", "'count' is number; this is text", "\"'a'"),
        ("{set: {pin: 5}, next: bye}", "'pin' is a secret: it cannot be set", "pin"),
        ("{set: {copy: pin}, next: bye}", "a secret cannot be set", "pin}"),
        ("{set: {party: 5}, next: bye}", "'party' is a name that every flow has", "party"),
        ("{set: {notices: notices}, next: bye}", "'notices' is a name that every flow has", "notices"),
        ("{set: {hours: hours}, next: bye}", "'hours' is a name that every flow has", "hours"),
        ("{set: {n: cuont + 1}, next: bye}", "unknown name 'cuont'. Did you mean 'count'?", "cuont"),
        ("{set: {n: 1}}", "set 'main' needs 'next'", "{set"),
        ("{set: {}, next: bye}", "set", "{}"),
        ("{set: {N: 1}, next: bye}", "'N' cannot stand here", "N"),
        ("{set: {n: [1]}, next: bye}", "an expression is needed here", "[1]"),
        ("{set: [n], next: bye}", "a mapping of keys is needed", "[n]"),
        ("{set: {n: 1}, next: bey}", "there is no step 'bey'", "bey"),
    ],
)
def test_a_slip_is_named_at_its_word(step: str, words: str, at: str) -> None:
    slip(f"  main: {step}\n", words, at, TOP)


def test_a_name_is_one_thing_only() -> None:
    steps = "  main: {set: {n: 1}, next: again}\n  again: {set: {n: today}, next: bye}\n"
    slip(steps, "'n' is number; this is date", "today")


def test_a_set_amount_may_be_compared_with_any_currency_that_it_can_be() -> None:
    flow_of('  main: {set: {n: money("5 CNY")}, next: next}\n  next: {set: {n: money("5 USD")}, next: bye}\n')


def test_money_is_kept_as_money() -> None:
    driver = begun(
        "  main: {set: {n: money('5 CNY')}, next: m}\n  m: {menu: [m], choices: {'1': bye}}\n".replace(
            "money('5 CNY')", "'money(\"5 CNY\")'"
        )
    )
    assert driver.session.variables == {"n": Money(500, "CNY")}
