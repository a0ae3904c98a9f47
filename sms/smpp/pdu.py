"""PDUs and their bytes. The one module that knows smpplib, and it knows only its mandatory parameters.

Framing, header and TLVs are walked here, because smpplib answers a truncated TLV with ``struct.error``, a known TLV in
another place with ``KeyError``, cuts a long password silently and runs backwards on a string without its end. What
reaches smpplib has been walked to its last octet first (ADR 0005).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from smpplib import command as smpplib_command

from core_client.domain.secret import Secret
from sms.smpp.codes import RESPONSE, SEQUENCE_MAX, SHORT_MESSAGE_MAX_OCTETS, VERSION_34, CommandId, Status
from sms.smpp.errors import LocalProtocolError, RemoteProtocolError

HEADER_OCTETS = 16
MAX_PDU_OCTETS = 65_536  # message_payload is at most 64 KiB (§5.3.2.32); anything longer is an attack or lost framing
MAX_TLVS = 64  # more than SMPP 3.4 defines
_HEADER = struct.Struct(">LLLL")
_LENGTH = struct.Struct(">L")
_TLV = struct.Struct(">HH")

Tlvs: TypeAlias = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Header:
    """§3.2, without the length, which framing has used up."""

    command_id: int
    command_status: int
    sequence_number: int


@dataclass(frozen=True, slots=True)
class Address:
    """An SME address: type of number, numbering plan, digits or name (§5.2.5 to 5.2.9)."""

    digits: str
    ton: int = 0
    npi: int = 0


@dataclass(frozen=True, slots=True)
class Bind:
    """The body of bind_receiver, bind_transmitter and bind_transceiver (§4.1)."""

    system_id: str
    password: Secret
    system_type: str = ""
    interface_version: int = VERSION_34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""


@dataclass(frozen=True, slots=True)
class BindAnswer:
    """The body of a bind's response. Empty when the bind was refused."""

    system_id: str = ""
    tlvs: Tlvs = ()


@dataclass(slots=True)  # not frozen, though nobody changes one: freezing makes each six times as dear
class Message:
    """The body of submit_sm, deliver_sm and data_sm (§4.4.1, §4.6.1, §4.7.1).

    Never printed: it may hold a PIN or a code.
    """

    source: Address
    destination: Address
    short_message: bytes = b""
    data_coding: int = 0
    esm_class: int = 0
    registered_delivery: int = 0
    service_type: str = ""
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    replace_if_present_flag: int = 0
    sm_default_msg_id: int = 0
    tlvs: Tlvs = ()

    def tlv(self, tag: int) -> bytes | None:
        """Answer the value of the first TLV with ``tag``."""
        return next((value for found, value in self.tlvs if found == tag), None)

    def without_tlvs(self) -> Message:
        """Answer the same with its mandatory parameters only."""
        return replace(self, tlvs=())

    def __repr__(self) -> str:
        return f"Message({len(self.short_message)} octets, {len(self.tlvs)} TLVs)"


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """The body of submit_sm_resp and deliver_sm_resp (§4.4.2, §4.6.2)."""

    message_id: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class Empty:
    """The body of PDUs without mandatory parameters. SMPP 5.0 puts congestion_state into such responses too."""

    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """An outbind or alert_notification: known, of no use to this project, kept unread."""


Body: TypeAlias = Bind | BindAnswer | Message | MessageAnswer | Empty | Alert

# The mandatory parameters in the order of the wire: the most octets of a C-octet string with its NUL, 1 for an
# integer of one octet, SHORT for sm_length and the octets that it counts.
_INTEGER, _SHORT = 0, -1
_BIND = (16, 9, 13, _INTEGER, _INTEGER, _INTEGER, 41)
_MESSAGE = (6, *(_INTEGER, _INTEGER, 21) * 2, *(_INTEGER,) * 3, 17, 17, *(_INTEGER,) * 4, _SHORT)
_DATA = (6, *(_INTEGER, _INTEGER, 65) * 2, *(_INTEGER,) * 3)
_BIND_ANSWER = (16,)
_MESSAGE_ANSWER = (65,)

