# ruff: noqa: E501 - a table of slips reads best as one row a slip
from __future__ import annotations

from pathlib import Path

import pytest

from core_client.operations import Type
from flows.dialogue import Channel
from flows.errors import FlowError
from flows.model import SmsSlot
from flows.reading.loader import load_flow, load_flow_text
from flows.store import DEFINITIONS
from tests.unit.flows.flow_texts import SMALL, changed


def refused(*pairs: tuple[str, str]) -> FlowError:
    with pytest.raises(FlowError) as caught:
        load_flow_text(changed(*pairs), "small.yaml")
    return caught.value


def word_at(error: FlowError, word: str) -> bool:
    return error.source_line[error.column - 1 :].startswith(word)


def test_a_flow_that_is_right_loads_with_all_that_it_says() -> None:
    flow = load_flow_text(SMALL, "small.yaml")
    assert flow.name == "small"
    assert flow.languages == ("en", "zh")
    assert flow.steps["balance"].needs == {Channel.VOICE: ("auth",), Channel.SMS: ("identified",)}
    send = next(pattern for pattern in flow.sms_patterns if len(pattern.parts) == 3)
    assert send.parts == ("SEND", SmsSlot("amount", Type.MONEY), SmsSlot("payee", Type.PAYEE))
    assert (send.language, send.step) == ("en", "prepare")
    assert flow.gates["auth"].steps == {"pin", "pin_check"}
    assert flow.asked_by["pin"] == "pin"


def test_the_demo_banks_flow_loads() -> None:
    flow = load_flow(DEFINITIONS / "retail.yaml")
    assert flow.languages == ("zh", "en")
    assert next(iter(flow.steps["main"].edges(Channel.VOICE))).target == "block_confirm"
    assert {pattern.text.split()[0] for pattern in flow.sms_patterns if pattern.language == "en"} == {
        "AGENT", "ALERT", "APPOINTMENT", "ATM", "BAL", "BILLERS", "BLOCK", "BRANCH", "CALL", "CASH", "CHEQUE", "COMPLAINT",
        "DUE", "END", "ENGLISH", "FREEZE", "FROM", "FX", "HELP", "LOAN", "LOANS", "MINI", "MISSED", "MOVE", "PAY", "PAYBILL",
        "PAYEE", "PAYEES", "PRODUCTS", "QUIT", "RATES", "SEND", "START", "STATEMENT", "STOP", "STOPALL", "TOPUP", "UNBLOCK",
        "UNFREEZE", "UNSTOP", "UNSUBSCRIBE",
    }  # fmt: skip


def test_a_version_changes_with_the_flow_and_with_the_prompts_it_uses() -> None:
    first = load_flow_text(SMALL, "a", {"goodbye": "Goodbye"})
    assert load_flow_text(SMALL, "b", {"goodbye": "Goodbye"}).version == first.version
    assert load_flow_text(SMALL, "a", {"goodbye": "So long"}).version != first.version
    assert load_flow_text(SMALL, "a", {"goodbye": "Goodbye", "unused": "x"}).version == first.version
    assert load_flow_text(SMALL + "# more\n", "a", {"goodbye": "Goodbye"}).version != first.version


