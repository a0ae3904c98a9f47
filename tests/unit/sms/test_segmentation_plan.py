"""The choice of an alphabet and of parts, against a reference that tries everything and knows no shortcut."""

from __future__ import annotations

import random
from itertools import chain, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sms.operators import Alphabet, LongTexts, Operator
from sms.smpp import Address, EsmClass, Message, Tag
from sms.text import gsm0338
from sms.text.graphemes import clusters, simple
from sms.text.national_tables import LANGUAGES, LOCKING, SINGLE
from sms.text.segmentation import (
    MAX_PARTS,
    Joiner,
    Segments,
    TooLongError,
    UnwritableError,
    content_of,
    plan,
    split,
    text_of,
)

A, B = Address("95500"), Address("8613900000001", 1, 1)
EVERY = tuple(Alphabet)
MARK_OCTETS = {LongTexts.UDH8: 5, LongTexts.UDH16: 6, LongTexts.SAR: 6, LongTexts.PAYLOAD: 5}


def operator(*alphabets: Alphabet, national: tuple[str, ...] = (), long_texts: LongTexts = LongTexts.UDH8) -> Operator:
    return Operator("one", (), alphabets=alphabets or EVERY, national=national, long_texts=long_texts)


def messages(segments: Segments) -> list[Message]:
    return [
        Message(A, B, part, segments.data_coding, segments.esm_class, tlvs=segments.tlvs_of(number))
        for number, part in enumerate(segments.parts, 1)
    ]


def read(segments: Segments, chance: random.Random | None = None) -> str:
    """What a handset shows, parts having come in any order."""
    sent = messages(segments)
    if chance is not None:
        chance.shuffle(sent)
    joiner = Joiner()
    wholes = [joiner.add(A.digits, B.digits, content_of(message), 0.0) for message in sent]
    assert [whole is not None for whole in wholes] == [False] * (len(wholes) - 1) + [True]
    assert wholes[-1] is not None
    return text_of(wholes[-1])


# --- the reference ---


def septets_beside(header_octets: int) -> int:
    """How many septets, by filling a bit string: header, fill bits up to a whole septet, septets."""
    bits = header_octets * 8
    while bits % 7:
        bits += 1
    return (140 * 8 - bits) // 7


def room(septets: bool, wide: bool, elements: int) -> int:
    header = elements + 1 if elements else 0
    if septets:
        return septets_beside(header)
    return 140 - header - (140 - header) % 2 if wide else 140 - header


def packed(pieces: list[list[int]], single: int, several: int) -> int:
    """``pieces``: the costs of each one's characters. One that is longer than a part may be cut between them."""
    if sum(map(sum, pieces)) <= single:
        return 1
    parts, used = 1, 0
    for cost in chain.from_iterable([sum(piece)] if sum(piece) <= several else piece for piece in pieces):
        if used + cost > several:
            parts, used = parts + 1, 0
        used += cost
    return parts


def needed(text: str, one: Operator) -> dict[str, int]:
    """How many parts each way of writing needs, by its name; a way that cannot is not there."""
    marks = MARK_OCTETS[one.long_texts]
    pieces = list(clusters(text))
    ways: dict[str, int] = {}

    def way(name: str, cost: dict[str, int] | None, septets: bool, wide: bool, announced: int) -> None:
        costs = []
        for piece in pieces:
            if cost is not None and any(character not in cost for character in piece):
                return
            wide_costs = [2 if ord(character) < 0x10000 else 4 for character in piece]
            costs.append(wide_costs if cost is None else [cost[character] for character in piece])
        parts = packed(costs, room(septets, wide, announced), room(septets, wide, marks + announced))
        if parts == 1 or not announced or one.long_texts is not LongTexts.PAYLOAD:
            ways[name] = parts

    def tables(locking: int, single: int) -> dict[str, int]:
        cost = dict.fromkeys(SINGLE[single].values(), 2)
        return cost | {character: 1 for place, character in enumerate(LOCKING[locking]) if place != 0x1B}

    national = Alphabet.GSM_NATIONAL in one.alphabets
    if national or Alphabet.GSM in one.alphabets:
        way("gsm", tables(0, 0), True, False, 0)
    if Alphabet.LATIN1 in one.alphabets:
        way("latin1", {chr(code): 1 for code in range(256)}, False, False, 0)
    if Alphabet.UCS2 in one.alphabets:
        way("ucs2", None, False, True, 0)
    if national:
        ids = [0, *(LANGUAGES[language] for language in one.national)]
        for locking, single in product(ids, ids):
            if locking in LOCKING and (locking or single):
                way(f"{locking}/{single}", tables(locking, single), True, False, 3 * (bool(locking) + bool(single)))
    return ways


