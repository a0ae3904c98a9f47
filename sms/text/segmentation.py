"""Texts cut into short messages: in which alphabet, in how many parts, each marked as an operator likes it.

``plan`` takes, among the alphabets that an operator lets through, the one that needs the fewest parts; between equals
the plainest. ``split`` knows no operator: the default alphabet or UCS2, with the 8-bit reference that every SMSC and
handset knows.

How much fits (3GPP TS 23.040 §9.2.3.24): 140 octets less the header's. Septets come one an octet over SMPP and are
packed by the SMSC, behind a header that it fills up to the next whole septet: 160 less 8/7 of the header, rounded up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from sms.operators import Alphabet, LongTexts, Operator
from sms.smpp import EsmClass, Tag
from sms.text import codings, gsm0338, header
from sms.text.graphemes import clusters, simple
from sms.text.header import MAX_PARTS, Part, UnreadableError
from sms.text.national_tables import LANGUAGES, LOCKING, SINGLE
from sms.text.reading import EXPIRY_S, MAX_OPEN, Content, Joiner, content_of, text_of

DATA_CODING_DEFAULT = codings.DEFAULT
DATA_CODING_LATIN1 = codings.LATIN1
DATA_CODING_UCS2 = codings.UCS2

OCTETS = 140  # of user data in one short message
SEPTETS = 160
_DEFAULT_ESM, _UDHI = int(EsmClass.DEFAULT), int(EsmClass.UDHI)

Tlvs = tuple[tuple[int, bytes], ...]


class TooLongError(ValueError):
    """More parts than one message can have."""


class UnwritableError(ValueError):
    """None of the operator's alphabets has all characters of a text. The text is not in the message."""


class Segments(NamedTuple):
    """A text as short messages: ``parts`` are whole short_message fields, their headers included."""

    data_coding: int
    esm_class: int
    parts: tuple[bytes, ...]
    tlvs: tuple[Tlvs, ...] = ()  # of each part; empty where no part has any

    def __repr__(self) -> str:
        return f"Segments({len(self.parts)} parts, coding {self.data_coding:#x}, esm_class {self.esm_class:#x})"

    def tlvs_of(self, number: int) -> Tlvs:
        """Answer the TLVs of part ``number``, counted from 1."""
        return self.tlvs[number - 1] if self.tlvs else ()


class Writing:
    """One way to write texts: a coding, and for septets the tables."""

    __slots__ = ("data_coding", "elements", "encode", "septets", "wide")

    def __init__(self, data_coding: int, encode: Callable[[str], bytes], elements: bytes = b"") -> None:
        """``encode`` raises ValueError for what it cannot write; ``elements`` of the header announce the tables."""
        self.data_coding = data_coding
        self.encode = encode
        self.elements = elements
        self.septets = data_coding == codings.DEFAULT
        self.wide = data_coding == codings.UCS2

    def room(self, marks: int) -> int:
        """Answer how many octets of text go beside ``marks`` octets of elements that mark a part."""
        elements = marks + len(self.elements)
        octets = elements + 1 if elements else 0
        if self.septets:
            return SEPTETS - (octets * 8 + 6) // 7
        return OCTETS - octets & ~1 if self.wide else OCTETS - octets

    def single(self, octets: bytes) -> Segments:
        """Answer ``octets`` as one message."""
        if not self.elements:
            return Segments(self.data_coding, _DEFAULT_ESM, (octets,))
        return Segments(self.data_coding, _UDHI, (header.written(self.elements) + octets,))

    def bodies(self, text: str, octets: bytes, room: int) -> list[bytes]:
        """Cut ``text``, which is ``octets``, so that no character is cut, nor what a reader takes for one."""
        if simple(text) and len(octets) == len(text) * (1 + self.wide):
            return [octets[start : start + room] for start in range(0, len(octets), room)]
        return _fill(self._pieces(text, room), room)

    def _pieces(self, text: str, room: int) -> Iterator[bytes]:
        for cluster in clusters(text):
            octets = self.encode(cluster)
            if len(octets) <= room:
                yield octets
            else:  # one "character" longer than a message, marks upon marks: cut where nothing else is left to do
                yield from map(self.encode, cluster)


def _fill(pieces: Iterable[bytes], room: int) -> list[bytes]:
    bodies = [bytearray()]
    for piece in pieces:
        if len(bodies[-1]) + len(piece) > room:
            bodies.append(bytearray())
        bodies[-1] += piece
    return [bytes(body) for body in bodies]


def _ucs2(text: str) -> bytes:
    return text.encode("utf-16-be", "replace")


def _latin1(text: str) -> bytes:
    return text.encode("latin-1")


GSM = Writing(codings.DEFAULT, gsm0338.encode)
LATIN1 = Writing(codings.LATIN1, _latin1)
UCS2 = Writing(codings.UCS2, _ucs2)

# Octets of the element that marks a part. With SAR it is the SMSC that makes it, in which width it likes.
_MARKS = {LongTexts.UDH8: 5, LongTexts.UDH16: 6, LongTexts.SAR: 6, LongTexts.PAYLOAD: 5}


def split(text: str, reference: int, long_texts: LongTexts = LongTexts.UDH8) -> Segments:
    """Cut ``text`` into parts: in the default alphabet when it has all characters, else in UCS2.

    No part ends inside an escape pair, a surrogate pair or what a reader takes for one character.

    Raises:
        TooLongError: more than 255 parts.
    """
    return _written(GSM if gsm0338.encodable(text) else UCS2, text, long_texts, reference)


def as_ucs2(text: str, reference: int, long_texts: LongTexts = LongTexts.UDH8) -> Segments:
    """Cut ``text`` into parts in UCS2, whatever its characters; see :func:`split`."""
    return _written(UCS2, text, long_texts, reference)


