"""The national language tables of 3GPP TS 23.038 Annex A, and texts that announce them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.smpp import Address, EsmClass, Message
from sms.text import gsm0338
from sms.text.national_tables import EMPTY, ESCAPE, LANGUAGES, LOCKING, SINGLE
from sms.text.segmentation import Content, content_of, text_of

TURKISH, SPANISH, PORTUGUESE, BENGALI, GUJARATI, HINDI, KANNADA, MALAYALAM = range(1, 9)
ORIYA, PUNJABI, TAMIL, TELUGU, URDU = range(9, 14)
PAIRS = [(locking, single) for locking in LOCKING for single in SINGLE]


@pytest.mark.parametrize(
    ("language", "place", "character"),
    [
        (TURKISH, 0x04, "€"),
        (TURKISH, 0x07, "ı"),
        (TURKISH, 0x0B, "Ğ"),
        (TURKISH, 0x1D, "ş"),
        (TURKISH, 0x40, "İ"),
        (TURKISH, 0x60, "ç"),
        (PORTUGUESE, 0x12, "ª"),
        (PORTUGUESE, 0x15, "∞"),
        (PORTUGUESE, 0x18, "€"),
        (PORTUGUESE, 0x24, "º"),
        (PORTUGUESE, 0x5B, "Ã"),
        (PORTUGUESE, 0x7D, "`"),
        (BENGALI, 0x00, "\u0981"),
        (BENGALI, 0x60, "\u09ce"),
        (BENGALI, 0x7F, "\u09f1"),
        (GUJARATI, 0x60, "\u0ad0"),
        (GUJARATI, 0x7F, "\u0af1"),
        (HINDI, 0x03, "\u0905"),
        (HINDI, 0x15, "\u0915"),
        (HINDI, 0x28, ")"),
        (HINDI, 0x29, "("),
        (HINDI, 0x2F, "\u0928"),
        (HINDI, 0x5F, "\u094d"),
        (HINDI, 0x60, "\u0950"),
        (KANNADA, 0x24, "\u0ca1"),
        (KANNADA, 0x60, "\u0cd5"),
        (MALAYALAM, 0x5F, "\u0d4d"),
        (ORIYA, 0x60, "\u0b56"),
        (PUNJABI, 0x7B, "\u0a70"),
        (TAMIL, 0x3C, "\u0ba9"),
        (TAMIL, 0x7F, "\u0bf9"),
        (TELUGU, 0x3F, "?"),
        (TELUGU, 0x40, "\u0c2c"),
        (URDU, 0x00, "\u0627"),
        (URDU, 0x5A, "\u06d0"),
        (URDU, 0x7F, "\u0670"),
    ],
)
def test_places_of_locking_tables(language: int, place: int, character: str) -> None:
    tables = gsm0338.tables(language, 0)
    assert tables.decode(bytes([place])) == character
    assert tables.encode(character) == bytes([place])


@pytest.mark.parametrize(
    ("language", "place", "character"),
    [
        (TURKISH, 0x47, "Ğ"),
        (TURKISH, 0x69, "ı"),
        (SPANISH, 0x09, "ç"),
        (SPANISH, 0x41, "Á"),
        (SPANISH, 0x75, "ú"),
        (PORTUGUESE, 0x05, "ê"),
        (PORTUGUESE, 0x0B, "Ô"),
        (PORTUGUESE, 0x14, "^"),
        (PORTUGUESE, 0x61, "Â"),
        (PORTUGUESE, 0x7F, "â"),
        (BENGALI, 0x19, "\u09e6"),
        (BENGALI, 0x1C, "\u09e8"),
        (BENGALI, 0x34, "\u09fa"),
        (GUJARATI, 0x25, "\u0aef"),
        (HINDI, 0x19, "\u0964"),
        (HINDI, 0x1C, "\u0966"),
        (HINDI, 0x2C, "\u0958"),
        (HINDI, 0x3A, "\u0971"),
        (KANNADA, 0x2A, "\u0cf2"),
        (MALAYALAM, 0x2E, "\u0d7a"),
        (ORIYA, 0x2C, "\u0b71"),
        (PUNJABI, 0x2D, "\u0a75"),
        (TAMIL, 0x24, "\u0bee"),
        (TELUGU, 0x22, "\u0c6c"),
        (TELUGU, 0x32, "\u0c7f"),
        (URDU, 0x26, "\u060c"),
        (URDU, 0x3F, "\u06d4"),
    ],
)
def test_places_of_single_shift_tables(language: int, place: int, character: str) -> None:
    tables = gsm0338.tables(0, language)
    assert tables.decode(bytes([ESCAPE, place])) == character
    assert gsm0338.decode(bytes([ESCAPE, place])) != character or character == "^"


def test_no_place_has_moved_since_the_tables_were_compared_with_others() -> None:
    """Compared place by place with two transcriptions by other hands; what follows is what came out."""
    digest = hashlib.sha256()
    for language in sorted(SINGLE):
        digest.update(LOCKING.get(language, "").encode())
        digest.update("".join(f"{place:02x}{character}" for place, character in SINGLE[language].items()).encode())
    assert digest.hexdigest() == "f96451381785f75bb7d6f77d673141d024d16cf25aa4ea9026bcfa1a4a86ea68"


def test_every_locking_table_is_whole_and_has_no_character_twice() -> None:
    assert set(LOCKING) == set(range(14)) - {SPANISH}
    for table in LOCKING.values():
        assert len(table) == 128
        characters = [character for character in table if character != EMPTY]
        assert len(characters) == len(set(characters))
        assert table[0x0A] == "\n"
        assert table[0x0D] == "\r"
        assert table[0x20:0x22] == " !"


def test_every_single_shift_table_has_what_the_default_one_has() -> None:
    for table in SINGLE.values():
        assert set(SINGLE[0].items()) <= set(table.items())
        assert ESCAPE not in table
        assert EMPTY not in table.values()


def test_languages_are_known_by_their_codes() -> None:
    assert LANGUAGES["tr"] == TURKISH
    assert set(LANGUAGES.values()) == set(range(1, 14))


@pytest.mark.parametrize(("locking", "single"), PAIRS)
def test_every_character_of_every_pair_of_tables_comes_back(locking: int, single: int) -> None:
    tables = gsm0338.tables(locking, single)
    text = "".join(tables.encoded)
    assert tables.decode(tables.encode(text)) == text
    assert all(len(octets) in (1, 2) for octets in tables.encoded.values())


@given(st.sampled_from(PAIRS), st.binary(max_size=40))
def test_any_octets_are_read_with_any_tables(pair: tuple[int, int], octets: bytes) -> None:
    text = gsm0338.tables(*pair).decode(octets)
    assert len(text) <= len(octets)


def test_a_character_of_the_locking_table_costs_one_septet_and_one_of_the_single_table_two() -> None:
    assert gsm0338.tables(TURKISH, TURKISH).encode("ş") == b"\x1d"
    assert gsm0338.tables(0, TURKISH).encode("ş") == b"\x1bs"


def test_what_the_tables_lack_is_refused_without_its_text() -> None:
    with pytest.raises(gsm0338.NotGsmError) as caught:
        gsm0338.tables(HINDI, 0).encode("secretZ")  # capitals are in its single shift table
    assert "secret" not in str(caught.value)


def test_a_language_that_nobody_knows_is_read_with_the_default_tables() -> None:
    assert gsm0338.tables(0x0E, 0xFF) is not None
    assert text_of([content_of(announced(b"\x24\x01\x0e\x25\x01\xff", b"BAL\x1be"))]) == "BAL€"


# --- announced in the header ---


def announced(elements: bytes, octets: bytes, coding: int = 0) -> Message:
    body = bytes([len(elements)]) + elements + octets
    return Message(Address("8613900000001", 1, 1), Address("95500"), body, coding, EsmClass.UDHI)


def test_a_text_is_read_with_the_tables_that_its_header_announces() -> None:
    locked = content_of(announced(b"\x25\x01\x01", b"\x1d\x07"))
    shifted = content_of(announced(b"\x24\x01\x01", b"\x1bs\x1bi"))
    both = content_of(announced(b"\x24\x01\x06\x25\x01\x06", b"\x15\x1bA"))
    assert text_of([locked]) == text_of([shifted]) == "şı"
    assert text_of([both]) == "कA"


def test_what_a_store_keeps_of_a_content_is_enough_to_read_it_again() -> None:
    content = content_of(announced(b"\x24\x01\x06\x25\x01\x06", b"\x15\x1bA"))
    assert text_of([Content(content.data_coding, content.octets)]) == "कA"


def test_parts_are_read_each_with_their_own_tables_and_an_escape_may_stand_between_them() -> None:
    parts = [content_of(announced(bytes([0, 3, 7, 3, n]) + b"\x24\x01\x01", o)) for n, o in ((1, b"a\x1b"), (2, b"sb"))]
    plain = content_of(announced(bytes([0, 3, 7, 3, 3]), b"\x1be"))
    assert [content.part and content.part.number for content in (*parts, plain)] == [1, 2, 3]
    assert text_of([*parts, plain]) == "aşb€"


def test_tables_that_are_announced_for_another_alphabet_are_no_matter() -> None:
    content = content_of(announced(b"\x24\x01\x01", "余额".encode("utf-16-be"), 8))
    assert content.data_coding == 8
    assert text_of([content]) == "余额"
