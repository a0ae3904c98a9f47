"""Damaged SMPP, from a seed, and what SMPP says that each piece deserves, worked out without the code under test."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field

from sms.smpp import Address, CommandId, Message, Role, Status, pdu

BINDS = (CommandId.BIND_RECEIVER, CommandId.BIND_TRANSMITTER, CommandId.BIND_TRANSCEIVER)
COMMANDS = [int(command) for command in CommandId] + [0x0003, 0x80000003, 0x0111, 0x00010200, 0xFFFFFFFF]
TAGS = (0x424, 0x20C, 0x20E, 0x20F, 0x1E, 5, 0x423, 0x1400)
NUMBERS = 50  # sequence numbers in use
MAX_TLVS = 64
# The mandatory parameters of each request: the most octets of a text with its NUL, "b" for an octet, "sm" for
# sm_length and what it counts.
_MESSAGE = (6, "b", "b", 21, "b", "b", 21, "b", "b", "b", 17, 17, "b", "b", "b", "b", "sm")
_BIND = (16, 9, 13, "b", "b", "b", 41)
_PARAMETERS: dict[int, tuple[int | str, ...]] = {
    CommandId.SUBMIT_SM: _MESSAGE,
    CommandId.DELIVER_SM: _MESSAGE,
    CommandId.DATA_SM: (6, "b", "b", 65, "b", "b", 65, "b", "b", "b"),
    CommandId.UNBIND: (),
    CommandId.ENQUIRE_LINK: (),
    **dict.fromkeys(BINDS, _BIND),
}
_UNREAD = (CommandId.OUTBIND, CommandId.ALERT_NOTIFICATION)


def frame(command_id: int, number: int, body: bytes = b"", status: int = 0) -> bytes:
    return struct.pack(">LLLL", 16 + len(body), command_id, status, number) + body


def honest(chance: random.Random) -> bytes:
    message = Message(
        Address(f"86139{chance.randrange(10**8):08d}", 1, 1),
        Address("95500"),
        chance.randbytes(chance.randrange(160)),
        chance.choice([0, 1, 3, 4, 8, 0x10, 0xF5]),
        chance.choice([0, 4, 0x40, 0x44]),
        tlvs=tuple((chance.choice(TAGS), chance.randbytes(chance.randrange(6))) for _ in range(chance.randrange(4))),
    )
    if chance.random() < 0.1:
        message.short_message = b""
        return pdu.write(CommandId.DATA_SM, 0, chance.randrange(1, NUMBERS), message)
    command_id = chance.choice([CommandId.DELIVER_SM, CommandId.SUBMIT_SM])
    return pdu.write(command_id, 0, chance.randrange(1, NUMBERS), message)


def damaged(chance: random.Random) -> bytes:
    """Answer octets that began as an honest PDU."""
    octets = bytearray(honest(chance))
    match chance.randrange(8):
        case 0:  # flip
            for _ in range(chance.randrange(1, 6)):
                octets[chance.randrange(16, len(octets))] ^= 1 << chance.randrange(8)
        case 1:  # cut, with a length that agrees
            octets = octets[: chance.randrange(16, len(octets) + 1)]
            octets[:4] = struct.pack(">L", len(octets))
        case 2:  # another command over this body
            octets[4:8] = struct.pack(">L", chance.choice(COMMANDS))
        case 3:  # no terminators
            octets = octets[:16] + octets[16:].replace(b"\x00", b"\x01")
        case 4:  # noise in a proper frame
            body = chance.randbytes(chance.randrange(200))
            octets = bytearray(frame(chance.choice(COMMANDS), chance.randrange(60), body, chance.choice([0, 0x58])))
        case 5:  # a length that lies
            octets[:4] = struct.pack(">L", chance.choice([0, 15, 16, 17, len(octets) + 3, 65_536, 65_537, 2**31]))
        case 6:  # a command without a body
            octets = bytearray(frame(chance.choice(COMMANDS), chance.randrange(60)))
        case _:  # more after its end
            octets += chance.randbytes(chance.randrange(30)) * chance.choice((1, 1, 9))
            octets[:4] = struct.pack(">L", len(octets))
    return bytes(octets)


def frames(octets: bytes) -> tuple[list[bytes], bytes, bool]:
    """Cut octets as their lengths say: whole PDUs, what is left over, and whether a length there is no PDU's."""
    whole: list[bytes] = []
    while len(octets) >= 4:
        length = int.from_bytes(octets[:4], "big")
        if not 16 <= length <= 65_536:
            return whole, octets, True
        if len(octets) < length:
            break
        whole.append(octets[:length])
        octets = octets[length:]
    return whole, octets, False