_LAYOUTS: MappingProxyType[int, tuple[int, ...]] = MappingProxyType(
    {
        CommandId.BIND_RECEIVER_RESP: _BIND_ANSWER,
        CommandId.BIND_TRANSMITTER_RESP: _BIND_ANSWER,
        CommandId.BIND_TRANSCEIVER_RESP: _BIND_ANSWER,
        CommandId.SUBMIT_SM: _MESSAGE,
        CommandId.SUBMIT_SM_RESP: _MESSAGE_ANSWER,
        CommandId.DELIVER_SM: _MESSAGE,
        CommandId.DELIVER_SM_RESP: _MESSAGE_ANSWER,
        CommandId.DATA_SM: _DATA,
        CommandId.DATA_SM_RESP: _MESSAGE_ANSWER,
    }
)


class _NoClient:
    """smpplib wants somebody who counts; sequence numbers are counted by the session."""

    sequence = 0

    def next_sequence(self) -> int:
        return 0


def _mandatory_only(parent: type[Any], name: str, fields: int) -> Callable[[], Any]:
    """Narrow one of smpplib's classes to its mandatory parameters: those with TLVs are not its business, and slow."""
    order = tuple(parent.params_order[:fields])
    narrowed = type(parent.__name__, (parent,), {"params_order": order, "params": {f: parent.params[f] for f in order}})
    client = _NoClient()
    return lambda: narrowed(name, client=client, need_sequence=False)


_new_bind = _mandatory_only(smpplib_command.BindTransmitter, "bind_transmitter", 7)
_new_message = _mandatory_only(smpplib_command.DeliverSM, "deliver_sm", 18)
_new_data = _mandatory_only(smpplib_command.DataSM, "data_sm", 10)


# --- reading -----------------------------------------------------------------------------------------------------


class Framer:
    """Cuts a stream of octets into PDUs."""

    __slots__ = ("_buffer", "_position")

    def __init__(self) -> None:
        self._buffer = b""
        self._position = 0

    def feed(self, data: bytes) -> None:
        """Take octets as they came."""
        # What is left is less than one PDU, nearly always nothing: then the octets that came are not copied.
        self._buffer = self._buffer[self._position :] + data
        self._position = 0

    def next(self) -> bytes | None:
        """Answer the next whole PDU, or None until more octets come.

        Raises:
            RemoteProtocolError: a length that no PDU has; what follows cannot be read any more.
        """
        start = self._position
        buffer = self._buffer
        held = len(buffer) - start
        if held < 4:
            return None
        (length,) = _LENGTH.unpack_from(buffer, start)
        if not HEADER_OCTETS <= length <= MAX_PDU_OCTETS:
            raise RemoteProtocolError(f"a PDU of {length} octets", Status.RINVCMDLEN)
        if held < length:
            return None
        self._position = end = start + length
        return buffer[start:end]


def read_header(pdu: bytes) -> Header:
    """Answer the header of a whole PDU."""
    _, command_id, command_status, sequence_number = _HEADER.unpack_from(pdu)
    return Header(command_id, command_status, sequence_number)


def read_body(command_id: int, pdu: bytes) -> Body:
    """Answer the body of a whole PDU.

    Raises:
        RemoteProtocolError: an unknown command, or parameters that are not as SMPP 3.4 has them.
    """
    reader = _READERS.get(command_id)
    if reader is None:
        raise RemoteProtocolError(f"command 0x{command_id:08x}", Status.RINVCMDID)
    return reader(pdu)


def read_mandatory(command_id: int, pdu: bytes) -> Body:
    """Answer the body of a whole message or response without what follows its mandatory parameters."""
    layout = _LAYOUTS[command_id]
    return read_body(command_id, pdu[: _walk(pdu, layout)])


