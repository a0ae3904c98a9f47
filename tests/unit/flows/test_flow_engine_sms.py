from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core_client.domain.money import Money
from core_client.domain.values import SecretHandle, Value
from flows.dialogue import AwaitText, Channel, OperationAnswered, Reconnected, SessionExpired, TextReceived
from flows.engine import Engine
from flows.model import Flow
from flows.reading.loader import load_flow, load_flow_text
from flows.session import Waiting
from flows.store import DEFINITIONS
from flows.testing import Driver
from flows.testing.driver import said
from tests.unit.flows.flow_texts import SMALL
from tests.unit.flows.test_flow_engine_voice import BALANCE, INTENT

SEND: Mapping[str, Value] = {"amount": Money(50000, "CNY"), "payee": "LILEI"}
CODE = TextReceived("", SecretHandle("typed"))
ISSUED = OperationAnswered("ok", {"code": SecretHandle("issued")})


@pytest.fixture(scope="module")
def flow() -> Flow:
    return load_flow_text(SMALL, "small.yaml")


@pytest.fixture(scope="module")
def retail() -> Flow:
    return load_flow(DEFINITIONS / "retail.yaml")


def texted(flow: Flow, step: str, slots: Mapping[str, Value] | None = None, *, identified: bool = True) -> Driver:
    driver = Driver(flow, Channel.SMS, identified=identified)
    driver.start(step, slots)
    return driver


def awaiting_code(flow: Flow) -> Driver:
    driver = texted(flow, "prepare", SEND)
    driver.resume(OperationAnswered("ok", INTENT))
    driver.resume(ISSUED)
    return driver


def test_an_enquiry_by_text_needs_the_registered_number_only_and_ends_at_its_answer(flow: Flow) -> None:
    driver = texted(flow, "balance")
    assert driver.operation().operation == "accounts.balance"
    assert driver.operation().filler is None
    assert driver.resume(OperationAnswered("ok", BALANCE)).said == [
        "your_balance_is",
        "money 12345.67 CNY",
        "<end done>",
    ]


def test_a_number_that_is_not_registered_is_told_so(flow: Flow) -> None:
    driver = texted(flow, "balance", identified=False)
    assert driver.played.said == ["not_registered", "<end not_registered>"]


def test_the_answer_is_in_the_commands_language(flow: Flow) -> None:
    driver = Driver(flow, Channel.SMS, language="en")
    driver.start("balance", language="zh")
    assert driver.session.language == "zh"


def test_money_is_confirmed_by_a_code_bound_to_its_intent(flow: Flow) -> None:
    driver = texted(flow, "prepare", SEND)
    driver.resume(OperationAnswered("ok", INTENT))
    issue = driver.operation()
    assert (issue.operation, issue.arguments) == ("auth.issue_code", {"intent": "i1"})
    asked = driver.resume(ISSUED)
    assert asked.said == ["you_send", "money 500.00 CNY", "name Li Lei", "sms_confirm_with_code", "secret"]
    assert asked.wait == AwaitText(600.0, code=True, secret=True)
    driver.resume(CODE)
    verify = driver.operation()
    assert verify.operation == "auth.verify_code"
    assert verify.arguments == {"intent": "i1", "code": SecretHandle("typed")}
    driver.resume(OperationAnswered("ok"))
    assert driver.operation().operation == "transfers.authorise"
    done = driver.resume(OperationAnswered("ok", {"reference": "9", "available": Money(1, "CNY")}))
    assert done.said == ["done", "digits 9", "<end done>"]


def test_a_code_opens_its_own_step_once_and_no_gate(flow: Flow) -> None:
    driver = awaiting_code(flow)
    driver.resume(CODE)
    driver.resume(OperationAnswered("ok"))
    assert "auth" not in driver.session.gates


