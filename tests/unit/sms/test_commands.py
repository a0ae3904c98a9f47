from __future__ import annotations

import os
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_client.domain.money import Money
from core_client.language.source import Place
from core_client.operations import Type
from flows.model import SmsPattern, SmsSlot
from flows.store import FlowStore
from sms.commands import MAX_COMMAND_CHARACTERS, Command, match, normalise, six_digits

FLOW = FlowStore().current("retail")
PATTERNS: tuple[SmsPattern, ...] = FLOW.sms_patterns
INPUTS = 100_000 if os.environ.get("TELLERLINE_PROOF") else 5_000


def read(text: str) -> Command | None:
    return match(PATTERNS, text, "CNY")


def yuan(fen: int) -> Money:
    return Money(fen, "CNY")


@pytest.mark.parametrize(
    "text",
    [
        "BAL",
        "bal",
        " Bal ",
        "ＢＡＬ",
        "ｂａｌ",
        "BAL.",
        "\u3000BAL\u3000",
        "BAL!",
        '"BAL"',
        "\u200bBAL\ufeff",
        "BAL\r\n",
    ],
)
def test_a_command_is_known_however_it_is_typed(text: str) -> None:
    command = read(text)
    assert command is not None
    assert (command.step, command.language, dict(command.slots)) == ("balance", "en", {})


@pytest.mark.parametrize("text", ["余额", "余 额", "余额。", "「余额」", "　余额　"])
def test_a_chinese_command_is_answered_in_chinese(text: str) -> None:
    command = read(text)
    assert command is not None
    assert (command.step, command.language) == ("balance", "zh")


@pytest.mark.parametrize(
    ("text", "fen", "payee", "language"),
    [
        ("SEND 500 LILEI", 50_000, "LILEI", "en"),
        ("send500 lilei", 50_000, "lilei", "en"),
        ("SEND500LILEI", 50_000, "LILEI", "en"),
        ("ＳＥＮＤ　５００　ＬＩＬＥＩ", 50_000, "LILEI", "en"),
        ("Send 1,234.5 Li Lei", 123_450, "Li Lei", "en"),
        ("SEND 500.00CNY LILEI", 50_000, "LILEI", "en"),
        ("send ¥500 李雷", 50_000, "李雷", "en"),
        ("SEND 500 1", 50_000, "1", "en"),
        ("SEND 500 13900000003", 50_000, "13900000003", "en"),
        ("转账 500 李雷", 50_000, "李雷", "zh"),
        ("转账500李雷", 50_000, "李雷", "zh"),
        ("转账５００元李雷", 50_000, "李雷", "zh"),
        ("转账 0.01 LILEI", 1, "LILEI", "zh"),
    ],
)
def test_money_is_sent_as_people_write_it(text: str, fen: int, payee: str, language: str) -> None:
    command = read(text)
    assert command is not None
    assert dict(command.slots) == {"amount": yuan(fen), "payee": payee}
    assert (command.step, command.language) == ("send_prepare", language)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "BALANCE", "BAL please", "SEND", "SEND 500", "SEND LILEI", "SEND LILEI 500", "SEND -500 LILEI",
     "SEND 5001", "SEND 5.005 LILEI", "SEND 500 USD LILEI", "转账李雷", "hello", "给李雷转500", "B A L", "1", "😀"],
)  # fmt: skip
def test_what_is_no_command_is_not_taken_for_one(text: str) -> None:
    assert read(text) is None


def test_a_figure_is_never_cut_in_two() -> None:
    command = read("SEND 50 0LILEI")
    assert command is not None
    assert command.slots["amount"] == yuan(5_000)
    assert read("SEND500") is None, "50 to payee 0 was not meant"


def test_the_longer_command_does_not_hide_the_shorter_one() -> None:
    for text, step in (
        ("BLOCK", "block_only_card"),
        ("BLOCK 7730", "block_this_card"),
        ("挂失7730", "block_this_card"),
    ):
        command = read(text)
        assert command is not None
        assert command.step == step


@pytest.mark.parametrize(
    "text", ["123456", "１２３４５６", "123 456", "12-34-56", " 123456。", "123456\n", "【123456】", "\u200e123456"]
)
def test_six_digits_are_seen_however_they_are_typed(text: str) -> None:
    assert six_digits(text) == "123456"


@pytest.mark.parametrize(
    "text", ["12345", "1234567", "code 123456", "123456 1", "一二三四五六", "12345a", "", "٣٤٥٦٧٨9"]
)
def test_other_texts_are_no_code(text: str) -> None:
    assert six_digits(text) is None


def test_a_command_never_prints_its_slots() -> None:
    command = read("SEND 500 LILEI")
    assert "LILEI" not in repr(command)


@given(st.text(max_size=300))
def test_normalising_twice_changes_nothing_and_hides_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


def test_a_letter_is_no_command() -> None:
    assert read("BAL" + " " * 10 + "x" * MAX_COMMAND_CHARACTERS) is None


@pytest.mark.proof
def test_any_text_is_read_in_bounded_time() -> None:
    chance = random.Random(20260302)
    alphabet = "SENDBAL转账余额李雷 　0123456789,.-元¥CNY\u200b😀\n" + "".join(map(chr, range(0x20, 0x250, 7)))
    slowest = 0.0
    for _ in range(INPUTS):
        text = "".join(chance.choices(alphabet, k=chance.randrange(220)))
        if chance.random() < 0.5:
            text = chance.choice(["SEND ", "转账", "send500", "BLOCK "]) + text
        began = time.process_time()
        command = read(text)
        six_digits(text)
        slowest = max(slowest, time.process_time() - began)
        if command is not None and "amount" in command.slots:
            assert isinstance(command.slots["amount"], Money)
    assert slowest < 0.5
    for text in ("SEND " + "1 " * 90, "SEND " + "1," * 90 + "x", "BLOCK " + "1-" * 90, "SEND 1" + " " * 180 + "\u0301"):
        began = time.process_time()
        read(text)
        assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "text", ["BLOCK 6217003810012344821", "block6217 0038 1001 2344 821", "挂失６２１７００３８１００１２３４４８２１"]
)
def test_of_a_whole_card_number_only_its_end_is_taken(text: str) -> None:
    command = read(text)
    assert command is not None
    assert dict(command.slots) == {"last4": "4821"}


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("CALL 13900000001", "CN", "+8613900000001"),
        ("call139 0000 0001", "CN", "+8613900000001"),
        ("CALL +33 1 44 55 66 77", "CN", "+33144556677"),
        ("CALL 01 44 55 66 77", "FR", "+33144556677"),
    ],
)
def test_a_telephone_number_is_one_of_the_flows_country(text: str, country: str, number: str) -> None:
    pattern = SmsPattern("en", "CALL {me}", ("CALL", SmsSlot("me", Type.PHONE)), "call", Place(1, 1))
    command = match([pattern], text, "CNY", country)
    assert command is not None
    assert command.slots == {"me": number}
