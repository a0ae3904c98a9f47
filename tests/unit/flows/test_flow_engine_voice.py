from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core_client.domain.money import Money
from core_client.domain.values import SecretHandle, Value
from flows.dialogue import (
    SECRET_LOST,
    DigitsReceived,
    End,
    GatherDigits,
    InputTimedOut,
    OperationAnswered,
    PartyLeft,
    Perform,
    Reconnected,
    Say,
    SessionExpired,
    TransferEnded,
    TransferToAgent,
)
from flows.engine.core import MAX_TURNS, MAX_TURNS_AT_THE_BANK
from flows.model import Flow
from flows.reading.loader import load_flow_text
from flows.testing import Driver, Played
from flows.testing.driver import said
from tests.unit.flows.flow_texts import SMALL, changed

BALANCE: Mapping[str, Value] = {"last4": "1234", "available": Money(1234567, "CNY"), "booked": Money(1, "CNY")}
INTENT: Mapping[str, Value] = {
    "id": "i1",
    "amount": Money(50000, "CNY"),
    "payee_name": "Li Lei",
    "payee_last4": "8899",
    "from_last4": "1234",
}


@pytest.fixture(scope="module")
def flow() -> Flow:
    return load_flow_text(SMALL, "small.yaml")


def keys(digits: str) -> DigitsReceived:
    return DigitsReceived(digits)


PIN = DigitsReceived("", SecretHandle("h1"))
OK = OperationAnswered("ok")


def called(flow: Flow, **party: object) -> Driver:
    driver = Driver(flow, **party)  # type: ignore[arg-type]  # of the test's own making
    driver.start()
    return driver


def authenticated(flow: Flow) -> Driver:
    driver = called(flow)
    for resume in (keys("1"), PIN, OK, OperationAnswered("ok", BALANCE)):
        driver.resume(resume)
    return driver


def test_a_call_begins_with_the_menu_and_waits_for_one_key(flow: Flow) -> None:
    driver = called(flow)
    assert driver.played.said == ["main_menu"]
    assert driver.played.wait == GatherDigits(1, 1, "", "", 6.0, 3.0)


def test_a_balance_asks_for_the_pin_once_a_call(flow: Flow) -> None:
    driver = called(flow)
    assert driver.resume(keys("1")).said == ["enter_pin"]
    wait = driver.played.wait
    assert isinstance(wait, GatherDigits)
    assert wait.secret
    driver.resume(PIN)
    assert driver.operation().operation == "auth.verify_pin"
    assert driver.operation().arguments == {"pin": SecretHandle("h1")}
    driver.resume(OK)
    assert driver.operation().operation == "accounts.balance"
    assert driver.resume(OperationAnswered("ok", BALANCE)).said == [
        "your_balance_is",
        "money 12345.67 CNY",
        "main_menu",
    ]
    driver.resume(keys("1"))
    assert driver.operation().operation == "accounts.balance"  # no second PIN


def test_an_unknown_caller_passes_the_outer_gate_before_the_step_runs(flow: Flow) -> None:
    driver = called(flow, identified=False, number=None)
    assert driver.resume(keys("1")).said == ["who", "enter_pin"]
    assert driver.session.gates == ("identified",)
    assert [frame.gate for frame in driver.session.frames] == ["auth"]


def test_a_request_is_named_by_session_and_turn_and_named_so_again_when_repeated(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("1"))
    driver.resume(PIN)
    first = driver.operation()
    assert first.request_id == "s1:3"
    driver.resume(Reconnected())
    assert driver.operation() == first
    driver.resume(keys("5"))  # a key that came while the bank was asked changes nothing
    assert driver.operation() == first


def test_a_wrong_pin_is_asked_again_and_its_handle_is_forgotten(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("1"))
    driver.resume(PIN)
    driver.resume(OperationAnswered("refused"))
    assert driver.played.said == ["enter_pin"]
    assert "pin" not in driver.session.variables
    assert [frame.then for frame in driver.session.frames] == ["balance"]