def test_money_never_moves_without_its_code_whatever_a_session_says(flow: Flow) -> None:
    driver = awaiting_code(flow)
    forged = replace(driver.session, waiting=Waiting.TEXT)  # as if a plain yes had been asked for
    _, turn = driver.engine.resume(forged, TextReceived("YES"))
    assert said(turn.effects) == ["system_trouble", "<end trouble>"]
    for gates in ((), ("auth",)):
        _, turn = driver.engine.resume(
            replace(forged, gates=gates, waiting=Waiting.VERIFY), OperationAnswered("refused")
        )
        assert said(turn.effects) == ["code_wrong"]


def test_a_wrong_code_is_said_so_and_waited_for_again(flow: Flow) -> None:
    driver = awaiting_code(flow)
    driver.resume(CODE)
    again = driver.resume(OperationAnswered("refused"))
    assert again.said == ["code_wrong"]
    assert driver.session.waits_for_code
    driver.resume(CODE)
    assert driver.operation().arguments["intent"] == "i1"


@pytest.mark.parametrize(
    ("outcome", "said"), [("expired", "code_expired"), ("locked", "code_locked"), ("down", "try_later")]
)
def test_a_code_that_cannot_be_right_any_more_ends_and_moves_nothing(flow: Flow, outcome: str, said: str) -> None:
    driver = awaiting_code(flow)
    driver.resume(CODE)
    assert driver.resume(OperationAnswered(outcome)).said == [said, f"<end {outcome}>"]


def test_a_code_that_is_not_issued_moves_nothing(flow: Flow) -> None:
    driver = texted(flow, "prepare", SEND)
    driver.resume(OperationAnswered("ok", INTENT))
    played = driver.resume(OperationAnswered("refused", reason="over_sms_limit"))
    assert played.said == ["refused_over_sms_limit", "<end refused>"]


@pytest.mark.parametrize("word", ["NO", "no.", "否", "取消", "ＮＯ"])
def test_no_instead_of_the_code_cancels(flow: Flow, word: str) -> None:
    driver = awaiting_code(flow)
    assert driver.resume(TextReceived(word)).said == ["nothing_moved", "<end done>"]


def test_words_instead_of_the_code_never_confirm(flow: Flow) -> None:
    driver = awaiting_code(flow)
    for word in ("YES", "是", "ok"):
        assert driver.resume(TextReceived(word)).said == ["code_wrong"]


def test_texts_that_are_no_code_are_answered_a_bounded_number_of_times(flow: Flow) -> None:
    driver = awaiting_code(flow)
    for _ in range(20):
        driver.resume(TextReceived("hello"))
        if driver.session.ended:
            break
    assert driver.session.ended


def test_a_code_that_comes_too_late_is_told_so(flow: Flow) -> None:
    assert awaiting_code(flow).resume(SessionExpired()).said == ["code_expired", "<end expired>"]


def test_a_text_that_is_delivered_again_while_its_code_is_checked_is_the_same_request(flow: Flow) -> None:
    driver = awaiting_code(flow)
    driver.resume(CODE)
    first = driver.operation()
    driver.resume(TextReceived("", SecretHandle("again")))  # after a node died; the inbox delivers it once more
    second = driver.operation()
    assert second.request_id == first.request_id
    assert second.arguments["code"] == SecretHandle("again")


def test_a_text_that_is_delivered_again_while_money_moves_is_the_same_request(flow: Flow) -> None:
    driver = awaiting_code(flow)
    driver.resume(CODE)
    driver.resume(OperationAnswered("ok"))
    first = driver.operation()
    driver.resume(CODE)
    assert driver.operation() == first
    driver.resume(Reconnected())
    assert driver.operation() == first


def test_an_answer_that_was_lost_is_given_again_with_a_code_of_its_own(flow: Flow) -> None:
    driver = awaiting_code(flow)
    driver.resume(Reconnected())
    assert driver.operation().operation == "auth.issue_code"
    assert driver.operation().request_id != "s1:2"  # the first code may have been read: a new request, a new code
    assert driver.resume(ISSUED).said[-2:] == ["sms_confirm_with_code", "secret"]


