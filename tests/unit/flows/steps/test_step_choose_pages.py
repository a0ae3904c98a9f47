from __future__ import annotations

import pytest

from core_client.domain.values import Value
from flows.dialogue import (
    Channel,
    DigitsReceived,
    GatherDigits,
    InputTimedOut,
    OperationAnswered,
    Reconnected,
    TextReceived,
    What,
)
from flows.engine.draft import Draft
from flows.model import Way
from flows.steps.choose import MAX_CHOICES
from flows.testing import Driver
from tests.unit.flows.steps.made import begun, flow_of, turn_at, ways

KEYS = 'keys: {"*": back, "9": repeat, "0": other, "#": hash, "3": three}\n'
STEPS = """\
  main: {menu: [menu], choices: {"1": list}}
  list: {bank: accounts.list, save: mine, on: {ok: pick, refused: bye, down: bye}}
  pick:
    choose: {from: mine.accounts, as: one, prompt: [which], item: [{digits: one.last4}]}
    save: chosen
    next: picked
    none: bye
  picked: {say: [took, {digits: chosen.last4}], next: list}
  hash: {say: [hash], next: main}
  three: {say: [three], next: main}
"""


def accounts(count: int) -> tuple[Value, ...]:
    return tuple({"account": f"a{n}", "last4": f"{n:04}", "product": "current"} for n in range(1, count + 1))


def choosing(count: int, steps: str = STEPS, keys: str = KEYS, **driver: object) -> Driver:
    """Answer a dialogue that offers ``count`` accounts. The driver reads every session again from its JSON."""
    made = begun(steps, keys, **driver)
    made.resume(DigitsReceived("1"))
    made.resume(OperationAnswered("ok", {"accounts": accounts(count)}))
    return made


def page(first: int, last: int, *after: str) -> list[str]:
    """Answer what a page says: its accounts, each with a key from 1."""
    said = ["which"]
    for key, n in enumerate(range(first, last + 1), start=1):
        said += [f"digits {n:04}", "choose_press", f"number {key}"]
    return [*said, *after]


def test_up_to_eight_items_are_one_page_that_no_key_leaves() -> None:
    driver = choosing(8)
    assert driver.played.said == page(1, 8)
    assert driver.resume(DigitsReceived("#")).said == ["hash", "menu"]  # the flow's own meaning of the key


def test_more_items_take_pages_and_the_hash_key_goes_round_them() -> None:
    driver = choosing(20)
    assert driver.played.said == page(1, 8, "choose_more")
    assert driver.resume(DigitsReceived("#")).said == page(9, 16, "choose_more")
    assert driver.resume(DigitsReceived("#")).said == page(17, 20, "choose_from_start")
    assert driver.resume(DigitsReceived("#")).said == page(1, 8, "choose_more")
    assert isinstance(driver.played.wait, GatherDigits)
    assert (driver.played.wait.min_digits, driver.played.wait.max_digits) == (1, 1)


@pytest.mark.parametrize(("hashes", "key", "took"), [(0, "8", 8), (1, "1", 9), (1, "8", 16), (2, "4", 20), (3, "2", 2)])
def test_a_key_is_the_item_of_the_page_that_was_heard(hashes: int, key: str, took: int) -> None:
    driver = choosing(20)
    for _ in range(hashes):
        driver.resume(DigitsReceived("#"))
    assert driver.resume(DigitsReceived(key)).said == ["took", f"digits {took:04}"]


def test_a_key_beyond_the_last_item_chooses_nothing_and_the_page_is_said_again() -> None:
    driver = choosing(9)
    driver.resume(DigitsReceived("#"))
    assert driver.resume(DigitsReceived("2")).said == ["no_match", *page(9, 9, "choose_from_start")]
    assert driver.resume(DigitsReceived("3")).said == ["no_match", *page(9, 9, "choose_from_start")], "no universal key"
    assert driver.resume(DigitsReceived("1")).said == ["took", "digits 0009"]


def test_silence_and_repeat_say_the_same_page() -> None:
    driver = choosing(12)
    driver.resume(DigitsReceived("#"))
    second = page(9, 12, "choose_from_start")
    assert driver.resume(InputTimedOut(0)).said == ["no_input", *second]
    assert driver.resume(DigitsReceived("9")).said == second
    assert driver.resume(DigitsReceived("7")).said == ["no_match", *second]
    assert driver.resume(DigitsReceived("4")).said == ["took", "digits 0012"]


