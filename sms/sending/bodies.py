"""Texts to send as octets, for sealing: fixed numbers, then each word with its length, the text last."""

from __future__ import annotations

import struct

from sms.messages import Outgoing, Purpose

VERSION = 2  # the first octet; bodies of former releases were JSON, and began with a brace
_NUMBERS = struct.Struct(">BBHddd4H")
_PURPOSES = {  # what stands for each in the store: never reordered
    Purpose.CODE: 1,
    Purpose.ANSWER: 2,
    Purpose.RESULT: 3,
    Purpose.ALERT: 4,
    Purpose.CAMPAIGN: 5,
}
_BY_NUMBER = {number: purpose for purpose, number in _PURPOSES.items()}


class UnreadableBody(ValueError):  # noqa: N818 - what is found in the store
    """A body that this release does not read."""


def pack(outgoing: Outgoing) -> bytes:
    """Answer the body of ``outgoing``. Its id is the seal's context; link and copies are this process's alone."""
    words = (
        outgoing.source.encode(),
        outgoing.destination.encode(),
        outgoing.operator.encode(),
        outgoing.origin.encode(),
    )
    head = _NUMBERS.pack(
        VERSION,
        _PURPOSES[outgoing.purpose],
        outgoing.reference & 0xFFFF,
        outgoing.at,
        outgoing.expires_at,
        outgoing.not_before,
        *map(len, words),
    )
    return b"".join((head, *words, outgoing.text.encode("utf-8", "surrogatepass")))


def unpack(id_: str, body: bytes) -> Outgoing:
    """Answer the text in ``body``.

    Raises:
        UnreadableBody: of another release, or none at all.
    """
    try:
        version, purpose, reference, at, expires_at, not_before, *lengths = _NUMBERS.unpack_from(body)
        if version != VERSION:
            raise UnreadableBody(f"a body of form {version}, this release reads {VERSION}")
        words = []
        begin = _NUMBERS.size
        for length in lengths:
            words.append(body[begin : begin + length].decode())
            begin += length
        text = body[begin:].decode("utf-8", "surrogatepass")
        source, destination, operator, origin = words
        return Outgoing(
            id_,
            source,
            destination,
            text,
            _BY_NUMBER[purpose],
            reference,
            at,
            expires_at,
            not_before,
            operator,
            origin,
        )
    except (struct.error, KeyError, UnicodeDecodeError):
        raise UnreadableBody("not a body of a text to send") from None