def test_the_bank_that_forgot_the_code_moves_nothing(flow: Flow) -> None:
    driver = awaiting_code(flow)
    driver.resume(CODE)
    driver.resume(OperationAnswered("ok"))
    assert driver.resume(OperationAnswered("unauthenticated")).said == ["code_expired", "<end expired>"]


def test_a_slot_that_fails_its_check_is_answered_with_help(flow: Flow) -> None:
    driver = texted(flow, "prepare", {"amount": Money(0, "CNY"), "payee": "LILEI"})
    assert driver.played.said == ["no_match", "sms_help", "<end bad_slot>"]


def test_several_accounts_are_all_listed_by_text(retail: Flow) -> None:
    driver = texted(retail, "balance")
    accounts: tuple[Value, ...] = tuple(
        {"account": f"a{n}", "last4": f"111{n}", "product": "p", "available": Money(n * 100, "CNY"), "default": n == 1}
        for n in (1, 2)
    )
    played = driver.resume(OperationAnswered("ok", {"accounts": accounts, "count": 2}))
    assert played.said == [
        "text \n", "account_ending", "digits 1111", "available_balance", "money 1.00 CNY",
        "text \n", "account_ending", "digits 1112", "available_balance", "money 2.00 CNY",
        "<end done>",
    ]  # fmt: skip


def test_a_card_is_blocked_by_text_without_a_code(retail: Flow) -> None:
    driver = texted(retail, "block_only_card")
    assert driver.operation().operation == "cards.block"
    played = driver.resume(OperationAnswered("refused", reason="card_unknown"))
    assert played.said == ["refused_card_unknown", "<end done>"]


def test_every_sms_command_of_the_demo_bank_answers_something(retail: Flow) -> None:
    for pattern in retail.sms_patterns:
        values: Mapping[str, Value] = {
            "amount": Money(500, "CNY"), "payee": "x", "last4": "1234", "from_last4": "1101", "to_last4": "3317",
            "entries": 3, "months": 3, "cheque": "100022", "foreign": "USD", "loan_amount": Money(100_000, "CNY"),
            "loan_months": 12, "threshold": Money(10_000, "CNY"), "place": "510620", "about": "a machine",
            "bill_number": "12345678", "biller": "101",
            "top_up_number": "+8613900000001", "new_account": "440100008808", "new_name": "x",
        }  # fmt: skip
        slots = {slot.name: values[slot.name] for slot in pattern.parts if not isinstance(slot, str)}
        driver = Driver(retail, Channel.SMS)
        driver.start(pattern.step, slots, pattern.language)
        if not driver.session.ended:
            driver.resume(OperationAnswered("down"))
            if driver.played.said == ["enter_place"]:  # a place that the text does not name is asked for
                continue
            assert driver.played.said[0] == "try_later"
        assert len(driver.played.said) >= 2


@pytest.mark.parametrize("gone", ["# another", "renamed"])
def test_money_at_the_bank_whose_version_is_lost_is_not_spoken_of_as_something_to_try_again(
    flow: Flow, gone: str
) -> None:
    driver = awaiting_code(flow)
    driver.resume(CODE)
    driver.resume(OperationAnswered("ok"))
    assert driver.operation().operation == "transfers.authorise"
    text = f"{SMALL}# another\n" if gone != "renamed" else SMALL.replace("send", "pay")
    _, turn = Engine(load_flow_text(text, "small.yaml")).give_up(driver.session)
    assert said(turn.effects) == ["transfer_unknown", "<end trouble>"]


def test_an_enquiry_whose_version_is_lost_is_our_trouble(flow: Flow) -> None:
    driver = texted(flow, "balance")
    _, turn = Engine(flow).give_up(driver.session)
    assert said(turn.effects) == ["system_trouble", "<end trouble>"]