def _walk(pdu: bytes, layout: tuple[int, ...]) -> int:
    """Answer where the mandatory parameters end, having seen that they are all there and none is too long."""
    position, end = HEADER_OCTETS, len(pdu)
    for limit in layout:
        if limit == _INTEGER:
            position += 1
        elif limit == _SHORT:
            if position >= end:
                raise RemoteProtocolError("no sm_length", Status.RINVCMDLEN)
            position += 1 + pdu[position]
        else:
            nul = pdu.find(b"\x00", position, position + limit)
            if nul < 0:
                raise RemoteProtocolError(f"a text without its end within {limit} octets", Status.RINVPARLEN)
            position = nul + 1
    if position > end:
        raise RemoteProtocolError("the mandatory parameters are cut off", Status.RINVCMDLEN)
    return position


def read_tlvs(pdu: bytes, position: int) -> Tlvs:
    """Answer the optional parameters from ``position`` to the end, known or not, as octets."""
    found: list[tuple[int, bytes]] = []
    end = len(pdu)
    while position < end:
        if end - position < _TLV.size or len(found) == MAX_TLVS:
            raise RemoteProtocolError("optional parameters are cut off or too many", Status.RINVOPTPARSTREAM)
        tag, length = _TLV.unpack_from(pdu, position)
        position += _TLV.size
        if end - position < length:
            raise RemoteProtocolError(f"optional parameter 0x{tag:04x} is cut off", Status.RINVOPTPARSTREAM)
        found.append((tag, pdu[position : position + length]))
        position += length
    return tuple(found)


def _text(octets: bytes) -> str:
    # Octets beyond ASCII are against §3.1, and peers send them in names: kept, not judged.
    return octets.decode("latin-1")


def _read_bind(pdu: bytes) -> Bind:
    end = _walk(pdu, _BIND)
    parsed = _new_bind()
    parsed.parse_params(pdu[HEADER_OCTETS:end])
    return Bind(
        _text(parsed.system_id),
        Secret(_text(parsed.password)),
        _text(parsed.system_type),
        parsed.interface_version,
        parsed.addr_ton,
        parsed.addr_npi,
        _text(parsed.address_range),
    )


def _read_message(pdu: bytes) -> Message:
    end = _walk(pdu, _MESSAGE)
    parsed = _new_message()
    parsed.short_message = b""  # smpplib stops before it when it is empty
    parsed.parse_params(pdu[HEADER_OCTETS:end])
    return Message(
        Address(_text(parsed.source_addr), parsed.source_addr_ton, parsed.source_addr_npi),
        Address(_text(parsed.destination_addr), parsed.dest_addr_ton, parsed.dest_addr_npi),
        parsed.short_message,
        parsed.data_coding,
        parsed.esm_class,
        parsed.registered_delivery,
        _text(parsed.service_type),
        parsed.protocol_id,
        parsed.priority_flag,
        _text(parsed.schedule_delivery_time),
        _text(parsed.validity_period),
        parsed.replace_if_present_flag,
        parsed.sm_default_msg_id,
        read_tlvs(pdu, end) if end < len(pdu) else (),
    )


def _read_data(pdu: bytes) -> Message:
    end = _walk(pdu, _DATA)
    parsed = _new_data()
    parsed.parse_params(pdu[HEADER_OCTETS:end])
    return Message(
        Address(_text(parsed.source_addr), parsed.source_addr_ton, parsed.source_addr_npi),
        Address(_text(parsed.destination_addr), parsed.dest_addr_ton, parsed.dest_addr_npi),
        b"",  # data_sm has its text in message_payload only
        parsed.data_coding,
        parsed.esm_class,
        parsed.registered_delivery,
        _text(parsed.service_type),
        tlvs=read_tlvs(pdu, end) if end < len(pdu) else (),
    )


def _read_bind_answer(pdu: bytes) -> BindAnswer:
    if len(pdu) == HEADER_OCTETS:  # a refused bind has no body (§4.1.2, note 1)
        return BindAnswer()
    end = _walk(pdu, _BIND_ANSWER)
    return BindAnswer(_text(pdu[HEADER_OCTETS : end - 1]), read_tlvs(pdu, end))


