from __future__ import annotations

import pytest

from flows.dialogue import DigitsReceived, InputTimedOut, Reconnected
from tests.unit.flows.steps.made import begun, flow_of, slip

STEPS = """\
  main:
    menu: [hello, {attempt: [[first, long], second, [{number: 3}]]}, choices]
    choices: {"1": main, "2": between, "3": bye}
  between: {say: [between], next: main}
"""


def test_each_visit_has_its_words_and_the_last_ones_stay() -> None:
    driver = begun(STEPS)
    assert driver.played.said == ["hello", "first", "long", "choices"]
    assert driver.resume(DigitsReceived("1")).said == ["hello", "second", "choices"]
    assert driver.resume(DigitsReceived("2")).said == ["between", "hello", "number 3", "choices"]
    assert driver.resume(DigitsReceived("1")).said == ["hello", "number 3", "choices"]
    assert driver.session.visits == {"main": 4}  # and no step that says the same each time


def test_asking_again_is_the_same_visit() -> None:
    driver = begun(STEPS)
    assert driver.resume(InputTimedOut()).said == ["no_input", "hello", "first", "long", "choices"]
    assert driver.resume(Reconnected()).said == ["hello", "first", "long", "choices"]
    assert driver.session.visits == {"main": 1}


def test_it_may_stand_inside_of_other_entries() -> None:
    driver = begun("  main: {menu: [{in: zh, say: [{attempt: [[a], [b]]}]}], choices: {'1': main}}\n")
    assert driver.played.said == ["a"]
    assert driver.resume(DigitsReceived("1")).said == ["b"]
    nested = begun("  main: {menu: [{if: party.identified, say: {attempt: [[a], [b]]}}], choices: {'1': main}}\n")
    assert nested.resume(DigitsReceived("1")).said == ["b"]


def test_every_prompt_of_it_is_known_to_the_flow() -> None:
    assert {"first", "long", "second"} <= set(flow_of(STEPS).prompts)


@pytest.mark.parametrize(
    ("entry", "words", "at"),
    [
        ("{attempt: first}", "'attempt' takes a list of 1 to 9", "first"),
        ("{attempt: []}", "'attempt' takes a list of 1 to 9", "[]"),
        ("{attempt: {a: b}}", "'attempt' takes a list of 1 to 9", "{a: b}"),
        (f"{{attempt: [{', '.join('a' * 10)}]}}", "'attempt' takes a list of 1 to 9", "[a"),
        ("{attempt: [[first]], else: x}", "unknown key 'else' in what is said", "else"),
        ("{attempt: [[First one]]}", "'First one' is no prompt id", "First"),
        ("{attmept: [[first]]}", "'attmept' is nothing that can be said. Did you mean 'attempt'?", "attmept"),
        ("{number: attempt}", "unknown name 'attempt'", "attempt}"),
    ],
)
def test_a_slip_is_named_at_its_word(entry: str, words: str, at: str) -> None:
    slip(f"  main: {{say: [{entry}], next: bye}}\n", words, at)


def test_a_variable_called_attempt_is_no_visit() -> None:
    top = "vars: {attempt: {type: number}}\n"
    driver = begun("  main: {set: {attempt: 7}, next: say}\n  say: {say: [{attempt: [[a], [b]]}], next: bye}\n", top)
    assert driver.played.said[0] == "a"