def test_a_secret_that_died_with_its_node_is_asked_again(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("1"))
    driver.resume(PIN)
    assert driver.resume(OperationAnswered(SECRET_LOST)).said == ["enter_pin"]
    assert "h1" not in driver.session.to_json()


def test_a_proof_that_is_too_old_is_asked_again_once_and_then_the_bank_counts_as_down(flow: Flow) -> None:
    driver = authenticated(flow)
    driver.resume(keys("1"))
    assert driver.resume(OperationAnswered("unauthenticated")).said == ["enter_pin"]
    driver.resume(DigitsReceived("", SecretHandle("h2")))
    driver.resume(OK)
    assert driver.operation().operation == "accounts.balance"
    assert driver.resume(OperationAnswered("unauthenticated")).said == ["goodbye", "<end done>"]


def test_a_transfer_is_read_back_confirmed_and_carried_out(flow: Flow) -> None:
    driver = authenticated(flow)
    assert driver.resume(keys("2")).said == ["enter_payee"]
    assert driver.played.wait == GatherDigits(1, 2, "#", "*", 6.0, 3.0)
    assert driver.resume(keys("1")).said == ["enter_amount"]
    driver.resume(keys("500"))
    assert driver.operation().arguments == {"payee": "1", "amount": Money(50000, "CNY")}
    read_back = driver.resume(OperationAnswered("ok", INTENT))
    assert read_back.said == ["you_send", "money 500.00 CNY", "name Li Lei", "confirm_how"]
    driver.resume(keys("1"))
    wait = driver.operation()
    assert (wait.operation, wait.arguments, wait.limit_s) == ("transfers.authorise", {"intent": "i1"}, 20.0)
    assert wait.filler is not None
    done = driver.resume(OperationAnswered("ok", {"reference": "900123", "available": Money(1, "CNY")}))
    assert done.said == ["done", "digits 900123", "main_menu"]


def test_money_that_may_have_moved_is_said_so_and_never_as_failed(flow: Flow) -> None:
    driver = authenticated(flow)
    for resume in (keys("2"), keys("1"), keys("500"), OperationAnswered("ok", INTENT), keys("1")):
        driver.resume(resume)
    assert driver.resume(OperationAnswered("unknown")).said == ["unknown", "main_menu"]


def test_no_at_the_read_back_moves_nothing(flow: Flow) -> None:
    driver = authenticated(flow)
    for resume in (keys("2"), keys("1"), keys("500"), OperationAnswered("ok", INTENT)):
        driver.resume(resume)
    assert driver.resume(keys("2")).said == ["nothing_moved", "main_menu"]


def test_why_the_bank_refused_is_said(flow: Flow) -> None:
    driver = authenticated(flow)
    driver.resume(keys("1"))
    played = driver.resume(OperationAnswered("refused", reason="account_frozen"))
    assert played.said == ["refused_account_frozen", "main_menu"]
    driver.resume(keys("1"))
    assert driver.resume(OperationAnswered("refused", reason="nobody knows")).said[0] == "refused_not_permitted"


def test_no_input_and_no_match_are_told_apart_and_escalate(flow: Flow) -> None:
    text = changed(("defaults: {on_fail: bye}", "defaults: {on_fail: bye, tries: 4}"))
    driver = called(load_flow_text(text, "f"))
    assert driver.resume(InputTimedOut()).said == ["still_there", "main_menu"]
    assert driver.resume(keys("7")).said == ["not_an_option", "main_menu"]
    assert driver.resume(keys("7")).said == ["really_not"]
    assert driver.resume(keys("7")).said == ["goodbye", "<end done>"]


def test_a_caller_who_presses_nothing_is_asked_again_helped_and_ended_politely(flow: Flow) -> None:
    text = changed(
        ("defaults: {on_fail: bye}", "defaults: {on_fail: bye, no_input: [[once], [twice]]}"),
        ("    no_input: [still_there, main_menu]\n", ""),
    )
    driver = called(load_flow_text(text, "f"))
    assert driver.resume(InputTimedOut()).said == ["once", "main_menu"]
    assert driver.resume(InputTimedOut()).said == ["twice", "main_menu"]
    assert driver.resume(InputTimedOut()).said == ["goodbye", "<end done>"]
    assert driver.session.ended