SHAPES = [
    ("    no_match: [[", "    no_mach: [[", "no_mach", "unknown key 'no_mach' in menu 'main'. Did you mean 'no_match'?"),
    ("    menu: [main_menu]", "    manu: [main_menu]", "manu", "unknown key 'manu' in step 'main'. Did you mean 'menu'?"),
    ("start: main\n", "", "flow", "the flow needs 'start'"),
    ("start: main", "strat: main", "strat", "unknown key 'strat' in the flow. Did you mean 'start'?"),
    ("digits: 6}", "digits: six}", "six", "how many digits is written 6, or 1..9"),
    ("digits: 1..9", "digits: 9..1", "9..1", "the smaller number first"),
    ("limit: 20s", "limit: 20", "20", "a time is written with its unit"),
    ('"1": balance', '"11": balance', '"11"', "'11' cannot stand here"),
    ('      "1": balance\n', '      "1": {label: x}\n', "{label", "choice '1' needs 'go'"),
    ("go: payee}", "go: payee, colour: red}", "colour", "unknown key 'colour' in choice '2'"),
    ("bank: accounts.balance", "bank: accounts.balence", "accounts.balence", "Did you mean 'accounts.balance'?"),
    ("with: {pin: pin}", "with: {pni: pin}", "pni", "'auth.verify_pin' has no parameter 'pni'. Did you mean 'pin'?"),
    ("    with: {pin: pin}\n", "", "auth.verify_pin", "'auth.verify_pin' needs 'pin'"),
    ("with: {payee: payee, amount: amount}", "with: {payee: payee, amount: payee}", "payee}", "'amount' takes money; this is payee"),
    ("with: {intent: intent.id}", "with: {intent: intent.amount}", "intent.amount", "'intent' takes intent; this is money"),
    ("with: {intent: intent.id}", "with: {intent: intent.idd}", "idd", "'intent' has no 'idd'. Did you mean 'id'?"),
    ("on: {ok: told, refused: refused, down: bye}", "on: {ok: told, down: bye}", "{ok", "can answer 'refused', and 'on' does not say"),
    ("unknown: unknown, down", "unknwon: unknown, down", "unknwon", "never answers 'unknwon'. Did you mean 'unknown'?"),
    ("on: {ok: told,", "on: {unauthenticated: pin, ok: told,", "unauthenticated", "a flow does not handle"),
    ("{money: bal.available}", "{money: bal.last4}", "bal.last4", "'money' says money; this is digits"),
    ("{money: bal.available}", "{mony: bal.available}", "mony", "Did you mean 'money'?"),
    ("{digits: receipt.reference}", "{digits: pin}", "pin", "this is secret"),
    ("check: value >", "check: vaule >", "vaule", "unknown name 'vaule'. Did you mean 'value'?"),
    ('value > money("0 CNY")', "value > 0", "value > 0", "money and number cannot be compared"),
    ("type: payee}", "type: paye}", "paye}", "unknown type 'paye'. Did you mean 'payee'?"),
    ("  payee: {type", "  party: {type", "party", "'party' is a name that every flow has"),
    ("save: payee,", "save: paye,", "paye,", "unknown variable 'paye'. Did you mean 'payee'?"),
    ("needs: auth, ask", "needs: oath, ask", "oath", "unknown gate 'oath'. Did you mean 'auth'?"),
    ("needs: {voice: auth, sms: id", "needs: {vioce: auth, sms: id", "vioce", "'vioce' is no channel. Did you mean 'voice'?"),
    ("sms: by_code", "sms: by_cod", "by_cod", "'by_cod' proves nothing by text. Did you mean 'by_code'?"),
    ("SEND {amount}", "SEND {amuont}", '"SEND', "no variable of this flow. Did you mean 'amount'?"),
    ("SEND {amount}", "SEND {pin}", '"SEND', "'pin' is a secret: a text never carries one"),
    ('"BAL": balance', '"{payee} BAL": balance', '"{payee}', "a command begins with a word"),
    ("next: main}\n  told_no", "next: main, hangup: true}\n  told_no", "{say", "has both 'next' and 'hangup'"),
    ("bye: {say: [goodbye], hangup: true}", "bye: {say: [goodbye]}", "{say", "has neither 'next' nor 'hangup: true'"),
    ("timeout: bye}}", "timeuot: bye}}", "timeuot", "never ends as 'timeuot'. Did you mean 'timeout'?"),
    ("context: [last_step]", "context: [pin]", "pin", "a secret is never told to an agent"),
    ("  who: {say: [who], next: return}", "  who: {say: [who], go: return}", "go", "step 'who' is both say and go"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "at", "words"), SHAPES)
def test_a_slip_is_named_at_its_word_with_the_mend(old: str, new: str, at: str, words: str) -> None:
    error = refused((old, new))
    assert words in str(error).splitlines()[0]
    assert word_at(error, at), str(error)
    assert error.file == "small.yaml"


def test_words_that_yaml_takes_for_something_else_mean_what_they_say() -> None:
    text = changed(
        ('"yes": send', "yes: send"), ('"no": told_no', "no: told_no"), ("digits: 6}", "digits: 06}"), ('"1": balance', "1: balance")
    )  # fmt: skip
    flow, plain = load_flow_text(text, "small.yaml"), load_flow_text(SMALL, "small.yaml")
    for name in ("confirm", "pin", "main", "pin_check"):
        edges = [edge.target for edge in flow.steps[name].edges(Channel.VOICE)]
        assert edges == [edge.target for edge in plain.steps[name].edges(Channel.VOICE)]
    for slip in ("start: 22:30", "start: 0123", "start: ~", "start: null", "start: 1e3"):
        error = refused(("start: main", slip))
        assert (error.line, error.column) == (3, 8), str(error)


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_lines_may_end_as_they_do_on_any_system(ends: str) -> None:
    load_flow_text("\ufeff" + SMALL.replace("\n", ends), "small.yaml")
    error_text = SMALL.replace("    no_match: [[", "    no_mach: [[").replace("\n", ends)
    with pytest.raises(FlowError) as caught:
        load_flow_text("\ufeff" + error_text, "small.yaml")
    assert (caught.value.line, caught.value.column) == (25, 5)
    assert caught.value.source_line == "    no_mach: [[not_an_option, main_menu], [really_not]]"


