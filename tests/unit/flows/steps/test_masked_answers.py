from __future__ import annotations

import pytest

from core_client.domain.values import Value
from flows.dialogue import Channel, DigitsReceived, TransferToAgent
from flows.masking import masked
from flows.model import Flow
from flows.testing import Driver
from tests.unit.flows.steps.made import begun, flow_of, slip

TOP = """\
vars:
  customer: {type: digits}
  topic: {type: text}
  note: {type: text}
  number: {type: phone}
  count: {type: number}
  plain: {type: digits}
sms: {en: {"ME {customer}": hand_over}}
"""
ASK = '  main: {ask: {prompt: enter_it, digits: 1..15, end: "#", mask: true}, save: customer, next: after}\n'
HAND_OVER = "on: {answered: bye, closed: bye, failed: bye, timeout: bye}"
CALL_BACK = "on: {ok: bye, refused: bye, down: bye}"
AGENT = (
    f"  after: {{transfer: {{queue: q, context: [customer, last_step]}}, {HAND_OVER}}}\n  hand_over: {{go: after}}\n"
)


def after(step: str, keys: str = "10000001", ask: str = ASK) -> Driver:
    """Answer a dialogue that keyed its number and came to ``step``."""
    driver = begun(f"{ask}{step}  hand_over: {{go: after}}\n", TOP)
    driver.resume(DigitsReceived(keys, ended_by="#"))
    return driver


def context(driver: Driver) -> dict[str, Value]:
    wait = driver.played.wait
    assert isinstance(wait, TransferToAgent)
    return dict(wait.context)


def test_an_agent_sees_the_last_four_digits() -> None:
    driver = after(f"  after: {{transfer: {{queue: q, context: [customer, last_step, party.number]}}, {HAND_OVER}}}\n")
    assert context(driver) == {"customer": "****0001", "last_step": "main", "party.number": "+8613900000001"}
    assert driver.session.variables["customer"] == "10000001", "the dialogue itself has all of it"


def test_without_a_mask_the_agent_sees_it_whole() -> None:
    step = f"  after: {{transfer: {{queue: q, context: [customer]}}, {HAND_OVER}}}\n"
    for ask in (ASK.replace(", mask: true", ""), ASK.replace("mask: true", "mask: false")):
        assert context(after(step, ask=ask)) == {"customer": "10000001"}


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("10000001", "****0001"), ("12345", "****2345"), ("1234", "****"), ("1", "****"), ("", "****"),
        (7_000_123, "****0123"), ("+8613900000001", "****0001"), ("Li Lei", "****iLei"),
    ],
)  # fmt: skip
def test_a_mask_leaves_four_of_more_and_nothing_of_less(value: Value, seen: str) -> None:
    assert masked(value) == seen


def test_the_bank_gets_the_whole_value() -> None:
    step = "  after: {bank: identity.claim, with: {customer: customer}, on: {ok: bye, down: bye}}\n"
    driver = begun(f"{ASK}{step}  hand_over: {{go: bye}}\n", TOP)
    driver.resume(DigitsReceived("10000001", ended_by="#"))
    assert driver.operation().arguments == {"customer": "10000001"}


@pytest.mark.parametrize(
    "step",
    [
        f"  after: {{callback: {{queue: q, about: customer}}, {CALL_BACK}}}\n",
        f"  after: {{bank: service.request_callback, with: {{queue: '\"q\"', about: customer}}, {CALL_BACK}}}\n",
    ],
    ids=["callback", "bank"],
)
def test_staff_who_call_back_read_its_end(step: str) -> None:
    assert after(step).operation().arguments == {"queue": "q", "about": "****0001"}


def test_the_number_to_call_back_is_whole_even_when_it_is_masked() -> None:
    ask = ASK.replace("save: customer", "save: number")
    arguments = after(f"  after: {{callback: {{number: number, about: number}}, {CALL_BACK}}}\n", "01062345678", ask)
    assert arguments.operation().arguments == {"number": "+861062345678", "about": "****5678"}


def test_what_was_worked_out_of_it_is_masked_too_through_any_number_of_steps() -> None:
    driver = after(
        "  after: {set: {topic: customer, same: 'customer == \"10000001\"'}, next: copied}\n"
        "  copied: {set: {copy: topic, note: '\"plain\"'}, next: agent}\n"
        f"  agent: {{transfer: {{queue: q, context: [topic, copy, same, note, copy != note]}}, {HAND_OVER}}}\n"
    )
    assert driver.engine.flow.masked == {"customer", "topic", "copy"}
    assert context(driver) == {
        "topic": "****0001", "copy": "****0001", "same": True, "note": "plain", "copy != note": True,
    }  # fmt: skip


def test_a_number_that_is_masked_stays_so_in_a_sum() -> None:
    ask = ASK.replace("save: customer", "save: count")
    step = (
        "  after: {set: {more: count + 1}, next: agent}\n"
        f"  agent: {{transfer: {{queue: q, context: [count, more, more * 2, more > 5]}}, {HAND_OVER}}}\n"
    )
    found = context(after(step, "123456789", ask))
    assert found == {"count": "****6789", "more": "****6790", "more * 2": "****3580", "more > 5": True}


def test_a_masked_answer_that_came_by_text_is_masked_as_well() -> None:
    step = f"  after: {{callback: {{about: customer}}, {CALL_BACK}}}\n  hand_over: {{go: after}}\n"
    driver = Driver(flow_of(ASK + step, TOP), Channel.SMS)
    driver.start("hand_over", {"customer": "10000001"})
    assert driver.operation().arguments == {"about": "****0001"}


def test_the_customer_hears_the_whole_of_it() -> None:
    assert after("  after: {say: [{digits: customer}], next: bye}\n").played.said[0] == "digits 10000001"


def test_one_question_with_a_mask_is_enough() -> None:
    flow = flow_of(
        ASK + "  after: {ask: {prompt: enter_it, digits: 3}, save: customer, next: bye}\n  hand_over: {go: after}\n",
        TOP,
    )
    assert flow.masked == {"customer"}


def test_a_flow_without_masks_has_none() -> None:
    flow: Flow = flow_of("  main: {say: [hello], next: bye}\n")
    assert flow.masked == frozenset()


@pytest.mark.parametrize(
    ("type_", "mask", "words"),
    [
        ("money", "true", "money cannot be masked"),
        ("date", "true", "a date cannot be masked"),
        ("flag", "true", "a flag cannot be masked"),
        ("secret", "true", "a secret needs no mask"),
        ("digits", "yes", "true or false is needed"),
    ],
)
def test_a_slip_is_named_at_its_word(type_: str, mask: str, words: str) -> None:
    step = f"  main: {{ask: {{prompt: enter_it, digits: 6, mask: {mask}}}, save: it, next: bye}}\n"
    slip(step, words, mask, f"vars: {{it: {{type: {type_}}}}}\n")


def test_only_amounts_dates_flags_and_secrets_take_none() -> None:
    for type_ in ("account", "digits", "number", "payee", "phone", "text"):
        step = "  main: {ask: {prompt: enter_it, digits: 6, mask: true}, save: it, next: bye}\n"
        assert flow_of(step, f"vars: {{it: {{type: {type_}}}}}\n").masked == {"it"}