def test_attempts_are_counted_anew_at_each_question(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(InputTimedOut())
    driver.resume(keys("7"))
    driver.resume(keys("1"))
    assert (driver.session.no_inputs, driver.session.no_matches) == (0, 0)


def test_too_few_digits_are_no_match_and_no_digits_are_no_input(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("1"))
    assert driver.resume(InputTimedOut(3)).said == ["no_match", "enter_pin"]
    assert driver.resume(InputTimedOut(0)).said == ["no_input", "enter_pin"]


def test_an_amount_that_fails_its_check_is_asked_again(flow: Flow) -> None:
    driver = authenticated(flow)
    driver.resume(keys("2"))
    driver.resume(keys("1"))
    assert driver.resume(keys("0")).said == ["no_match", "enter_amount"]


@pytest.mark.parametrize(("key", "said"), [("9", ["main_menu"]), ("*", ["main_menu"]), ("0", [])])
def test_universal_keys_work_in_a_menu(flow: Flow, key: str, said: list[str]) -> None:
    driver = called(flow)
    assert driver.resume(keys(key)).said == said


def test_the_agent_key_hands_over_with_what_the_agent_needs_to_know(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("0"))
    assert driver.played.wait == TransferToAgent("q", {"last_step": "main"})
    assert driver.resume(TransferEnded("closed")).said == ["goodbye", "<end done>"]


def test_inside_a_question_only_the_back_key_is_universal(flow: Flow) -> None:
    driver = authenticated(flow)
    driver.resume(keys("2"))
    driver.resume(keys("9"))
    assert driver.session.variables["payee"] == "9"  # a payee's number, not "repeat"
    assert driver.resume(keys("*")).said == ["enter_payee"]
    assert driver.resume(keys("*")).said == ["main_menu"]


def test_back_goes_to_the_question_before_a_proof_and_not_into_it(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("2"))
    driver.resume(PIN)
    assert driver.resume(OK).said == ["enter_payee"]
    assert driver.resume(keys("*")).said == ["main_menu"]
    assert driver.session.frames == ()


def test_back_inside_a_proof_leaves_it_unproved(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("1"))
    assert driver.resume(keys("*")).said == ["main_menu"]
    assert driver.session.frames == ()
    assert "auth" not in driver.session.gates


def test_history_does_not_grow_with_rounds(flow: Flow) -> None:
    driver = authenticated(flow)
    for _ in range(20):
        driver.resume(keys("1"))
        driver.resume(OperationAnswered("ok", BALANCE))
    assert driver.session.history == ("main",)


def test_a_choice_changes_the_language_from_then_on(flow: Flow) -> None:
    text = changed(('"3": {label: Bye, go: bye}', '"3": {label: 中文, language: zh, go: bye}'))
    driver = called(load_flow_text(text, "f"))
    effect = driver.resume(keys("3")).turn.effects[0]
    assert isinstance(effect, Say)
    assert effect.language == "zh"


def test_what_is_said_in_two_languages_is_two_effects_in_order(flow: Flow) -> None:
    text = changed(("menu: [main_menu]", "menu: [hello, {in: zh, say: [a, b]}, {in: en, say: c}]"))
    played: Played = called(load_flow_text(text, "f")).played
    assert [(e.language, len(e.items)) for e in played.turn.effects if isinstance(e, Say)] == [
        ("en", 1),
        ("zh", 2),
        ("en", 1),
    ]


def test_a_value_that_is_missing_is_our_fault_and_ends_the_call_politely(flow: Flow) -> None:
    driver = authenticated(flow)
    driver.resume(keys("1"))
    assert driver.resume(OperationAnswered("ok", {"last4": "1"})).said == ["system_trouble", "<end trouble>"]


def test_money_that_may_have_moved_is_never_spoken_of_as_something_to_try_again(flow: Flow) -> None:
    driver = authenticated(flow)
    for resume in (keys("2"), keys("1"), keys("500"), OperationAnswered("ok", INTENT), keys("1")):
        driver.resume(resume)
    assert driver.resume(OperationAnswered("ok", {})).said == ["transfer_unknown", "<end trouble>"]


def test_an_outcome_that_the_registry_does_not_have_ends_the_call_politely(flow: Flow) -> None:
    driver = authenticated(flow)
    driver.resume(keys("1"))
    assert driver.resume(OperationAnswered("exploded")).said == ["system_trouble", "<end trouble>"]


def test_a_party_that_left_is_told_nothing(flow: Flow) -> None:
    driver = called(flow)
    assert driver.resume(PartyLeft()).turn.effects == (End("party_left"),)


def test_an_ended_dialogue_stays_ended(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("3"))
    assert driver.session.ended
    assert driver.resume(keys("1")).said == ["<end ended>"]
    assert driver.resume(SessionExpired()).said == ["<end ended>"]


def test_a_dialogue_has_a_bounded_number_of_turns(flow: Flow) -> None:
    driver = called(flow)
    while not driver.session.ended:
        driver.resume(keys("9"))
        assert len(driver.turns) <= MAX_TURNS + 1
    assert driver.played.said == ["too_long", "<end too_long>"]


def test_what_the_bank_answered_is_said_even_at_the_last_turn(flow: Flow) -> None:
    driver = authenticated(flow)
    for resume in (keys("2"), keys("1"), keys("500"), OperationAnswered("ok", INTENT), keys("1")):
        driver.resume(resume)
    late = replace(driver.session, turns=MAX_TURNS + 100)
    _, turn = driver.engine.resume(late, OperationAnswered("ok", {"reference": "9", "available": Money(1, "CNY")}))
    assert said(turn.effects) == ["done", "digits 9", "main_menu"]


def test_a_round_that_only_asks_the_bank_is_cut_off(flow: Flow) -> None:
    text = changed(("on: {ok: told, refused: refused, down: bye}", "on: {ok: balance, refused: refused, down: bye}"))
    driver = authenticated(load_flow_text(text, "f"))
    while not driver.session.ended:
        driver.resume(OperationAnswered("ok", BALANCE))
        assert len(driver.turns) <= MAX_TURNS_AT_THE_BANK + 1
    assert driver.played.said == ["too_long", "<end too_long>"]


def test_a_round_without_input_is_cut_off(flow: Flow) -> None:
    text = changed(
        ('"3": {label: Bye, go: bye}', '"3": round'),
        ("  told_no:", "  round: {go: around}\n  around: {go: round}\n  told_no:"),
    )
    driver = called(load_flow_text(text, "f"))
    assert driver.resume(keys("3")).said == ["system_trouble", "<end trouble>"]


def test_a_line_that_came_back_is_asked_the_same_again(flow: Flow) -> None:
    driver = called(flow)
    driver.resume(keys("1"))
    assert driver.resume(Reconnected()).said == ["enter_pin"]
    assert isinstance(driver.played.wait, GatherDigits)


def test_slots_of_a_trigger_skip_their_questions_once(flow: Flow) -> None:
    driver = Driver(flow)
    driver.start("payee", {"payee": "1", "amount": Money(5, "CNY")})
    driver.resume(PIN)
    driver.resume(OK)
    assert isinstance(driver.played.wait, Perform)
    assert driver.operation().operation == "transfers.prepare"
    driver.resume(OperationAnswered("ok", INTENT))
    driver.resume(keys("2"))
    assert driver.resume(keys("2")).said == ["enter_payee"]


def test_a_trigger_that_names_what_the_flow_has_not_is_the_callers_mistake(flow: Flow) -> None:
    with pytest.raises(KeyError):
        Driver(flow).start("nowhere")
    with pytest.raises(KeyError):
        Driver(flow).start("payee", {"colour": "red"})