def test_an_error_reads_as_promised() -> None:
    error = refused(("    no_match: [[", "    no_mach: [["))
    assert str(error) == (
        "small.yaml:25:5: unknown key 'no_mach' in menu 'main'. Did you mean 'no_match'?\n"
        "        no_mach: [[not_an_option, main_menu], [really_not]]\n"
        "        ^"
    )


def test_a_step_that_is_not_there_is_named_at_every_place_of_that_level() -> None:
    error = refused(('"1": balance', '"1": balence'), ("next: amount}", "next: amuont}"))
    assert "there is no step 'balence'. Did you mean 'balance'?" in str(error)
    assert [more.message for more in error.more] == ["there is no step 'amuont'"]


def test_only_the_first_level_that_fails_is_told() -> None:
    both = refused(("limit: 20s", "limit: 20"), ('"1": balance', '"1": balence'))
    assert "unit" in str(both)
    assert both.more == ()
    all_three = changed(("limit: 20s", "limit: 20")) + "broken: [\n"
    with pytest.raises(FlowError) as caught:
        load_flow_text(all_three, "small.yaml")
    assert "unit" not in str(caught.value)


def test_slips_of_one_level_are_all_told_by_place() -> None:
    error = refused(("digits: 6}", "digits: six}"), ("limit: 20s", "limit: 20"))
    assert [error.line, *(more.line for more in error.more)] == [27, 54]


GRAPHS = [
    (('"BAL": balance', '"BAL": pin'), "step 'pin' asks for the secret 'pin' by text (reached by text from line 15)", "pin"),
    (("digits: 6}, save: pin", "digits: 6}, channels: [sms], save: pin"), "asks for the secret 'pin' by text", "pin"),
    (('"BAL": balance', '"BAL": send'), "step 'send' needs 'auth' by a code, which only a confirmation asks for", "send"),
    (("needs: {voice: auth, sms: identified}\n    bank: accounts", "needs: auth\n    bank: accounts"), "step 'balance' needs 'auth' by a code", "balance"),
    (("next: main}\n  payee", "next: return}\n  payee"), "step 'told' is reached without a gate", "return"),
    (("  told: {say", "  told: {channels: [voice], say"), "step 'told' does not run by sms, but is reached from here by sms", "told"),
    (('"1": balance', '"1": stop'), "there is no step 'stop'", "stop"),
]  # fmt: skip


@pytest.mark.parametrize(("pair", "words", "at"), GRAPHS)
def test_what_no_channel_may_do_is_refused_with_its_place(pair: tuple[str, str], words: str, at: str) -> None:
    error = refused(pair)
    assert words in str(error).splitlines()[0]
    assert word_at(error, at), str(error)


def test_an_operation_that_a_channel_lacks_is_refused() -> None:
    error = refused(
        ("bank: accounts.balance\n    save: bal\n", "bank: identity.claim\n    with: {customer: '\"1\"'}\n"),
        ("on: {ok: told, refused: refused, down: bye}", "on: {ok: bye, down: bye}"),
        ("told: {say: [your_balance_is, {money: bal.available}]", "told: {say: [x]"),
    )
    assert "this is text" in str(error) or "'identity.claim' is no operation for sms" in str(error)


def test_a_branch_by_channel_keeps_texts_away_from_what_they_must_not_reach() -> None:
    text = changed(
        ('"BAL": balance', '"BAL": which'),
        ("  told: {say", '  which: {if: channel == "sms", then: told_no, else: pin}\n  told: {say'),
    )
    load_flow_text(text, "small.yaml")
    with pytest.raises(FlowError, match="asks for the secret 'pin' by text"):
        load_flow_text(text.replace('channel == "sms"', "party.identified"), "small.yaml")


def test_a_saved_name_means_one_thing() -> None:
    error = refused(("save: receipt", "save: bal"))
    assert "'bal' is already something else" in str(error)


def test_a_file_that_is_gone_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="cannot read it"):
        load_flow(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["x", "[]", "{}", "flow: x", "steps: 3", "flow: [x]\nsteps: {a: b}", "\ud800"])
def test_what_is_no_flow_at_all_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(FlowError):
        load_flow_text(text, "x.yaml")
