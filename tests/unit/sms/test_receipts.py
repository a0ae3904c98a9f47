from __future__ import annotations

import pytest

from sms.sending.receipts import Receipt, is_report, read_receipt
from sms.smpp import Address, Message, Tag

TEXT = b"id:2575 sub:001 dlvrd:001 submit date:2603021015 done date:2603021015 stat:UNDELIV err:045 text:BAL"


def report(text: bytes = b"", esm_class: int = 4, tlvs: tuple[tuple[int, bytes], ...] = ()) -> Message:
    return Message(Address("8613900000001"), Address("95500"), text, esm_class=esm_class, tlvs=tlvs)


def test_a_receipt_is_read_from_its_text() -> None:
    assert read_receipt(report(TEXT)) == Receipt("2575", "UNDELIV", "045")


def test_parameters_are_believed_before_the_text() -> None:
    tlvs = ((int(Tag.RECEIPTED_MESSAGE_ID), b"A0F\x00"), (int(Tag.MESSAGE_STATE), b"\x02"))
    assert read_receipt(report(TEXT, tlvs=tlvs)) == Receipt("A0F", "DELIVRD", "045")


@pytest.mark.parametrize(("text", "esm_class"), [(b"BAL", 4), (b"", 4), (TEXT, 0x08), (b"\xff" * 50, 0x20)])
def test_what_is_no_receipt_after_all_is_none(text: bytes, esm_class: int) -> None:
    assert is_report(report(text, esm_class))
    assert read_receipt(report(text, esm_class)) is None


def test_a_text_of_a_customer_is_no_report_even_with_a_header() -> None:
    assert not is_report(report(TEXT, 0))
    assert not is_report(report(TEXT, 0x40))