LETTERS = st.sampled_from(
    "aZ 0.€[]^|\r\n@$_ñÑáíóúÁçãõâêôÕªşŞıİğĞöü" + "आपकाखताशेषरुपयेहै।क्ष" + "আমার" + "余额😀👍🏽" + "\u0301\u200d`~\u2019ÿ"
)


def repeated(letters: st.SearchStrategy[str], longest: int = 30) -> st.SearchStrategy[str]:
    """Texts long enough for several parts, which plain random ones seldom are."""
    pieces = st.lists(st.tuples(st.text(letters, min_size=1, max_size=longest), st.integers(1, 60)), max_size=4)
    return pieces.map(lambda found: "".join(piece * times for piece, times in found)[:700])


TEXTS = st.one_of(
    st.text(LETTERS, max_size=420),
    repeated(LETTERS),
    repeated(st.sampled_from("abc Ş")),
    repeated(st.sampled_from("abc €^")),
    repeated(st.sampled_from("çãõ aÕ€")),
    repeated(st.sampled_from("आपका खाता।क्ष")),
    repeated(st.sampled_from("aé")),
    repeated(st.sampled_from("余额a，")),
    repeated(st.sampled_from("e\u0301\u0302"), 300),
)
OPERATORS = st.builds(
    Operator,
    st.just("one"),
    st.just(()),
    alphabets=st.lists(st.sampled_from(EVERY), min_size=1, max_size=4, unique=True).map(tuple),
    national=st.lists(st.sampled_from(sorted(LANGUAGES)), max_size=3, unique=True).map(tuple),
    long_texts=st.sampled_from(tuple(LongTexts)),
)


@given(TEXTS, OPERATORS)
@settings(deadline=None, max_examples=400)
@example("ş" * 149, operator(Alphabet.GSM_NATIONAL, Alphabet.UCS2, national=("tr",)))
@example("Ã" * 200, operator(Alphabet.GSM_NATIONAL, Alphabet.LATIN1, national=("pt",), long_texts=LongTexts.UDH16))
@example("a" * 153 + "\r\n" * 2, operator(Alphabet.GSM))
def test_no_way_of_writing_that_the_operator_takes_needs_fewer_parts(text: str, one: Operator) -> None:
    ways = needed(text, one)
    if not ways:
        with pytest.raises(UnwritableError) as caught:
            plan(text, one, 7)
        assert not text or text not in str(caught.value)
        return
    segments = plan(text, one, 7)
    fewest = min(ways.values())
    if one.long_texts is LongTexts.PAYLOAD:
        assert len(segments.parts) == 1
        assert bool(segments.tlvs) == (fewest > 1)
    else:
        assert len(segments.parts) == fewest


@given(TEXTS, OPERATORS, st.integers(0, 0xFFFF), st.randoms())
@settings(deadline=None, max_examples=300)
def test_every_planned_text_arrives_as_it_was_written(
    text: str, one: Operator, reference: int, chance: random.Random
) -> None:
    try:
        segments = plan(text, one, reference)
    except UnwritableError:
        return
    assert read(segments, chance) == text