def plan(text: str, operator: Operator, reference: int) -> Segments:
    """Answer ``text`` as the short messages that ``operator`` gets: in the alphabet that needs the fewest of them.

    Raises:
        UnwritableError: none of the operator's alphabets has all its characters.
        TooLongError: more than 255 parts.
    """
    if text.isascii() and len(text) <= SEPTETS and Alphabet.GSM in operator.alphabets:
        octets = text.encode("ascii")
        if not octets.translate(None, gsm0338.AS_ASCII):
            return Segments(codings.DEFAULT, _DEFAULT_ESM, (octets,))
    return _written(_fewest(text, operator), text, operator.long_texts, reference)


def _written(writing: Writing, text: str, long_texts: LongTexts, reference: int) -> Segments:
    octets = writing.encode(text)
    if len(octets) <= writing.room(0):
        return writing.single(octets)
    bodies = writing.bodies(text, octets, writing.room(_MARKS[long_texts]))
    total = len(bodies)
    if total > MAX_PARTS:
        raise TooLongError(f"a text of {total} parts, {MAX_PARTS} are possible")
    coding, elements = writing.data_coding, writing.elements
    match long_texts:
        case LongTexts.PAYLOAD:
            return Segments(coding, _DEFAULT_ESM, (b"",), (((Tag.MESSAGE_PAYLOAD, octets),),))
        case LongTexts.SAR:
            start = header.written(elements)
            parts = tuple([start + body for body in bodies])
            tlvs = tuple([_sar(reference, total, number) for number in range(1, total + 1)])
            return Segments(coding, _UDHI if start else _DEFAULT_ESM, parts, tlvs)
        case LongTexts.UDH16:
            mark = header.concatenated_16
        case _:
            mark = header.concatenated_8
    return Segments(
        coding,
        _UDHI,
        tuple([header.written(mark(reference, total, n) + elements) + body for n, body in enumerate(bodies, 1)]),
    )


def _sar(reference: int, total: int, number: int) -> Tlvs:
    return (
        (Tag.SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big")),
        (Tag.SAR_TOTAL_SEGMENTS, bytes((total,))),
        (Tag.SAR_SEGMENT_SEQNUM, bytes((number,))),
    )


# --- the choice --------------------------------------------------------------------------------------------------


def _fewest(text: str, operator: Operator) -> Writing:
    """Answer the writing that needs the fewest parts, the plainest of several.

    The default alphabet is plainer than Latin-1, which an SMSC rewrites, and that than UCS2, which every handset has.
    National tables come last: an old handset shows other characters in their place.
    """
    alphabets, marks = operator.alphabets, _MARKS[operator.long_texts]
    national = Alphabet.GSM_NATIONAL in alphabets
    best, fewest = None, MAX_PARTS + 2
    for writing, allowed in (
        (GSM, national or Alphabet.GSM in alphabets),
        (LATIN1, Alphabet.LATIN1 in alphabets),
        (UCS2, Alphabet.UCS2 in alphabets),
    ):
        if allowed and fewest > 1:
            parts = _parts(writing, text, marks, fewest)
            if parts < fewest:
                best, fewest = writing, parts
    if national and operator.national and fewest > 1:
        best = _fewest_national(text, operator, best, fewest)
    if best is None:
        raise UnwritableError("a character that none of the operator's alphabets has")
    return best


def _parts(writing: Writing, text: str, marks: int, enough: int) -> int:
    """Answer how many parts ``text`` needs, or ``enough`` where it cannot be written or needs at least so many."""
    try:
        octets = writing.encode(text)
    except ValueError:
        return enough
    if len(octets) <= writing.room(0):
        return 1
    room = writing.room(marks)
    least = -(-len(octets) // room)
    if least >= enough and enough <= MAX_PARTS:
        return enough
    return min(len(writing.bodies(text, octets, room)), MAX_PARTS + 1)


def _fewest_national(text: str, operator: Operator, best: Writing | None, fewest: int) -> Writing | None:
    marks = _MARKS[operator.long_texts]
    counted = Counter(text)
    for tables, writing in _nationals(operator.national):
        if not counted.keys() <= tables.encoded.keys():
            continue
        septets = sum([len(tables.encoded[character]) * count for character, count in counted.items()])
        if septets <= writing.room(0):
            return writing
        if operator.long_texts is LongTexts.PAYLOAD:
            continue  # who cuts the payload would have to announce the tables in every part: not relied on
        if -(-septets // writing.room(marks)) < fewest:
            parts = _parts(writing, text, marks, fewest)
            if parts < fewest:
                best, fewest = writing, parts
    return best


@lru_cache(maxsize=64)
def _nationals(languages: tuple[str, ...]) -> tuple[tuple[gsm0338.Tables, Writing], ...]:
    """Answer every pair of tables that these languages have, those that need fewer words in the header first."""
    ids = sorted({LANGUAGES[language] for language in languages})
    pairs = [(lock, single) for lock in (0, *ids) for single in (0, *ids) if lock in LOCKING and single in SINGLE]
    pairs.remove((0, 0))
    pairs.sort(key=lambda pair: (bool(pair[0]) + bool(pair[1]), bool(pair[0])))
    found = [gsm0338.tables(*pair) for pair in pairs]
    return tuple(
        (tables, Writing(codings.DEFAULT, tables.encode, header.national(tables.locking, tables.single)))
        for tables in found
    )


__all__ = [
    "EXPIRY_S",
    "MAX_OPEN",
    "MAX_PARTS",
    "Content",
    "Joiner",
    "Part",
    "Segments",
    "TooLongError",
    "UnreadableError",
    "UnwritableError",
    "as_ucs2",
    "content_of",
    "plan",
    "split",
    "text_of",
]