def test_another_line_hears_the_page_that_broke_off() -> None:
    driver = choosing(12)
    driver.resume(DigitsReceived("#"))
    assert driver.resume(Reconnected()).said == page(9, 12, "choose_from_start")


def test_words_of_the_steps_own_stand_for_themselves_and_the_page_stays() -> None:
    driver = choosing(9, STEPS.replace("    none: bye\n", "    none: bye\n    no_input: [hurry]\n"))
    driver.resume(DigitsReceived("#"))
    assert driver.resume(InputTimedOut(0)).said == ["hurry"]
    assert driver.resume(DigitsReceived("1")).said == ["took", "digits 0009"]


def test_turning_a_page_is_an_answer_so_that_failed_tries_count_anew() -> None:
    driver = choosing(20)
    for _ in range(4):
        driver.resume(InputTimedOut(0))
        driver.resume(InputTimedOut(0))
        assert not driver.session.ended
        driver.resume(DigitsReceived("#"))
    for _ in range(3):
        driver.resume(InputTimedOut(0))
    assert driver.session.ended


def test_a_choice_that_is_asked_anew_begins_with_its_first_page() -> None:
    driver = choosing(12)
    driver.resume(DigitsReceived("#"))
    assert driver.session.page == 1
    driver.resume(DigitsReceived("1"))
    assert driver.resume(OperationAnswered("ok", {"accounts": accounts(12)})).said == page(1, 8, "choose_more")
    assert driver.session.page == 0


def test_a_list_that_became_shorter_is_heard_from_its_beginning() -> None:
    driver = choosing(12)
    driver.resume(DigitsReceived("#"))
    flow = flow_of(STEPS, KEYS)
    draft = Draft(flow, driver.session, 9, driver.facts)
    draft.variables["mine"] = {"accounts": accounts(3)}
    flow.steps["pick"].answer(draft, InputTimedOut(0))
    said = [getattr(item, "number", None) for effect in draft.effects for item in getattr(effect, "items", ())]
    assert [number for number in said if number is not None] == [1, 2, 3]


def test_star_goes_back_to_the_question_before_and_zero_to_people_from_every_page() -> None:
    for key, said in (("*", ["menu"]), ("0", ["other", "<end done>"])):
        driver = choosing(12)
        driver.resume(DigitsReceived("#"))
        assert driver.resume(DigitsReceived(key)).said == said


def test_turning_a_page_leaves_the_step_by_no_way() -> None:
    driver = choosing(12)
    assert driver.resume(DigitsReceived("#")).turn.trail == ()
    repeated = driver.resume(DigitsReceived("9")).turn.trail
    assert [(mark.what, mark.way) for mark in repeated] == [(What.LEFT, Way.UNIVERSAL), (What.ENTERED, "")]


def test_its_ways_are_the_same_whatever_the_list_and_no_item_key_is_universal() -> None:
    edges = flow_of(STEPS, KEYS).steps["pick"].edges(Channel.VOICE)
    assert ways(edges) == [
        "next -> picked", "none -> bye", "universal 0 -> other", "universal # -> hash", "failed -> bye"
    ]  # fmt: skip


def test_by_text_the_list_is_one_numbered_list_and_the_hash_key_nothing() -> None:
    top = 'sms: {en: {"ALL": list}}\n'
    driver = Driver(flow_of(STEPS, top), Channel.SMS)
    driver.start("list")
    said = driver.resume(OperationAnswered("ok", {"accounts": accounts(MAX_CHOICES + 5)})).said
    assert said[-4:] == ["text \n20. ", "digits 0020", "text \n", "choose_reply"]
    assert "choose_more" not in said
    assert driver.resume(TextReceived("#")).said[0] == "no_match"
    assert driver.resume(TextReceived("17.")).said[:2] == ["took", "digits 0017"]


def test_one_item_is_taken_and_none_goes_its_way() -> None:
    assert choosing(1).played.said == ["took", "digits 0001"]
    assert choosing(0).played.said == ["goodbye", "<end done>"]


def test_where_no_page_was_turned_nothing_is_kept() -> None:
    session, _ = turn_at(flow_of(STEPS, KEYS), begun(STEPS, KEYS).facts)
    assert '"page"' not in session.to_json()
