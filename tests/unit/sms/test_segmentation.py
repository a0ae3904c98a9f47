from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms.smpp import Address, EsmClass, Message, Tag
from sms.text import gsm0338
from sms.text.graphemes import clusters
from sms.text.segmentation import (
    EXPIRY_S,
    MAX_PARTS,
    Content,
    Joiner,
    Part,
    TooLongError,
    UnreadableError,
    content_of,
    split,
    text_of,
)

FAMILY = "👨‍👩‍👧‍👦"
CHINA = "🇨🇳"
A, B = Address("8613900000001", 1, 1), Address("95500")


def joined(text: str, reference: int = 7, order: list[int] | None = None) -> str:
    """Send ``text`` and read it again through the joiner."""
    segments = split(text, reference)
    parts = list(segments.parts)
    joiner = Joiner()
    for number in order or range(len(parts)):
        message = Message(A, B, parts[number], segments.data_coding, segments.esm_class)
        whole = joiner.add(A.digits, B.digits, content_of(message), 0.0)
    assert whole is not None
    return text_of(whole)


@pytest.mark.parametrize(
    ("character", "count", "parts"),
    [
        ("a", 160, 1),
        ("a", 161, 2),
        ("a", 306, 2),
        ("a", 307, 3),
        ("€", 80, 1),
        ("€", 81, 2),
        ("€", 152, 2),
        ("€", 153, 3),
        ("余", 70, 1),
        ("余", 71, 2),
        ("余", 134, 2),
        ("余", 135, 3),
        ("😀", 35, 1),
        ("😀", 36, 2),
        ("😀", 66, 2),
        ("😀", 67, 3),
    ],
)
def test_the_limits_of_the_standard(character: str, count: int, parts: int) -> None:
    assert len(split(character * count, 1).parts) == parts


def test_a_single_part_has_no_header_and_several_carry_reference_total_and_number() -> None:
    assert split("BAL", 9).esm_class == EsmClass.DEFAULT
    segments = split("x" * 200, 0x1FF)
    assert segments.esm_class == EsmClass.UDHI
    assert [part[:6] for part in segments.parts] == [b"\x05\x00\x03\xff\x02\x01", b"\x05\x00\x03\xff\x02\x02"]


def test_an_empty_text_is_one_empty_part() -> None:
    assert split("", 1).parts == (b"",)


def test_no_part_ends_inside_an_escape_pair() -> None:
    for shift in range(4):
        for part in split("a" * shift + "€" * 200, 1).parts:
            assert not part.endswith(b"\x1b")
            assert gsm0338.decode(part[6:]).rstrip("€").strip("a") == ""


@pytest.mark.parametrize("unit", ["😀", FAMILY, CHINA, "👍🏽", "e\u0301", "각", "ก็", "1️⃣"])
def test_no_part_ends_inside_what_a_reader_takes_for_one_character(unit: str) -> None:
    for shift in range(len(unit) + 2):
        for part in split("余" * shift + unit * 60, 1).parts:
            assert part[6:].decode("utf-16-be").strip("余").replace(unit, "") == ""


def test_marks_upon_marks_are_cut_where_nothing_else_is_left_to_do() -> None:
    tower = "e" + "\u0301" * 400
    assert joined("余" + tower) == "余" + tower
    monster = "😀" + "\u200d😀" * 200
    assert joined(monster) == monster
    for part in split(monster, 1).parts:
        part[6:].decode("utf-16-be")  # no half surrogate


def test_more_than_255_parts_are_refused() -> None:
    assert len(split("x" * 153 * MAX_PARTS, 1).parts) == MAX_PARTS
    with pytest.raises(TooLongError):
        split("x" * (153 * MAX_PARTS + 1), 1)


mixed = st.text(
    st.one_of(
        st.sampled_from("aZ 0€[]~\f余额李雷" + FAMILY + CHINA + "\u0301"), st.characters(exclude_categories=["Cs"])
    ),
    max_size=600,
)


@given(mixed, st.integers(0, 255), st.randoms())
@settings(deadline=None)
def test_every_text_arrives_as_it_was_sent_in_whatever_order(text: str, reference: int, chance: random.Random) -> None:
    order = list(range(len(split(text, reference).parts)))
    chance.shuffle(order)
    assert joined(text, reference, order) == text


@given(mixed)
def test_clusters_are_the_text(text: str) -> None:
    assert "".join(clusters(text)) == text
    assert all(clusters(text))


def test_clusters_of_what_people_type() -> None:
    assert list(clusters(f"a{FAMILY}{CHINA}{CHINA}b\r\ne\u0301")) == ["a", FAMILY, CHINA, CHINA, "b", "\r\n", "e\u0301"]
    assert list(clusters(unicodedata.normalize("NFD", "한국"))) == [unicodedata.normalize("NFD", one) for one in "한국"]


def test_a_lone_surrogate_in_our_own_text_does_not_stop_the_message() -> None:
    assert "ok" in joined("余\ud83d ok")


# --- receiving ---


def message(octets: bytes = b"", coding: int = 0, esm_class: int = 0, **tlvs: bytes) -> Message:
    named = tuple((int(Tag[name]), value) for name, value in tlvs.items())
    return Message(A, B, octets, coding, esm_class, tlvs=named)


def test_a_sixteen_bit_reference_is_told_from_an_eight_bit_one() -> None:
    wide = content_of(message(b"\x06\x08\x04\x00\x07\x02\x01BAL", esm_class=0x40))
    narrow = content_of(message(b"\x05\x00\x03\x07\x02\x01BAL", esm_class=0x40))
    assert (wide.part, narrow.part) == (Part(7, 16, 2, 1), Part(7, 8, 2, 1))
    assert wide.octets == narrow.octets == b"BAL"


