from __future__ import annotations

from flows.inspect import check_flow
from flows.inspect.lints.money_outside_gate import RULE
from flows.inspect.rule import whole
from flows.reading.loader import load_flow_text

GOOD = RULE.good
STRAIGHT = "main: {needs: auth, ask: {prompt: enter_payee"


def rules(text: str) -> list[str]:
    found = check_flow(load_flow_text(whole(text), "money.yaml"))
    return [finding.rule for finding in found if finding.rule in ("money-outside-gate", "unproved-operation")]


def changed(*pairs: tuple[str, str]) -> str:
    text = GOOD
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def test_a_gate_that_everybody_leaves_with_the_pin_is_enough_for_all_that_follows() -> None:
    assert rules(GOOD) == []


def test_a_gate_that_some_need_not_pass_proves_nothing() -> None:
    assert rules(changed(("auth: {", "auth: {unless: party.identified, "))) == [
        "unproved-operation",
        "money-outside-gate",
    ]


def test_a_gate_that_never_asks_for_the_pin_proves_nothing() -> None:
    text = changed(("next: check}", "next: return}"))
    text = text[: text.index("  check:")]
    assert rules(text) == ["unproved-operation", "money-outside-gate"]


def test_one_way_around_the_gate_is_enough_to_be_told() -> None:
    around = (
        'main: {menu: [press_1_or_2], choices: {"1": paid, "2": free}}\n'
        "  free: {ask: {prompt: enter_payee, digits: 2}, save: payee, next: amount}\n"
        "  paid: {needs: auth, ask: {prompt: enter_payee"
    )
    assert rules(changed((STRAIGHT, around))) == ["unproved-operation", "money-outside-gate"]
    # Unless the step that moves money needs the gate itself.
    own = changed((STRAIGHT, around), ("  send:\n", "  send:\n    needs: auth\n"))
    assert rules(own) == ["unproved-operation"]


def test_a_gate_inside_a_gate_counts_for_the_outer_one() -> None:
    nested = changed(
        ("gates: {auth", "gates: {outer: {voice: hello, sms: by_number}, auth"),
        ("main: {needs: auth,", "main: {needs: outer,"),
        ("  pin:", "  hello: {needs: auth, say: [welcome], next: return}\n  pin:"),
    )
    assert rules(nested) == []
    # A gate that begins outside of the proving one proves nothing by itself.
    assert "money-outside-gate" in rules(nested.replace("hello: {needs: auth,", "hello: {"))


def test_money_by_text_needs_a_code_of_its_own() -> None:
    by_text = changed(
        ("gates: {auth", "gates: {known: {voice: pin, sms: by_number}, auth"),
        ("steps:", 'sms: {en: {"SEND {amount} {payee}": prepare}}\nsteps:'),
        ("  send:\n", "  send:\n    needs: {voice: auth, sms: known}\n"),
    )
    assert rules(by_text) == ["money-outside-gate"]