def _read_message_answer(pdu: bytes) -> MessageAnswer:
    if len(pdu) == HEADER_OCTETS:  # nor has a refused submit_sm (§4.4.2, note 1)
        return MessageAnswer()
    end = _walk(pdu, _MESSAGE_ANSWER)
    return MessageAnswer(_text(pdu[HEADER_OCTETS : end - 1]), read_tlvs(pdu, end))


def _read_empty(pdu: bytes) -> Empty:
    if len(pdu) == HEADER_OCTETS:
        return _EMPTY
    try:
        return Empty(read_tlvs(pdu, HEADER_OCTETS))
    except RemoteProtocolError:
        raise RemoteProtocolError("a body where none may be", Status.RINVCMDLEN) from None


def _read_alert(_: bytes) -> Alert:
    return Alert()


_EMPTY = Empty()
_READERS: MappingProxyType[int, Callable[[bytes], Body]] = MappingProxyType(
    {
        CommandId.BIND_RECEIVER: _read_bind,
        CommandId.BIND_TRANSMITTER: _read_bind,
        CommandId.BIND_TRANSCEIVER: _read_bind,
        CommandId.BIND_RECEIVER_RESP: _read_bind_answer,
        CommandId.BIND_TRANSMITTER_RESP: _read_bind_answer,
        CommandId.BIND_TRANSCEIVER_RESP: _read_bind_answer,
        CommandId.SUBMIT_SM: _read_message,
        CommandId.SUBMIT_SM_RESP: _read_message_answer,
        CommandId.DELIVER_SM: _read_message,
        CommandId.DELIVER_SM_RESP: _read_message_answer,
        CommandId.DATA_SM: _read_data,
        CommandId.DATA_SM_RESP: _read_message_answer,
        CommandId.UNBIND: _read_empty,
        CommandId.UNBIND_RESP: _read_empty,
        CommandId.ENQUIRE_LINK: _read_empty,
        CommandId.ENQUIRE_LINK_RESP: _read_empty,
        CommandId.GENERIC_NACK: _read_alert,  # whatever some peers put behind it, it says no
        CommandId.OUTBIND: _read_alert,
        CommandId.ALERT_NOTIFICATION: _read_alert,
    }
)


# --- writing -----------------------------------------------------------------------------------------------------


def write(command_id: int, command_status: int, sequence_number: int, body: Body = _EMPTY) -> bytes:
    """Answer a whole PDU.

    Raises:
        LocalProtocolError: a parameter that SMPP 3.4 does not let through; nothing is ever cut silently.
    """
    if not 0 <= sequence_number <= SEQUENCE_MAX and not command_id & RESPONSE:
        raise LocalProtocolError(f"sequence number {sequence_number}")
    octets = _write_data(body) if command_id == CommandId.DATA_SM and isinstance(body, Message) else _write_body(body)
    length = HEADER_OCTETS + len(octets)
    check_length(length)
    return _HEADER.pack(length, command_id, command_status, sequence_number) + octets


def check_length(length: int) -> None:
    """See that a PDU is no longer than peers take."""
    if length > MAX_PDU_OCTETS:
        raise LocalProtocolError(f"a PDU of {length} octets, {MAX_PDU_OCTETS} are allowed")


def _write_body(body: Body) -> bytes:
    match body:
        case Message():
            return _write_message(body)
        case MessageAnswer():
            return c_octets("message_id", body.message_id, 65) + write_tlvs(body.tlvs)
        case Bind():
            return _write_bind(body)
        case BindAnswer():
            return c_octets("system_id", body.system_id, 16) + write_tlvs(body.tlvs)
        case _:
            return b""


def _checked(name: str, text: str, limit: int) -> str:
    """Answer ``text``, which smpplib would cut at ``limit - 1`` characters or end at a NUL without a word."""
    if len(text) >= limit:
        raise LocalProtocolError(f"{name} has {len(text)} characters, {limit - 1} are allowed")
    if "\x00" in text or not text.isascii():
        raise LocalProtocolError(f"{name} holds a character that SMPP cannot carry")
    return text


