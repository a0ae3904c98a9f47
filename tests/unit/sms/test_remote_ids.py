from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.operators import ReceiptIds
from sms.store.remote_ids import MAX_ID, Form, clean, forms, plain


@pytest.mark.parametrize(
    ("given_", "in_receipt"),
    [
        ("2575", "2575"),
        ("0000002575", "2575"),
        ("2575", "0000002575"),
        ("A0F", "a0f"),
        ("00a0f", "A0F"),
        ("a0f", "0xA0F"),
        ("0x00A0F", "a0f"),
        ("A0F", "2575"),
        ("00000A0F", "0000002575"),
        ("2575", "A0F"),
        ("2575", "0x0a0f"),
        ("0000002575", "00000a0f"),
        ("0e999f21-81ef-4974-a414-3de98174e3c7", "E999F21-81EF-4974-A414-3DE98174E3C7"),
        ("812FC7470000001B", "9308878062554710043"),
        ("2575", '"2575"'),
        ("2575\0", "2575"),
        ("2575  ", " 2575\0\0"),
        ("1101C1-C9D03D-F000", "1101c1-c9d03d-f000"),
        ("SAR-7-1eedf843-2-1", "SAR-7-1EEDF843-2-1"),
        ("0", "0000000000"),
        ("a,b", "A,B"),
        ("MTIzNDU2Nzg5MA==", "MTIzNDU2Nzg5MA=="),
    ],
)
def test_an_id_is_found_in_whatever_form_it_comes_back(given_: str, in_receipt: str) -> None:
    assert plain(clean(given_)) in {meant for _, meant in forms(clean(in_receipt), ReceiptIds.AUTO)}


@pytest.mark.parametrize(
    ("given_", "other"), [("2575", "2576"), ("A0F", "A0E"), ("A0F", "2574"), ("", "1"), ("a-1", "a1")]
)
def test_another_id_is_not(given_: str, other: str) -> None:
    assert plain(clean(given_)) not in {meant for _, meant in forms(clean(other), ReceiptIds.AUTO)}


def test_an_id_that_was_cut_short_names_nothing() -> None:
    assert forms("", ReceiptIds.AUTO) == ()
    assert forms(clean("\0"), ReceiptIds.AUTO) == ()


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (ReceiptIds.AUTO, (Form.SAME, "100")),
        (ReceiptIds.SAME, (Form.SAME, "100")),
        (ReceiptIds.HEX_THEN_DECIMAL, (Form.HEX, "64")),
        (ReceiptIds.DECIMAL_THEN_HEX, (Form.DECIMAL, "256")),
    ],
)
def test_an_operators_own_way_is_tried_first(order: ReceiptIds, first: tuple[Form, str]) -> None:
    assert forms("0100", order)[0] == first
    assert {meant for _, meant in forms("100", order)} == {"100", "64", "256"}


def test_nothing_in_an_id_reaches_a_line_that_would_break_it() -> None:
    assert clean("a\tb\nc\x1bd é") == "abcd"
    assert len(clean("9" * 500)) == MAX_ID
    assert len(clean("-" + "9" * 500)) == MAX_ID
    assert forms("9" * 65, ReceiptIds.AUTO) == ((Form.SAME, "9" * 65),)


@given(st.integers(0, 2**64 - 1), st.integers(0, 20), st.booleans())
def test_every_number_is_found_across_both_bases(number: int, zeros: int, upper: bool) -> None:
    in_hex = "0" * zeros + format(number, "X" if upper else "x")
    decimal = "0" * zeros + str(number)
    for given_, back in ((in_hex, decimal), (decimal, in_hex), (in_hex, in_hex), (decimal, decimal)):
        assert plain(clean(given_)) in {meant for _, meant in forms(clean(back), ReceiptIds.AUTO)}
