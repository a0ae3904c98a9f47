"""The struct path against smpplib's: on generated PDUs, whole and damaged, both give one result or one error."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest

from sms.smpp import Address, CommandId, LocalProtocolError, Message, RemoteProtocolError, fast, pdu
from sms.smpp.codes import RESPONSE
from sms.smpp.fast import read_message, read_message_id, write_alive, write_answer, write_message
from sms.smpp.pdu import MessageAnswer, Tlvs

PROOF = bool(os.environ.get("TELLERLINE_PROOF"))
PDUS = 1_000_000 if PROOF else 20_000  # for each test here
SEED = int(os.environ.get("TELLERLINE_SEED", "20260302"))
pytestmark = [pytest.mark.proof, pytest.mark.timeout(3600 if PROOF else 120)]
COMMANDS = (CommandId.DELIVER_SM, CommandId.SUBMIT_SM)
NAMES = ("", "CMT", "VMA", "x", "sixsix", "toolong", "NUL\0", "é")
TIMES = ("", "", "", "", "000001000000000R", "0", "260302120000004+", "260302120000004+9")
TAGS = (0x0424, 0x020C, 0x020E, 0x020F, 0x001E, 0x0005, 0x0423, 0x1400, 0xFFFF)


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """Answer what ``call`` answers, or its error as a value."""
    try:
        return call(*arguments)
    except RemoteProtocolError as error:
        return "remote", error.command_status, str(error)
    except LocalProtocolError as error:
        return "local", type(error), str(error)


def octet(chance: random.Random) -> int:
    return chance.choice((0, 0, 1, 3, 4, 8, 0x40, 0xF5, chance.randrange(256)))


def address(chance: random.Random) -> Address:
    kind = chance.random()
    if kind < 0.8:
        return Address(f"86139{chance.randrange(10**8):08d}", 1, 1)
    if kind < 0.9:
        return Address("95500", 0, 1)
    return Address(chance.choice(("", "BANK", "1" * 20, "x" * chance.randrange(21))), octet(chance), octet(chance))


def proper(chance: random.Random) -> Message:
    """Answer a message that SMPP carries; one in four has parameters that few have."""
    odd = chance.random() < 0.25
    tlvs: Tlvs = ()
    if chance.random() < 0.25:
        tlvs = tuple(
            (chance.choice(TAGS), chance.randbytes(chance.randrange(9))) for _ in range(chance.randrange(1, 5))
        )
    return Message(
        address(chance),
        address(chance),
        chance.randbytes(chance.choice((0, 1, 3, 140, 254, chance.randrange(255)))),
        octet(chance),
        octet(chance),
        octet(chance),
        chance.choice(NAMES[:4]) if odd else "",
        octet(chance) if odd else 0,
        octet(chance) if odd else 0,
        chance.choice(TIMES[:7]) if odd else "",
        chance.choice(TIMES[:7]) if odd else "",
        octet(chance) if odd else 0,
        octet(chance) if odd else 0,
        tlvs,
    )


def spoilt(chance: random.Random) -> Message:
    """Answer a message of which SMPP does not carry one parameter, or perhaps does."""
    message = proper(chance)
    name, values = chance.choice(
        (
            ("source", (Address("1" * 21), Address("号"), Address("1\0"), Address("1", 256), Address("1", 0, -1))),
            ("destination", (Address("1" * 21), Address("x" * 40), Address("1", -1), Address("1", 0, 999))),
            ("short_message", (bytes(255), bytes(400))),
            ("data_coding", (256, -1, 70_000)),
            ("esm_class", (256, -1)),
            ("registered_delivery", (256, -3)),
            ("protocol_id", (256,)),
            ("priority_flag", (300,)),
            ("replace_if_present_flag", (256,)),
            ("sm_default_msg_id", (-1,)),
            ("service_type", NAMES),
            ("schedule_delivery_time", TIMES),
            ("validity_period", TIMES),
            ("tlvs", (((0x10000, b""),), ((-1, b"x"),), ((5, bytes(65_536)),), ((5, bytes(65_500)),))),
        )
    )
    setattr(message, name, chance.choice(values))
    return message


def at_the_limits(chance: random.Random) -> bytes:
    """Answer the body of a message whose texts are about as long as they may be."""

    def text(limit: int) -> bytes:
        return b"7" * chance.choice((0, 0, 0, limit - 2, limit - 1, limit - 1, limit, limit + 1)) + b"\0"

    told, octets = chance.choice(((0, 0), (5, 5), (140, 140), (6, 5), (1, 0)))
    start = text(6) + b"\1\1" + text(21) + b"\1\1" + text(21) + bytes(3) + text(17) + text(17)
    return start + bytes((1, 0, 0, 0, told)) + bytes(octets) + chance.choice((b"", b"", b"\4\x23\0\1A"))


def damaged(chance: random.Random, octets: bytes) -> bytes:
    """Spoil a whole PDU behind its header; its length stays true, since framing sees to that."""
    body = bytearray(octets[16:])
    match chance.randrange(7):
        case 6:
            body = bytearray(at_the_limits(chance))
        case 0:
            for _ in range(chance.randrange(1, 5)):
                if body:
                    body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        case 1:
            del body[chance.randrange(len(body) + 1) :]
        case 2:
            body += chance.randbytes(chance.randrange(1, 12))
        case 3:
            body = body.replace(b"\0", chance.choice((b"\1", b"", b"\0\0")))
        case 4:
            body = bytearray(chance.randbytes(chance.randrange(80)))
        case _:
            body[: chance.randrange(20)] = b"x" * chance.randrange(30)
    return struct.pack(">L", 16 + len(body)) + octets[4:16] + bytes(body)


def read_fast(command: int, octets: bytes) -> tuple[Any, bool]:
    """Read as the session does; answer too whether the struct path did it."""
    found = outcome(read_message, octets)
    return (outcome(pdu.read_body, command, octets), False) if found is None else (found, True)


def test_messages_are_read_as_smpplib_reads_them() -> None:
    chance = random.Random(f"{SEED}/read")
    quick = errors = 0
    for number in range(PDUS):
        command = COMMANDS[number & 1]
        octets = pdu.write(command, 0, number + 1, proper(chance)) if number % 8 else b""
        if not octets:
            octets = write_message(command, number + 1, proper(chance))
        broken = number % 3 == 0
        if broken:
            octets = damaged(chance, octets)
        found, quickly = read_fast(command, octets)
        assert found == outcome(pdu.read_body, command, octets), octets.hex()
        assert quickly or broken, "what is whole needs no smpplib"
        quick += quickly
        errors += not isinstance(found, Message)
    assert quick > PDUS * 0.6
    assert errors > PDUS * 0.1


def test_messages_are_written_as_smpplib_writes_them() -> None:
    chance = random.Random(f"{SEED}/write")
    errors = 0
    for number in range(PDUS):
        message = spoilt(chance) if number % 4 == 0 else proper(chance)
        command = COMMANDS[number & 1]
        sequence = number + 1 if number % 50 else chance.choice((0, -1, 0x7FFFFFFF, 0x80000000))
        expected = outcome(pdu.write, command, 0, sequence, message)
        found = outcome(write_message, command, sequence, message)
        assert found == expected, (message, sequence, found, expected)
        errors += isinstance(expected, tuple)
    assert errors > PDUS * 0.1


def test_answers_are_read_and_written_as_the_reference_does() -> None:
    chance = random.Random(f"{SEED}/answers")
    quick = 0
    for number in range(PDUS):
        command = COMMANDS[number & 1]
        id_ = chance.choice(
            ("", f"{chance.randrange(2**32):X}", "x" * 64, "x" * 65, "é", "a-b_c" * chance.randrange(9))
        )
        status = chance.choice((0, 0, 0x58, 0x14, 0x405, 0xFFFFFFFF))
        expected = outcome(pdu.write, command | RESPONSE, status, number, MessageAnswer(id_))
        assert outcome(write_answer, command, status, number, id_) == expected
        octets = expected if isinstance(expected, bytes) else pdu.write(command | RESPONSE, 0, 1, MessageAnswer("1"))
        if number % 3 == 0:
            octets = damaged(chance, octets)
        found = read_message_id(octets)
        if found is not None:
            quick += 1
            assert MessageAnswer(found) == outcome(pdu.read_body, command | RESPONSE, octets)
    assert quick > PDUS * 0.6


def test_enquire_link_is_answered_as_the_reference_answers_it() -> None:
    for number in (1, 2, 0x7FFFFFFF):
        assert write_alive(number) == pdu.write(CommandId.ENQUIRE_LINK_RESP, 0, number)


def test_addresses_kept_for_the_next_text_have_a_bound() -> None:
    for number in range(fast.ADDRESSES_KEPT + 100):
        octets = write_message(CommandId.DELIVER_SM, 1, Message(Address(str(number)), Address("95500"), b"x"))
        assert read_message(octets) is not None
    assert fast._address.cache_info().currsize == fast.ADDRESSES_KEPT
    assert fast._c_octets.cache_info().currsize == fast.ADDRESSES_KEPT
