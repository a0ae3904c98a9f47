"""The user data header (3GPP TS 23.040 §9.2.3.24): which part of which text this is, and which tables it needs."""

from __future__ import annotations

from typing import NamedTuple

MAX_PARTS = 255  # the header counts in one octet

CONCATENATED_8, CONCATENATED_16 = 0x00, 0x08
PORTS_8, PORTS_16 = 0x04, 0x05  # addressed to an application, not to a reader
NATIONAL_SINGLE, NATIONAL_LOCKING = 0x24, 0x25


class UnreadableError(ValueError):
    """A body that is no text: binary, for an application, or with a header that is not one."""


class Part(NamedTuple):
    """Where a body belongs: part ``number`` of ``total``, by a reference of ``width`` bits (0: SAR parameters)."""

    reference: int
    width: int
    total: int
    number: int


def proper(part: Part | None) -> Part | None:
    """A part that cannot be (TS 23.040 §9.2.3.24.1 says to ignore it), or is all there is, is a text by itself."""
    if part is None or not 1 <= part.number <= part.total <= MAX_PARTS or part.total == 1:
        return None
    return part


class Header(NamedTuple):
    """What a header says, and how many octets it takes with its length."""

    octets: int
    part: Part | None = None
    locking: int = 0
    single: int = 0


def read(octets: bytes) -> Header:
    """Answer the header that ``octets`` begin with.

    Raises:
        UnreadableError: it is not one, or it is addressed to an application's port.
    """
    if not octets or 1 + octets[0] > len(octets):
        raise UnreadableError("a user data header that is longer than its message")
    position, end = 1, 1 + octets[0]
    part, locking, single = None, 0, 0
    while position < end:
        if end - position < 2 or end - position < 2 + octets[position + 1]:
            raise UnreadableError("a user data header whose element is cut off")
        element, start = octets[position], position + 2
        position = start + octets[position + 1]
        value = octets[start:position]
        if element == CONCATENATED_8 and len(value) == 3:
            part = Part(value[0], 8, value[1], value[2])
        elif element == CONCATENATED_16 and len(value) == 4:
            part = Part(value[0] << 8 | value[1], 16, value[2], value[3])
        elif element == NATIONAL_SINGLE and len(value) == 1:
            single = value[0]
        elif element == NATIONAL_LOCKING and len(value) == 1:
            locking = value[0]
        elif element in (PORTS_8, PORTS_16):
            raise UnreadableError("addressed to an application's port")
    return Header(end, proper(part), locking, single)


def concatenated_8(reference: int, total: int, number: int) -> bytes:
    """Answer the element for part ``number`` of ``total``, with the low octet of ``reference``."""
    return bytes((CONCATENATED_8, 3, reference & 0xFF, total, number))


def concatenated_16(reference: int, total: int, number: int) -> bytes:
    """Answer the element for part ``number`` of ``total``, with two octets of ``reference``."""
    return bytes((CONCATENATED_16, 4, reference >> 8 & 0xFF, reference & 0xFF, total, number))


def national(locking: int, single: int) -> bytes:
    """Answer the elements that announce tables; the default ones are not announced."""
    return (bytes((NATIONAL_SINGLE, 1, single)) if single else b"") + (
        bytes((NATIONAL_LOCKING, 1, locking)) if locking else b""
    )


def written(elements: bytes) -> bytes:
    """Answer a whole header; nothing for no elements."""
    return bytes((len(elements),)) + elements if elements else b""