def fault(command_id: int, body: bytes) -> int:
    """Answer the status that a request's body deserves: ROK for one without a fault."""
    at = 0
    for parameter in _PARAMETERS[command_id]:
        if parameter == "b":
            at += 1
        elif parameter == "sm":
            if at >= len(body):
                return Status.RINVCMDLEN
            at += 1 + body[at]
        else:
            text = body[at : at + int(parameter)]
            if b"\0" not in text:
                return Status.RINVPARLEN
            at += text.index(b"\0") + 1
    if at > len(body):
        return Status.RINVCMDLEN
    broken = Status.RINVOPTPARSTREAM if _PARAMETERS[command_id] else Status.RINVCMDLEN
    if command_id in BINDS:
        return Status.ROK  # nothing is read behind a bind
    for _ in range(MAX_TLVS):
        if at == len(body):
            return Status.ROK
        if len(body) - at < 4:
            return broken
        at += 4 + int.from_bytes(body[at + 2 : at + 4], "big")
        if at > len(body):
            return broken
    return Status.ROK if at == len(body) else broken


@dataclass
class Deserved:
    """What one PDU deserves: the answer to it, if any; whether it is a message; whether the session ends properly."""

    answer: tuple[int, int, int] | None = None  # command, status, sequence number
    message: bool = False
    ends: bool = False


@dataclass
class Peer:
    """A bound side's memory of what it owes, as far as an answer depends on it."""

    role: Role
    window: int
    owed: set[int] = field(default_factory=set)

    def deserves(self, octets: bytes) -> Deserved:
        """Answer what this PDU is to be answered with."""
        _, command_id, _, number = struct.unpack_from(">LLLL", octets)
        if command_id & 0x80000000 or command_id in _UNREAD:
            return Deserved()
        if command_id not in _PARAMETERS:
            return Deserved((CommandId.GENERIC_NACK, Status.RINVCMDID, number))
        status = fault(command_id, octets[16:])
        if status == Status.RINVCMDLEN:
            return Deserved((CommandId.GENERIC_NACK, status, number))
        if status:
            return Deserved((command_id | 0x80000000, status, number))
        if command_id == CommandId.UNBIND:
            return Deserved((CommandId.UNBIND_RESP, 0, number), ends=True)
        if command_id == CommandId.ENQUIRE_LINK:
            return Deserved((CommandId.ENQUIRE_LINK_RESP, 0, number))
        mine = CommandId.DELIVER_SM if self.role is Role.ESME else CommandId.SUBMIT_SM
        if command_id in BINDS:
            status = Status.RINVBNDSTS if self.role is Role.ESME else Status.RALYBND
        elif command_id not in (mine, CommandId.DATA_SM):
            status = Status.RINVBNDSTS
        elif number in self.owed:
            status = Status.RSYSERR
        elif len(self.owed) >= self.window:
            status = Status.RX_T_APPN if self.role is Role.ESME else Status.RMSGQFUL
        else:
            self.owed.add(number)
            return Deserved((command_id | 0x80000000, 0, number), message=True)
        return Deserved((command_id | 0x80000000, status, number))