def test_sar_parameters_are_parts_too_in_whatever_width_they_come() -> None:
    for number in (b"\x02", b"\x00\x02"):
        content = content_of(
            message(b"BAL", SAR_MSG_REF_NUM=b"\x01\x00", SAR_TOTAL_SEGMENTS=b"\x03", SAR_SEGMENT_SEQNUM=number)
        )
        assert content.part == Part(256, 0, 3, 2)


def test_message_payload_is_the_text_where_short_message_is_empty() -> None:
    assert content_of(message(MESSAGE_PAYLOAD=b"BAL")).octets == b"BAL"
    assert content_of(message(b"BAL", MESSAGE_PAYLOAD=b"")).octets == b"BAL"
    header = b"\x05\x00\x03\x07\x02\x01"
    assert content_of(message(esm_class=0x40, MESSAGE_PAYLOAD=header + b"x" * 300)).part == Part(7, 8, 2, 1)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x05",
        b"\x05\x00\x03\x01\x02",
        b"\xff" * 20,
        b"\x03\x00\x05\x01",
        b"\x01\x00BAL",
        b"\x06\x05\x04\x15\x8a\x00\x00BAL",
    ],
)
def test_a_header_that_is_none_or_for_an_application_is_unreadable(octets: bytes) -> None:
    with pytest.raises(UnreadableError):
        content_of(message(octets, esm_class=0x40))


@pytest.mark.parametrize("place", [(7, 0, 1), (7, 2, 0), (7, 2, 3), (7, 1, 1)])
def test_a_part_that_cannot_be_is_a_text_by_itself(place: tuple[int, int, int]) -> None:
    assert content_of(message(b"\x05\x00\x03" + bytes(place) + b"BAL", esm_class=0x40)).part is None


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0x00, b"\x00\x1be", "@€"),
        (0x01, b"@$", "@$"),
        (0x03, b"\xe9", "é"),
        (0x08, "余额😀".encode("utf-16-be"), "余额😀"),
        (0x08, b"\x4f", "\ufffd"),
        (0x10, b"\x00", "@"),
        (0x18, "余".encode("utf-16-be"), "余"),
        (0xF0, b"\x00", "@"),
    ],
)
def test_codings_of_texts(coding: int, octets: bytes, text: str) -> None:
    assert text_of([Content(coding, octets)]) == text


@pytest.mark.parametrize("coding", [0x09, 0x0B, 0x0C, 0x0F, 0x20, 0x30, 0x34, 0x68, 0x7C])
def test_codings_that_are_no_texts(coding: int) -> None:
    """Pictograms, what SMPP reserves, and what is compressed."""
    with pytest.raises(UnreadableError):
        text_of([Content(coding, b"BAL")])


@pytest.mark.parametrize("coding", [0x02, 0x04, 0x14, 0x44, 0xF4, 0xF5])
def test_octets_without_an_alphabet_are_a_text_when_they_look_like_one(coding: int) -> None:
    assert text_of([Content(coding, b"BAL")]) == "BAL"
    assert text_of([Content(coding, "余额 €5".encode())]) == "余额 €5"
    assert text_of([Content(coding, b"Se\xf1or")]) == "Señor"
    for binary in (b"\x00\x01", b"\x06\x05\x04\x0b\x84", b"\x89PNG\x1a"):
        with pytest.raises(UnreadableError):
            text_of([Content(coding, binary)])


def test_pairs_that_the_sender_cut_are_whole_again() -> None:
    grin = "😀".encode("utf-16-be")
    assert text_of([Content(8, grin[:2]), Content(8, grin[2:])]) == "😀"
    assert text_of([Content(0, b"\x1b"), Content(0, b"e")]) == "€"
    assert text_of([Content(0, b"a"), Content(8, "余".encode("utf-16-be"))]) == "a余"


# --- joining ---


def part(number: int, total: int = 2, reference: int = 1, width: int = 8, octets: bytes = b"x") -> Content:
    return Content(0, octets, Part(reference, width, total, number))


def test_parts_of_two_senders_references_widths_and_totals_are_never_mixed() -> None:
    joiner = Joiner()
    others = [
        ("other", "to", part(2)),
        ("from", "elsewhere", part(2)),
        ("from", "to", part(2, reference=2)),
        ("from", "to", part(2, width=16)),
        ("from", "to", part(2, total=3)),
    ]
    joiner.add("from", "to", part(1), 0.0)
    for source, destination, content in others:
        assert joiner.add(source, destination, content, 0.0) is None
    assert joiner.add("from", "to", part(2), 0.0) is not None


def test_parts_are_put_in_the_order_of_their_numbers_not_of_their_digits() -> None:
    joiner = Joiner()
    numbers = list(range(1, 13))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        whole = joiner.add("a", "b", part(number, total=12, octets=b"%d " % number), 0.0)
    assert whole is not None
    assert text_of(whole).split() == [str(number) for number in range(1, 13)]


def test_a_part_that_comes_twice_completes_nothing() -> None:
    joiner = Joiner()
    assert joiner.add("a", "b", part(1), 0.0) is None
    assert joiner.add("a", "b", part(1), 0.0) is None
    assert joiner.add("a", "b", part(2), 0.0) is not None


def test_unfinished_texts_expire_and_are_capped() -> None:
    joiner = Joiner(max_open=3)
    joiner.add("a", "b", part(1), 0.0)
    assert joiner.add("a", "b", part(2), EXPIRY_S + 1) is None
    for reference in range(10):
        joiner.add("c", "b", part(1, reference=reference), EXPIRY_S + 1)
    assert len(joiner) == 3