@given(TEXTS, OPERATORS)
@settings(deadline=None, max_examples=300)
@example("ं" * 400 + "।" * 300, operator(Alphabet.GSM_NATIONAL, national=("hi",)))
def test_every_part_fits_ends_with_a_whole_character_and_is_one_that_its_header_says(text: str, one: Operator) -> None:
    try:
        segments = plan(text, one, 7)
    except UnwritableError:
        return
    if any(tag == Tag.MESSAGE_PAYLOAD for tlvs in segments.tlvs for tag, _ in tlvs):
        assert segments.parts == (b"",)
        return
    read_so_far = ""
    ends, end = {0}, 0
    for cluster in clusters(text):
        if len(cluster) > 30:  # may be longer than a part: cut anywhere but inside a character
            ends |= set(range(end, end + len(cluster)))
        end += len(cluster)
        ends.add(end)
    for message in messages(segments):
        content = content_of(message)
        header = len(message.short_message) - len(content.octets)
        assert (header > 0) == bool(message.esm_class & EsmClass.UDHI)
        if segments.data_coding == 0:
            assert len(content.octets) <= septets_beside(header + (6 if segments.tlvs and header else 0))
        else:
            assert len(message.short_message) <= 140
        read_so_far += text_of([content])
        assert len(read_so_far) in ends


# --- what is chosen between equals ---


@pytest.mark.parametrize(
    ("text", "national", "coding", "start"),
    [
        ("BAL", ("tr",), 0, b"BAL"),
        ("[€]", ("tr",), 0, b"\x1b<\x1be\x1b>"),
        ("ÿ", ("tr",), 3, b"\xff"),
        ("ş", ("tr",), 8, b"\x01\x5f"),  # as short as in the Turkish tables, and every handset has it
        ("ş" * 71, ("tr",), 0, b"\x03\x24\x01\x01\x1bs"),
        ("ş" * 78, ("tr",), 0, b"\x03\x25\x01\x01\x1d"),
        ("क" * 71, ("hi",), 0, b"\x03\x25\x01\x06\x15"),
        ("क।" * 40, ("hi",), 0, b"\x06\x24\x01\x06\x25\x01\x06\x15\x1b\x19"),
        ("áãâ" * 30, ("es", "pt"), 3, b"\xe1\xe3\xe2"),
    ],
)
def test_of_equals_the_plainest_is_taken(text: str, national: tuple[str, ...], coding: int, start: bytes) -> None:
    segments = plan(text, operator(national=national), 7)
    assert (segments.data_coding, len(segments.parts)) == (coding, 1)
    assert segments.parts[0].startswith(start)


def test_of_equals_in_several_parts_the_plainest_is_taken() -> None:
    one = operator(Alphabet.UCS2, Alphabet.GSM_NATIONAL, national=("es",))
    assert len(plan("áÍ" * 60, one, 7).parts) == 2
    assert plan("áÍ" * 60, one, 7).data_coding == 8  # as few as in the Spanish table


def test_the_locking_table_is_taken_where_the_single_one_needs_more_parts() -> None:
    one = operator(Alphabet.GSM, Alphabet.GSM_NATIONAL, Alphabet.UCS2, national=("tr",))
    segments = plan("ş" * 150, one, 7)
    assert len(segments.parts) == 1
    assert segments.parts[0][:4] == b"\x03\x25\x01\x01"


@pytest.mark.parametrize(
    ("long_texts", "announced", "fits", "several"),
    [
        (LongTexts.UDH8, "", 160, 153),
        (LongTexts.UDH16, "", 160, 152),
        (LongTexts.SAR, "", 160, 152),
        (LongTexts.UDH8, "ş", 155, 149),
        (LongTexts.UDH16, "ş", 155, 148),
        (LongTexts.SAR, "ş", 155, 148),
    ],
)
def test_septets_beside_headers_are_counted_as_they_are_packed(
    long_texts: LongTexts, announced: str, fits: int, several: int
) -> None:
    one = operator(Alphabet.GSM, Alphabet.GSM_NATIONAL, national=("tr",), long_texts=long_texts)
    letter = announced or "a"
    assert len(plan(letter * fits, one, 7).parts) == 1
    two = plan(letter * (fits + 1), one, 7)
    assert len(two.parts) == 2
    assert len(content_of(messages(two)[0]).octets) == several
    assert len(plan(letter * (several * 2), one, 7).parts) == 2
    assert len(plan(letter * (several * 2 + 1), one, 7).parts) == 3


