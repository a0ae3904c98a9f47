"""Telephone numbers as people key and text them, read as E.164."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_client.operations import Type
from flows.dialogue import Channel, DigitsReceived, TextReceived
from flows.inputs import dialled, from_keys, from_text
from tests.unit.flows.steps.made import begun


@pytest.mark.parametrize(
    ("keyed", "number"),
    [
        ("13900000001", "+8613900000001"),
        ("01062345678", "+861062345678"),  # Beijing, with its trunk prefix
        ("02161234567", "+862161234567"),
        ("4008888888", "+864008888888"),
        ("8613900000001", "+8613900000001"),
        ("008613900000001", "+8613900000001"),
        ("00447911123456", "+447911123456"),
        ("0014155552671", "+14155552671"),
        ("0085223456789", "+85223456789"),  # Hong Kong has a code of its own
        ("62345678", None),  # no area code: whose number would it be
        ("139000000012", None),  # a digit too many
        ("1390000000", None),  # one too few
        ("95588", None),  # a service, and nobody's line
        ("110", None),
        ("1", None),
        ("0", None),
        ("", None),
        ("00999123456789", None),  # no such country
        ("0044", None),
        ("9" * 32, None),
        ("139*0000001", None),
        ("١٣٩٠٠٠٠٠٠٠١", None),
    ],
)
def test_keyed_numbers(keyed: str, number: str | None) -> None:
    assert from_keys(Type.PHONE, keyed, "CNY") == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+8613900000001", "+8613900000001"),
        ("+86 139 0000 0001", "+8613900000001"),
        ("139-0000-0001", "+8613900000001"),
        ("(010) 6234 5678", "+861062345678"),
        ("010-62345678", "+861062345678"),
        ("＋８６１３９０００００００１", "+8613900000001"),  # full-width, as phones in China write it
        ("+1 (415) 555-2671", "+14155552671"),
        ("+44 7911 123456", "+447911123456"),
        ("+447911123456x12", None),  # extensions are nobody's line
        ("1-800-FLOWERS", None),
        ("my number", None),
        ("+", None),
        ("++8613900000001", None),
        ("13900000001 13900000002", None),
        ("+86139\n00000001", "+8613900000001"),
        ("tel:+8613900000001", None),
        ("13900000001;phone-context=+1", None),
        ("0" * 140, None),
    ],
)
def test_texted_numbers(text: str, number: str | None) -> None:
    assert from_text(Type.PHONE, text, "CNY") == number


def test_a_number_without_a_code_is_one_of_the_flows_country() -> None:
    assert from_keys(Type.PHONE, "07911123456", "GBP", "GB") == "+447911123456"
    assert from_keys(Type.PHONE, "07911123456", "CNY", "CN") is None
    assert from_text(Type.PHONE, "+86 139 0000 0001", "GBP", "GB") == "+8613900000001"


@pytest.mark.parametrize(
    ("number", "country", "digits"),
    [
        ("+8613900000001", "CN", "13900000001"),
        ("+861062345678", "CN", "01062345678"),
        ("+447911123456", "CN", "447911123456"),
        ("+447911123456", "GB", "07911123456"),
        ("+8613900000001", "GB", "8613900000001"),
        ("what", "CN", "what"),
    ],
)
def test_a_number_is_said_as_people_at_home_dial_it(number: str, country: str, digits: str) -> None:
    assert dialled(number, country) == digits


@given(st.text(max_size=60))
def test_whatever_is_texted_is_a_number_or_none(text: str) -> None:
    found = from_text(Type.PHONE, text, "CNY")
    assert found is None or (isinstance(found, str) and found.startswith("+") and found[1:].isdigit())
    assert from_text(Type.PHONE, str(found), "CNY") in (found, None)


STEPS = """\
  main: {ask: {prompt: enter_number, digits: 3..15, end: "#"}, save: number, next: told}
  told: {say: [{digits: number}, {text: number}], hangup: true}
"""
TOP = "vars: {number: {type: phone}}\n"


def test_a_flow_asks_for_a_number_by_voice_and_by_text() -> None:
    voice = begun(STEPS, TOP)
    assert voice.resume(DigitsReceived("110", ended_by="#")).said == ["no_match", "enter_number"]
    assert voice.resume(DigitsReceived("13900000001", ended_by="#")).said[:2] == [
        "digits 13900000001",
        "text +8613900000001",
    ]
    sms = begun(STEPS, TOP, channel=Channel.SMS)
    assert sms.resume(TextReceived("+44 7911 123456")).said[:2] == ["digits 447911123456", "text +447911123456"]


def test_the_flows_country_is_taken() -> None:
    driver = begun(STEPS, "country: GB\n" + TOP)
    assert driver.resume(DigitsReceived("07911123456", ended_by="#")).said[:2] == [
        "digits 07911123456",
        "text +447911123456",
    ]
