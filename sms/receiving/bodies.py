"""Texts that came as octets, for sealing: fixed numbers, then each word with its length, the message's octets last."""

from __future__ import annotations

import struct
from typing import NamedTuple

VERSION = 2  # the first octet; bodies of former releases were JSON, and began with a brace
UNREADABLE = 0xFFFFFFFF  # in the place of a data coding: what came is no text
_NUMBERS = struct.Struct(">BdBI5B")
MAX_WORD = 255  # octets: addresses have 65 at most, names of operators and connections are ours


class UnreadableBody(ValueError):  # noqa: N818 - what is found in the store
    """A body that this release does not read."""


class Body(NamedTuple):
    """One message as it is stored."""

    at: float  # received, seconds since the epoch
    ton: int
    data_coding: int  # with national tables above its octet; or UNREADABLE
    source: str
    destination: str
    operator: str
    name: str  # of the text that it makes alone, or as the first of its parts
    link: str  # the connection that brought it
    octets: bytes

    def __repr__(self) -> str:
        return f"Body({self.name}, {len(self.octets)} octets)"


def pack(body: Body) -> bytes:
    """Answer ``body`` as octets."""
    return packed(*body)


def packed(
    at: float,
    ton: int,
    data_coding: int,
    source: str,
    destination: str,
    operator: str,
    name: str,
    link: str,
    octets: bytes,
) -> bytes:
    """Answer a body as octets, from what :class:`Body` holds."""
    one, two = source.encode("latin-1", "replace"), destination.encode("latin-1", "replace")
    three, four, five = operator.encode(), name.encode(), link.encode()
    words = one + two + three + four + five
    if len(words) > MAX_WORD:  # never, as the codec and the configuration are: each may then be too long by itself
        one, two, three, four, five = (word[:MAX_WORD] for word in (one, two, three, four, five))
        words = one + two + three + four + five
    return (
        _NUMBERS.pack(
            VERSION, at, ton & 0xFF, data_coding & UNREADABLE, len(one), len(two), len(three), len(four), len(five)
        )
        + words
        + octets
    )


def unpack(octets: bytes) -> Body:
    """Answer the body in ``octets``.

    Raises:
        UnreadableBody: of another release, or none at all.
    """
    try:
        version, at, ton, data_coding, *lengths = _NUMBERS.unpack_from(octets)
        if version != VERSION:
            raise UnreadableBody(f"a body of form {version}, this release reads {VERSION}")
        words = []
        begin = _NUMBERS.size
        for length in lengths:
            words.append(octets[begin : begin + length])
            begin += length
        if begin > len(octets):
            raise UnreadableBody("a body that is cut off")
        source, destination, operator, name, link = words
        return Body(
            at,
            ton,
            data_coding,
            source.decode("latin-1"),
            destination.decode("latin-1"),
            operator.decode(),
            name.decode(),
            link.decode(),
            octets[begin:],
        )
    except (struct.error, UnicodeDecodeError):
        raise UnreadableBody("not a body of a text") from None