# --- marks of parts ---


def test_each_way_of_marking_parts_is_read_as_such() -> None:
    text = "x" * 400
    udh8 = plan(text, operator(long_texts=LongTexts.UDH8), 0x1234)
    assert [part[:6] for part in udh8.parts] == [bytes((5, 0, 3, 0x34, 3, number)) for number in (1, 2, 3)]
    udh16 = plan(text, operator(long_texts=LongTexts.UDH16), 0x1234)
    assert [part[:7] for part in udh16.parts] == [bytes((6, 8, 4, 0x12, 0x34, 3, number)) for number in (1, 2, 3)]
    sar = plan(text, operator(long_texts=LongTexts.SAR), 0x1234)
    assert sar.esm_class == EsmClass.DEFAULT
    assert [dict(tlvs) for tlvs in sar.tlvs] == [
        {
            Tag.SAR_MSG_REF_NUM: b"\x12\x34",
            Tag.SAR_TOTAL_SEGMENTS: b"\x03",
            Tag.SAR_SEGMENT_SEQNUM: bytes([number]),
        }
        for number in (1, 2, 3)
    ]
    assert b"".join(sar.parts) == text.encode()
    payload = plan(text, operator(long_texts=LongTexts.PAYLOAD), 0x1234)
    assert (payload.parts, payload.tlvs) == ((b"",), (((Tag.MESSAGE_PAYLOAD, text.encode()),),))


def test_a_short_text_is_marked_in_no_way() -> None:
    for long_texts in LongTexts:
        assert plan("BAL", operator(long_texts=long_texts), 7) == split("BAL", 7)
        assert plan("余额", operator(long_texts=long_texts), 7) == split("余额", 7)


@pytest.mark.parametrize("long_texts", LongTexts)
def test_more_than_255_parts_are_refused_however_they_are_marked(long_texts: LongTexts) -> None:
    one = operator(Alphabet.GSM, long_texts=long_texts)
    several = 153 if long_texts in (LongTexts.UDH8, LongTexts.PAYLOAD) else 152
    assert plan("x" * several * MAX_PARTS, one, 1)
    with pytest.raises(TooLongError):
        plan("x" * (several * MAX_PARTS + 1), one, 1)


def test_a_text_that_needs_an_alphabet_the_operator_lacks_is_refused_and_not_spoiled() -> None:
    with pytest.raises(UnwritableError) as caught:
        plan("PIN 余额", operator(Alphabet.GSM, Alphabet.LATIN1), 7)
    assert "PIN" not in str(caught.value)


def test_segments_do_not_show_their_text() -> None:
    assert "secret" not in repr(plan("secret", operator(), 7)) + str(plan("secret" * 40, operator(), 7))


@given(st.text(LETTERS, max_size=60))
def test_a_text_that_may_be_cut_anywhere_is_one_of_single_characters(text: str) -> None:
    if simple(text):
        assert list(clusters(text)) == list(text)


def test_all_that_is_simple_is_its_own_cluster_beside_anything_simple() -> None:
    alone = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000 and simple(chr(code))]
    assert len(alone) > 20_000
    for character in alone:
        assert list(clusters("a" + character + "a")) == ["a", character, "a"]


def test_a_conjunct_of_an_indian_script_is_not_cut() -> None:
    assert list(clusters("क्षत्रिय")) == ["क्ष", "त्रि", "य"]
    assert list(clusters("শ্রী")) == ["শ্রী"]
    assert list(clusters("క్షక")) == ["క్ష", "క"]
    assert list(clusters("த்தா")) == ["த்", "தா"]  # Tamil shows them apart
    assert list(clusters("ทำ")) == ["ทำ"]


def test_tables_cost_what_they_are_said_to() -> None:
    """The reference above takes its costs from the tables themselves, not from what is made of them."""
    for locking, single in product(LOCKING, SINGLE):
        made = gsm0338.tables(locking, single).encoded
        assert all(
            len(made[character]) == 1 for p, character in enumerate(LOCKING[locking]) if p != 0x1B and ord(character)
        )
