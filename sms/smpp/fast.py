"""The PDUs of which a busy bind makes thousands a second, by ``struct`` alone.

Messages, their responses and enquire_link are read and written here when they are as they nearly always are. Whatever
is unusual in the least, a broken one for one, is handed to :mod:`sms.smpp.pdu`: results and errors are those of the
reference by construction where this module gives up, and by differential tests where it does not (ADR 0005).
"""

from __future__ import annotations

import struct
from functools import lru_cache

from sms.smpp import pdu
from sms.smpp.codes import RESPONSE, SEQUENCE_MAX, SHORT_MESSAGE_MAX_OCTETS, CommandId
from sms.smpp.errors import LocalProtocolError
from sms.smpp.pdu import HEADER_OCTETS, Address, Message, MessageAnswer, read_tlvs, write_tlvs

ADDRESSES_KEPT = 16_384  # subscribers write more than once: 2 MB that save a decode and an object a message
_MESSAGE_ID_OCTETS = 65  # §5.2.23, with its NUL

_HEADER = struct.Struct(">LLLL")
_MIDDLE = struct.Struct("10B")  # esm_class to sm_length, when schedule and validity are empty
_LATE = struct.Struct("5B")  # registered_delivery to sm_length
_EMPTY_ANSWER = struct.Struct(">LLLLx")  # a response with an empty message_id
_BODY = b"%b%c%c%b%c%c%b%c%c%c%b%b%c%c%c%c%c%b"
_NUL = b"\x00"


@lru_cache(ADDRESSES_KEPT)
def _address(octets: bytes) -> Address:
    return Address(octets[2:].decode("latin-1"), octets[0], octets[1])


@lru_cache(ADDRESSES_KEPT)
def _c_octets(text: str, limit: int) -> bytes:
    return pdu.c_octets("", text, limit)


def read_message(octets: bytes) -> Message | None:
    """Answer the body of a whole submit_sm or deliver_sm; None: only the reference can tell what it is.

    Raises:
        RemoteProtocolError: optional parameters that are cut off or too many, as the reference has it.
    """
    find = octets.find
    try:
        service = find(0, HEADER_OCTETS, HEADER_OCTETS + 6)
        source = find(0, service + 3, service + 24)
        destination = find(0, source + 3, source + 24)
        if service < 0 or source < 0 or destination < 0:
            return None
        (
            esm_class,
            protocol_id,
            priority_flag,
            schedule,
            validity,
            registered_delivery,
            replace_if_present_flag,
            data_coding,
            sm_default_msg_id,
            length,
        ) = _MIDDLE.unpack_from(octets, destination + 1)
        start = destination + 11
        schedule_time = validity_period = ""
        if schedule or validity:
            first = find(0, destination + 4, destination + 21)
            second = find(0, first + 1, first + 18)
            if first < 0 or second < 0:
                return None
            schedule_time = octets[destination + 4 : first].decode("latin-1")
            validity_period = octets[first + 1 : second].decode("latin-1")
            (registered_delivery, replace_if_present_flag, data_coding, sm_default_msg_id, length) = _LATE.unpack_from(
                octets, second + 1
            )
            start = second + 6
    except struct.error:  # shorter than its parameters
        return None
    end = start + length
    whole = len(octets)
    if end > whole:
        return None
    return Message(
        _address(octets[service + 1 : source]),
        _address(octets[source + 1 : destination]),
        octets[start:end],
        data_coding,
        esm_class,
        registered_delivery,
        "" if service == HEADER_OCTETS else octets[HEADER_OCTETS:service].decode("latin-1"),
        protocol_id,
        priority_flag,
        schedule_time,
        validity_period,
        replace_if_present_flag,
        sm_default_msg_id,
        read_tlvs(octets, end) if end < whole else (),
    )


def read_message_id(octets: bytes) -> str | None:
    """Answer the message_id of a whole response that has nothing behind it; None: ask the reference."""
    last = len(octets) - 1
    if last < HEADER_OCTETS:
        return ""  # a refused message has no body (§4.4.2, note 1), and one to a 3.3 peer may have none
    if octets.find(0, HEADER_OCTETS, HEADER_OCTETS + _MESSAGE_ID_OCTETS) != last:
        return None
    return octets[HEADER_OCTETS:last].decode("latin-1")


def write_message(command_id: int, sequence_number: int, message: Message) -> bytes:
    """Answer a whole submit_sm or deliver_sm.

    Raises:
        LocalProtocolError: see :func:`sms.smpp.pdu.write`.
    """
    source, destination, short_message = message.source, message.destination, message.short_message
    length = len(short_message)
    if length > SHORT_MESSAGE_MAX_OCTETS or not 0 <= sequence_number <= SEQUENCE_MAX:
        return pdu.write(command_id, 0, sequence_number, message)
    try:
        body = _BODY % (
            _c_octets(message.service_type, 6),
            source.ton,
            source.npi,
            _c_octets(source.digits, 21),
            destination.ton,
            destination.npi,
            _c_octets(destination.digits, 21),
            message.esm_class,
            message.protocol_id,
            message.priority_flag,
            _c_octets(message.schedule_delivery_time, 17) if message.schedule_delivery_time else _NUL,
            _c_octets(message.validity_period, 17) if message.validity_period else _NUL,
            message.registered_delivery,
            message.replace_if_present_flag,
            message.data_coding,
            message.sm_default_msg_id,
            length,
            short_message,
        )
    except (LocalProtocolError, OverflowError):  # the reference says which parameter it is
        return pdu.write(command_id, 0, sequence_number, message)
    if message.tlvs:
        body += write_tlvs(message.tlvs)
        pdu.check_length(HEADER_OCTETS + len(body))
    return _HEADER.pack(HEADER_OCTETS + len(body), command_id, 0, sequence_number) + body


def write_answer(command_id: int, command_status: int, sequence_number: int, message_id: str = "") -> bytes:
    """Answer a whole response to the request ``command_id``, with a message_id, be it empty.

    Raises:
        LocalProtocolError: a message_id that SMPP does not carry.
    """
    if not message_id:
        return _EMPTY_ANSWER.pack(HEADER_OCTETS + 1, command_id | RESPONSE, command_status, sequence_number)
    return pdu.write(command_id | RESPONSE, command_status, sequence_number, MessageAnswer(message_id))


def write_alive(sequence_number: int) -> bytes:
    """Answer a whole enquire_link_resp."""
    return _HEADER.pack(HEADER_OCTETS, CommandId.ENQUIRE_LINK_RESP, 0, sequence_number)
