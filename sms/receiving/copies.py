"""Copies: what a message centre sends again because it missed our acknowledgement.

A copy is equal to a message received within the window, in everything but its sequence number, which a redelivery does
not keep. The window closes early when the centre has taken our whole answer on the connection that brought the
question: it had read our acknowledgement then, so an equal message that comes later is a new text.
"""

from __future__ import annotations

import struct

from core_client.adapters.sealing import Sealer
from sms.smpp import Message, Tag

WINDOW_S = 120.0  # a centre whose acknowledgement was lost tries again after seconds to a minute
_LENGTHS = struct.Struct(">BBBBBI")
_TLVS = (
    Tag.MESSAGE_PAYLOAD,
    Tag.SAR_MSG_REF_NUM,
    Tag.SAR_SEGMENT_SEQNUM,
    Tag.SAR_TOTAL_SEGMENTS,
    Tag.USER_MESSAGE_REFERENCE,
)


def print_of(message: Message, operator: str, sealer: Sealer) -> bytes:
    """Answer a keyed hash over all by which one message differs from another, in hex."""
    source = message.source.digits.encode("latin-1", "replace")
    destination = message.destination.digits.encode("latin-1", "replace")
    carrier = operator.encode()
    octets = message.short_message
    head = _LENGTHS.pack(
        len(source) & 0xFF,
        len(destination) & 0xFF,
        len(carrier) & 0xFF,
        message.data_coding & 0xFF,
        message.esm_class & 0xFF,
        len(octets),
    )
    identity = b"".join((head, source, destination, carrier, octets))
    if message.tlvs:
        for tag in _TLVS:
            value = message.tlv(tag)
            if value is not None:
                identity += struct.pack(">HI", tag, len(value)) + value
    return sealer.fingerprint(identity, b"copy").hex().encode()
