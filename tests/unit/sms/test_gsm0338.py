from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.text import gsm0338
from sms.text.national_tables import ESCAPE

EVERY = [character for code, character in enumerate(gsm0338.BASIC) if code != ESCAPE]
EVERY += gsm0338.EXTENSION.values()


def test_the_alphabet_has_its_128_places_and_no_character_twice() -> None:
    assert len(gsm0338.BASIC) == 128
    assert len(set(EVERY)) == 127 + 10


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("@", b"\x00"),
        ("$", b"\x02"),
        ("_", b"\x11"),
        (" ", b" "),
        ("¤", b"$"),
        ("A", b"A"),
        ("¡", b"@"),
        ("Ä", b"["),
        ("§", b"_"),
        ("¿", b"`"),
        ("à", b"\x7f"),
        ("€", b"\x1be"),
        ("[~]", b"\x1b<\x1b=\x1b>"),
        ("\f", b"\x1b\n"),
    ],
)
def test_places_of_the_standard(text: str, octets: bytes) -> None:
    assert gsm0338.encode(text) == octets
    assert gsm0338.decode(octets) == text


@given(st.text(st.sampled_from(EVERY)))
def test_all_that_can_be_encoded_is_decoded_to_the_same(text: str) -> None:
    assert gsm0338.encodable(text)
    assert gsm0338.decode(gsm0338.encode(text)) == text


@given(st.binary())
def test_any_octets_decode_and_what_comes_out_can_be_encoded(octets: bytes) -> None:
    assert gsm0338.encodable(gsm0338.decode(octets).replace("\u00a0", ""))


@pytest.mark.parametrize("text", ["余额", "`", "\u2019", "😀", "\u00a0", "\x1b", "\t"])
def test_other_characters_are_refused_and_never_replaced(text: str) -> None:
    assert not gsm0338.encodable(text)
    with pytest.raises(gsm0338.NotGsmError) as caught:
        gsm0338.encode("secret" + text)
    assert "secret" not in str(caught.value)


def test_an_unknown_extension_shows_its_basic_character_and_a_lone_escape_a_space() -> None:
    assert gsm0338.decode(b"\x1bA") == "A"
    assert gsm0338.decode(b"A\x1b") == "A "
    assert gsm0338.decode(b"\x1b\x1bA") == " A"


def test_the_eighth_bit_is_no_part_of_a_character() -> None:
    assert gsm0338.decode(b"\xc1\xc2") == "AB"
