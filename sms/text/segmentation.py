"""Long texts: cut into parts to send, and joined from parts that came in any order.

Sending uses the user data header with an 8-bit reference (3GPP TS 23.040 §9.2.3.24.1), the one form that every SMSC
and handset knows. Receiving also takes 16-bit references, SAR parameters and message_payload.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sms.smpp import EsmClass, Message, Tag
from sms.text import gsm0338
from sms.text.graphemes import clusters

DATA_CODING_DEFAULT = 0x00  # GSM 03.38, one septet an octet
DATA_CODING_ASCII = 0x01
DATA_CODING_LATIN1 = 0x03
DATA_CODING_UCS2 = 0x08

GSM_SINGLE, GSM_PART = 160, 153  # septets: 140 octets less six of header, times 8/7
UCS2_SINGLE, UCS2_PART = 140, 134  # octets: 70 and 67 code units
MAX_PARTS = 255  # the header counts in one octet

_IE_CONCATENATED_8, _IE_CONCATENATED_16 = 0x00, 0x08
_IE_PORTS_8, _IE_PORTS_16 = 0x04, 0x05  # addressed to an application, not to a reader


class TooLongError(ValueError):
    """More parts than one message can have."""


class UnreadableError(ValueError):
    """A body that is no text: binary, for an application, or with a header that is not one."""


@dataclass(frozen=True, slots=True)
class Segments:
    """A text as short messages: ``parts`` are whole short_message fields, their headers included."""

    data_coding: int
    esm_class: int
    parts: tuple[bytes, ...]


def split(text: str, reference: int) -> Segments:
    """Cut ``text`` into parts: in the default alphabet when it has all characters, else in UCS2.

    No part ends inside an escape pair, a surrogate pair or what a reader takes for one character.

    Raises:
        TooLongError: more than 255 parts.
    """
    if gsm0338.encodable(text):
        coding, single, room, encode = DATA_CODING_DEFAULT, GSM_SINGLE, GSM_PART, gsm0338.encode
    else:
        coding, single, room, encode = DATA_CODING_UCS2, UCS2_SINGLE, UCS2_PART, _ucs2
    return _cut(text, reference, coding, single, room, encode)


def as_ucs2(text: str, reference: int) -> Segments:
    """Cut ``text`` into parts in UCS2, whatever its characters."""
    return _cut(text, reference, DATA_CODING_UCS2, UCS2_SINGLE, UCS2_PART, _ucs2)


def _cut(text: str, reference: int, coding: int, single: int, room: int, encode: Callable[[str], bytes]) -> Segments:
    octets = encode(text)
    if len(octets) <= single:
        return Segments(coding, EsmClass.DEFAULT, (octets,))
    whole = [encode(cluster) for cluster in clusters(text)]
    bodies = _fill(whole, room, coding)
    if len(bodies) > MAX_PARTS:
        raise TooLongError(f"a text of {len(bodies)} parts, {MAX_PARTS} are possible")
    parts = tuple(
        bytes((5, _IE_CONCATENATED_8, 3, reference & 0xFF, len(bodies), number)) + body
        for number, body in enumerate(bodies, 1)
    )
    return Segments(coding, EsmClass.UDHI, parts)


def _ucs2(text: str) -> bytes:
    return text.encode("utf-16-be", "replace")


def _fill(pieces: Iterable[bytes], room: int, coding: int) -> list[bytes]:
    bodies = [bytearray()]
    for piece in pieces:
        if len(bodies[-1]) + len(piece) > room and bodies[-1]:
            bodies.append(bytearray())
        rest = piece
        while len(rest) > room:  # one "character" longer than a message: marks upon marks
            cut = room
            if coding == DATA_CODING_UCS2 and 0xD8 <= rest[cut - 2] <= 0xDB:
                cut -= 2  # never between the halves of a surrogate pair
            bodies[-1] += rest[:cut]
            rest = rest[cut:]
            bodies.append(bytearray())
        bodies[-1] += rest
    return [bytes(body) for body in bodies]


# --- receiving ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """Where a body belongs: part ``number`` of ``total``, by a reference of ``width`` bits (0: SAR parameters)."""

    reference: int
    width: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Content:
    """What one message carries: octets of a coding, and its place when it is a part of a longer text."""

    data_coding: int
    octets: bytes
    part: Part | None = None

    def __repr__(self) -> str:
        return f"Content({len(self.octets)} octets, coding {self.data_coding:#x}, {self.part})"


def content_of(message: Message) -> Content:
    """Answer what ``message`` carries, wherever it carries it.

    Raises:
        UnreadableError: its user data header is not one, or it is addressed to an application's port.
    """
    payload = message.tlv(Tag.MESSAGE_PAYLOAD)
    octets = message.short_message if payload is None or message.short_message else payload
    part = None
    if message.esm_class & EsmClass.UDHI:
        part, octets = _read_header(octets)
    return Content(message.data_coding, octets, part or _sar(message))


def _read_header(octets: bytes) -> tuple[Part | None, bytes]:
    if not octets or 1 + octets[0] > len(octets):
        raise UnreadableError("a user data header that is longer than its message")
    header, body = octets[1 : 1 + octets[0]], octets[1 + octets[0] :]
    part = None
    while header:
        if len(header) < 2 or len(header) < 2 + header[1]:
            raise UnreadableError("a user data header whose element is cut off")
        element, value, header = header[0], header[2 : 2 + header[1]], header[2 + header[1] :]
        if element == _IE_CONCATENATED_8 and len(value) == 3:
            part = Part(value[0], 8, value[1], value[2])
        elif element == _IE_CONCATENATED_16 and len(value) == 4:
            part = Part(value[0] << 8 | value[1], 16, value[2], value[3])
        elif element in (_IE_PORTS_8, _IE_PORTS_16):
            raise UnreadableError("addressed to an application's port")
    return _proper(part), body


def _sar(message: Message) -> Part | None:
    reference = message.tlv(Tag.SAR_MSG_REF_NUM)
    total = message.tlv(Tag.SAR_TOTAL_SEGMENTS)
    number = message.tlv(Tag.SAR_SEGMENT_SEQNUM)
    if reference is None or total is None or number is None:
        return None
    # Peers send these integers in other widths than §5.3.2.22 to 24 have; their value is what counts.
    as_numbers = [int.from_bytes(value, "big") if len(value) <= 4 else 0 for value in (reference, total, number)]
    return _proper(Part(as_numbers[0], 0, as_numbers[1], as_numbers[2]))


def _proper(part: Part | None) -> Part | None:
    """A part that cannot be (TS 23.040 §9.2.3.24.1 says to ignore it), or is all there is, is a text by itself."""
    if part is None or not 1 <= part.number <= part.total <= MAX_PARTS or part.total == 1:
        return None
    return part


def text_of(contents: Iterable[Content]) -> str:
    """Answer the text of parts in order. Octets are joined first: senders do cut inside pairs.

    Raises:
        UnreadableError: binary.
    """
    parts = list(contents)
    joined = [parts[0]]
    for part in parts[1:]:
        if part.data_coding == joined[-1].data_coding:
            joined[-1] = replace(joined[-1], octets=joined[-1].octets + part.octets)
        else:
            joined.append(part)
    return "".join(_decode(part.data_coding, part.octets) for part in joined)


def _decode(data_coding: int, octets: bytes) -> str:
    coding = data_coding
    if coding & 0xC0 == 0x00 and coding & 0x10:  # general group with a message class (TS 23.038 §4)
        coding &= 0x0C
        if coding == 0x04:
            raise UnreadableError("binary")
    elif coding & 0xF0 == 0xF0:  # data coding with a message class
        coding = 0x04 if coding & 0x04 else DATA_CODING_DEFAULT
    match coding:
        case 0x00:
            return gsm0338.decode(octets)
        case 0x01:
            return octets.decode("ascii", "replace")
        case 0x03:
            return octets.decode("latin-1")
        case 0x08:
            return octets.decode("utf-16-be", "replace")
        case _:
            raise UnreadableError(f"data coding {data_coding:#04x} is no text")


MAX_OPEN = 1_000  # texts whose parts are still coming
EXPIRY_S = 300.0  # parts of one text come within seconds; operators give up after minutes


class Joiner:
    """Joins parts by who sent them to whom under which reference, in memory. The inbox does the same in its store."""

    def __init__(self, max_open: int = MAX_OPEN, expiry_s: float = EXPIRY_S) -> None:
        self._max_open = max_open
        self._expiry_s = expiry_s
        self._open: OrderedDict[tuple[str, str, int, int, int], tuple[float, dict[int, Content]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, source: str, destination: str, content: Content, now: float) -> tuple[Content, ...] | None:
        """Take one message and answer the whole text's parts in order, or None while some are missing."""
        self._expire(now)
        part = content.part
        if part is None:
            return (content,)
        key = (source, destination, part.reference, part.width, part.total)
        _, parts = self._open.setdefault(key, (now + self._expiry_s, {}))
        parts[part.number] = content
        if len(parts) < part.total:
            return None
        del self._open[key]
        return tuple(parts[number] for number in sorted(parts))

    def _expire(self, now: float) -> None:
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest[0] > now and len(self._open) < self._max_open:
                return
            self._open.popitem(last=False)
