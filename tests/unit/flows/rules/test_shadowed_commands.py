from __future__ import annotations

import pytest

from flows.commands import match
from flows.inspect import Severity, check_flow
from flows.inspect.lints import sms_shadowed
from flows.inspect.rule import whole
from flows.model import Flow
from flows.reading.loader import load_flow_text
from flows.store import FlowStore

FRAME = """
languages: [en, zh]
vars: {{payee: {{type: payee}}, amount: {{type: money}}, last4: {{type: digits}}, day: {{type: date}}}}
sms: {sms}
steps:
  main: {{say: [welcome], next: bye}}
"""


def flow(sms: str) -> Flow:
    return load_flow_text(whole(FRAME.format(sms=sms)), "texts.yaml")


def told(sms: str) -> list[tuple[Severity, str]]:
    return [(found.severity, found.message) for found in check_flow(flow(sms)) if found.rule == "sms-shadowed"]


@pytest.mark.parametrize(
    ("sms", "text", "by"),
    [
        ('{en: {"SEND {payee}": bye, "SEND {amount} {payee}": bye}}', "SEND {amount} {payee}", "SEND {payee}"),
        ('{en: {"STOP": bye}, zh: {"stop": main}}', "stop", "STOP"),
        ('{en: {"BAL": bye, "ＢＡＬ": main}}', "ＢＡＬ", "BAL"),
        ('{zh: {"转账 {payee}": bye, "转账 {amount} {payee}": main}}', "转账 {amount} {payee}", "转账 {payee}"),
    ],
)
def test_a_command_of_which_every_text_goes_elsewhere_is_an_error(sms: str, text: str, by: str) -> None:
    ((severity, message),) = told(sms)
    assert severity is Severity.ERROR
    assert message.startswith(f"no text gets to the command '{text}'")
    assert f"is taken by '{by}' on line 7" in message


def test_a_command_of_which_some_texts_go_elsewhere_is_a_warning() -> None:
    ((severity, message),) = told('{en: {"PAY {last4}": bye, "PAY {payee}": main}}')
    assert severity is Severity.WARNING
    assert message == "some texts for 'PAY {payee}' are taken by 'PAY {last4}' on line 7, such as 'PAY 12'"


@pytest.mark.parametrize(
    "sms",
    [
        '{en: {"SEND {amount} {payee}": bye, "SENDALL {payee}": bye}}',
        '{en: {"BLOCK": bye, "BLOCK {last4}": main}}',
        '{en: {"STOP": bye}, zh: {"停止": main}}',
        '{en: {"BAL": bye, "BALANCE": main}}',
        '{en: {"TO DAY": bye, "TODAY": main}}',
        '{en: {"PAY {amount} {payee}": bye, "PAY {amount} NOW": main}}',
    ],
)
def test_commands_that_get_their_own_texts_are_well(sms: str) -> None:
    assert told(sms) == []


def test_what_the_lint_says_is_what_the_server_does() -> None:
    """The sample texts of every shipped command go to that command, matched as texts from an SMSC are."""
    shipped = FlowStore().current("retail")
    assert len(shipped.sms_patterns) > 10
    for pattern in shipped.sms_patterns:
        for column in range(3):
            text = sms_shadowed.sample(pattern, column)
            found = match(shipped.sms_patterns, text, shipped.currency, shipped.country)
            assert found is not None, text
            assert (found.language, found.pattern) == (pattern.language, pattern.text)
