"""What a message that came carries, and the text of parts that belong together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from sms.smpp import EsmClass, Message, Tag
from sms.text import codings, header
from sms.text.header import Part

_UDHI = int(EsmClass.UDHI)


class Content(NamedTuple):
    """What one message carries: octets of a coding, and its place when it is a part of a longer text.

    National tables that the header announces are kept in ``data_coding``, above its octet, so that a store that keeps
    the number keeps them too.
    """

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
    octets = message.short_message
    coding = message.data_coding
    if message.tlvs:
        payload = message.tlv(Tag.MESSAGE_PAYLOAD)
        if payload is not None and not octets:
            octets = payload
    if not message.esm_class & _UDHI:
        return Content(coding, octets, _sar(message) if message.tlvs else None)
    found = header.read(octets)
    if (found.locking or found.single) and codings.alphabet(coding) == codings.DEFAULT:
        coding = codings.with_tables(coding, found.locking, found.single)
    return Content(coding, octets[found.octets :], found.part or _sar(message))


def _sar(message: Message) -> Part | None:
    reference = message.tlv(Tag.SAR_MSG_REF_NUM)
    total = message.tlv(Tag.SAR_TOTAL_SEGMENTS)
    number = message.tlv(Tag.SAR_SEGMENT_SEQNUM)
    if reference is None or total is None or number is None:
        return None
    # Peers send these integers in other widths than §5.3.2.22 to 24 have; their value is what counts.
    as_numbers = [int.from_bytes(value, "big") if len(value) <= 4 else 0 for value in (reference, total, number)]
    return header.proper(Part(as_numbers[0], 0, as_numbers[1], as_numbers[2]))


def text_of(contents: Iterable[Content]) -> str:
    """Answer the text of parts in order. Octets are joined first: senders do cut inside pairs.

    Raises:
        UnreadableError: binary.
    """
    parts = list(contents)
    if len(parts) == 1:
        return codings.decode(parts[0].data_coding, parts[0].octets)
    runs: list[tuple[int, list[bytes]]] = []
    for part in parts:
        if runs and runs[-1][0] == part.data_coding:
            runs[-1][1].append(part.octets)
        else:
            runs.append((part.data_coding, [part.octets]))
    return "".join([codings.decode(coding, b"".join(octets)) for coding, octets in runs])


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
