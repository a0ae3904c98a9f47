from __future__ import annotations

import pytest

from sms.numbers import address_of, e164, masked
from sms.smpp import Address


@pytest.mark.parametrize(
    ("digits", "ton", "number"),
    [
        ("8613900000001", 1, "+8613900000001"),
        ("+8613900000001", 0, "+8613900000001"),
        ("8613900000001", 0, "+8613900000001"),
        ("13900000001", 0, "+8613900000001"),
        ("13900000001", 2, "+8613900000001"),
        ("447700900123", 1, "+447700900123"),
        ("95500", 0, None),
        ("BANK", 5, None),
        ("8613900000001", 5, None),
        ("", 0, None),
        ("9" * 20, 1, None),
        ("\x00", 1, None),
    ],
)
def test_a_sender_is_one_number_in_every_form_that_networks_send(digits: str, ton: int, number: str | None) -> None:
    assert e164(digits, ton, "CN") == number


def test_addresses_as_networks_want_them() -> None:
    assert address_of("+8613900000001") == Address("8613900000001", 1, 1)
    assert address_of("95500") == Address("95500", 0, 1)
    assert address_of("MyBank") == Address("MyBank", 5, 0)


def test_a_logged_number_shows_neither_subscriber_nor_nothing() -> None:
    assert masked("+8613900000001") == "+86139****0001"
    assert masked("95500") == "****"