def c_octets(name: str, text: str, limit: int) -> bytes:
    """Answer a C-octet string of at most ``limit`` octets with its NUL (§3.1)."""
    return _checked(name, text, limit).encode("ascii") + b"\x00"


def _octet(name: str, number: int) -> int:
    if not 0 <= number <= 255:
        raise LocalProtocolError(f"{name} {number} is no octet")
    return number


def _write_bind(bind: Bind) -> bytes:
    made = _new_bind()
    made.system_id = _checked("system_id", bind.system_id, 16)
    if len(bind.password) >= 9:
        raise LocalProtocolError("a password has at most 8 characters (SMPP 3.4 §5.2.2)")
    made.password = _checked("password", bind.password.reveal(), 9)
    made.system_type = _checked("system_type", bind.system_type, 13)
    made.interface_version = _octet("interface_version", bind.interface_version)
    made.addr_ton = _octet("addr_ton", bind.addr_ton)
    made.addr_npi = _octet("addr_npi", bind.addr_npi)
    made.address_range = _checked("address_range", bind.address_range, 41)
    octets: bytes = made.generate_params()
    return octets


def _fill_ends(made: Any, message: Message) -> None:
    """Fill in what every message begins with: its service, from whom, to whom."""
    made.service_type = _checked("service_type", message.service_type, 6)
    made.source_addr_ton = _octet("source_addr_ton", message.source.ton)
    made.source_addr_npi = _octet("source_addr_npi", message.source.npi)
    made.source_addr = _checked("source_addr", message.source.digits, 21)
    made.dest_addr_ton = _octet("dest_addr_ton", message.destination.ton)
    made.dest_addr_npi = _octet("dest_addr_npi", message.destination.npi)
    made.destination_addr = _checked("destination_addr", message.destination.digits, 21)


def _write_message(message: Message) -> bytes:
    if len(message.short_message) > SHORT_MESSAGE_MAX_OCTETS:
        raise LocalProtocolError(f"short_message has {len(message.short_message)} octets, 254 are allowed")
    made = _new_message()
    _fill_ends(made, message)
    made.esm_class = _octet("esm_class", message.esm_class)
    made.protocol_id = _octet("protocol_id", message.protocol_id)
    made.priority_flag = _octet("priority_flag", message.priority_flag)
    made.schedule_delivery_time = _checked("schedule_delivery_time", message.schedule_delivery_time, 17)
    made.validity_period = _checked("validity_period", message.validity_period, 17)
    made.registered_delivery = _octet("registered_delivery", message.registered_delivery)
    made.replace_if_present_flag = _octet("replace_if_present_flag", message.replace_if_present_flag)
    made.data_coding = _octet("data_coding", message.data_coding)
    made.sm_default_msg_id = _octet("sm_default_msg_id", message.sm_default_msg_id)
    made.short_message = message.short_message
    octets: bytes = made.generate_params()
    return octets + write_tlvs(message.tlvs) if message.tlvs else octets


def _write_data(message: Message) -> bytes:
    if message.short_message:
        raise LocalProtocolError("data_sm has its text in message_payload only")
    made = _new_data()
    _fill_ends(made, message)
    made.esm_class = _octet("esm_class", message.esm_class)
    made.registered_delivery = _octet("registered_delivery", message.registered_delivery)
    made.data_coding = _octet("data_coding", message.data_coding)
    octets: bytes = made.generate_params()
    return octets + write_tlvs(message.tlvs)


def write_tlvs(tlvs: Tlvs) -> bytes:
    """Answer the octets of optional parameters."""
    parts = []
    for tag, value in tlvs:
        if not 0 <= tag <= 0xFFFF or len(value) > 0xFFFF:
            raise LocalProtocolError(f"optional parameter {tag} with {len(value)} octets")
        parts.append(_TLV.pack(tag, len(value)) + value)
    return b"".join(parts)
