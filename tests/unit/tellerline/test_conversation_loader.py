from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from core_client.domain.money import Money
from tellerline.errors import ConversationError
from tellerline.trying import conversation as c
from tellerline.trying.loader import load_conversation, load_conversation_text

CALL = 'conversation: x\nsteps:\n- call: {from: "+8613900000001", to: "95500"}\n'


def _steps(text: str) -> tuple[c.Step, ...]:
    return load_conversation_text(CALL + text, "x.yaml").steps[1:]


def test_every_word_of_the_language_is_read() -> None:
    steps = _steps(
        """
- hear: welcome
- press: "1"
- press: {pin: customer}
- press: {pin: wrong}
- hear: [your_balance_is, {money: "12345.67 CNY"}, {digits: "0001"}, {number: 3}, {date: "2026-03-02"}, {name: Li Lei}]
  in: zh
  within: 9s
- silence: 7s
- hang_up: true
- text: {from: "+8613900000001", to: "95500", body: "SEND 500 LILEI"}
- receive: {to: "+8613900000001", contains: ["500.00"], capture: {code: '\\b\\d{6}\\b'}}
- text: {from: "+8613900000001", to: "95500", body: "{code}"}
- not_receive: {contains: "secret"}
- called: {to: "+8613900000001", as: again}
- ended: true
  as: again
- transferred: {queue: retail}
- wait: 10m
"""
    )
    words = "Hear Press Press Press Hear Silence HangUp Text Receive Text NotReceive Called Ended Transferred Wait"
    assert " ".join(type(step).__name__ for step in steps) == words
    hear = steps[4]
    assert isinstance(hear, c.Hear)
    assert hear.items == (
        c.HearPrompt("your_balance_is"),
        c.HearMoney(Money(1234567, "CNY")),
        c.HearDigits("0001"),
        c.HearNumber(3),
        c.HearDate(datetime.date(2026, 3, 2)),
        c.HearName("Li Lei"),
    )
    assert (hear.language, hear.within_s, hear.place.line) == ("zh", 9.0, 9)
    assert steps[-1] == c.Wait(steps[-1].place, 600.0)
    assert steps[2] == c.Press(steps[2].place, c.PinOf())
    assert steps[3] == c.Press(steps[3].place, c.PinOf(wrong=True))


def test_what_is_given_tells_the_time_and_how_the_bank_answers() -> None:
    text = (
        'conversation: x\ngiven:\n  at: "2026-03-02T10:15:00+08:00"\n'
        "  bank: {transfers.authorise: unknown, accounts.balance: {slow: 9s}}\n" + CALL.partition("\n")[2]
    )
    given = load_conversation_text(text, "x.yaml").given
    assert given.at is not None
    assert given.at.utcoffset() == datetime.timedelta(hours=8)
    assert given.bank == {"transfers.authorise": c.Told("unknown"), "accounts.balance": c.Told(slow_s=9.0)}
    down = text.replace("{transfers.authorise: unknown, accounts.balance: {slow: 9s}}", "down")
    assert load_conversation_text(down, "x.yaml").given.bank == {"*": c.Told("down")}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("- haer: welcome\n", "x.yaml:4:3", "unknown step 'haer'. Did you mean 'hear'?"),
        ("- hear: Welcome!\n", "x.yaml:4:9", "is no prompt id"),
        ("- hear: [{mony: 1}]\n", "x.yaml:4:11", "Did you mean 'money'?"),
        ("- hear: [{money: 5 yuan}]\n", "x.yaml:4:18", "write it as 12345.67 CNY"),
        ("- hear: welcome\n  witin: 3s\n", "x.yaml:5:3", "unknown word 'witin' in a 'hear' step"),
        ("- hear: welcome\n  press: 1\n", "x.yaml:5:3", "'hear' and 'press' in one step"),
        ("- silence: 7\n", "x.yaml:4:12", "Write it with its unit"),
        ('- press: "739154 "\n', "x.yaml:4:10", "has no keys of a telephone"),
        ('- press: {pin: "739154"}\n', "x.yaml:4:16", "a PIN is never written"),
        ("- hear: welcome\n  as: other\n", "x.yaml:4:3", "no call was made 'as: other'"),
        ('- text: {from: "+861", to: "95500", body: "{code}"}\n', "x.yaml:4:3", "was not captured"),
        ("- receive: {to: \"+861\", capture: {code: '('}}\n", "x.yaml:4:41", "not a regular expression"),
        ("- call: {to: '95500'}\n", "x.yaml:4:9", "a call from nowhere"),
        ("- hear: &a welcome\n", "x.yaml:4:9", "an anchor"),
        ("- hear: !!str welcome\n", "x.yaml:4:9", "a tag"),
        ("- hear: welcome\n- hear: [welcome\n", "x.yaml:5:9", "never closed"),
        ("- ended: false\n", "x.yaml:4:10", "says nothing"),
    ],
)
def test_a_slip_is_told_with_its_place_and_the_mend(text: str, place: str, message: str) -> None:
    with pytest.raises(ConversationError) as caught:
        _steps(text)
    assert str(caught.value).startswith(place + ":"), str(caught.value)
    assert message in str(caught.value)


def test_the_caret_stands_under_the_slip() -> None:
    with pytest.raises(ConversationError) as caught:
        _steps("- haer: welcome\n")
    lines = str(caught.value).splitlines()
    assert lines[1][lines[2].index("^") :].startswith("haer")


@pytest.mark.parametrize(
    "text",
    ["", "[" * 60_000, "{a: " * 30_000, "\x00", "a: b: c", "- 1\n- 2\n", "conversation: x\nsteps: []\n", "x" * 300_000],
)
def test_no_file_however_bad_is_anything_but_a_conversation_error(text: str) -> None:
    with pytest.raises(ConversationError):
        load_conversation_text(text, "x.yaml")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConversationError, match="cannot read it"):
        load_conversation(tmp_path / "none.yaml")
