"""Seeded floods of damaged SMPP: an event or a RemoteProtocolError, never anything else, in bounded time."""

from __future__ import annotations

import contextlib
import os
import random
import struct
from itertools import count

import pytest

from core_client.domain.secret import Secret
from sms.smpp import (
    Address,
    Bind,
    BindRequested,
    CommandId,
    Limits,
    LocalProtocolError,
    Message,
    MessageReceived,
    RemoteProtocolError,
    Role,
    Session,
    pdu,
)
from sms.text.segmentation import UnreadableError, content_of, text_of

INPUTS = 100_000 if os.environ.get("TELLERLINE_PROOF") else 6_000
pytestmark = pytest.mark.proof
SEED = int(os.environ.get("TELLERLINE_SEED", "20260302"))
COMMANDS = [int(command) for command in CommandId] + [0x00000103, 0x80000103, 0x00010200, 0xFFFFFFFF]


def _honest(chance: random.Random) -> bytes:
    message = Message(
        Address("86139" + str(chance.randrange(10**8)), 1, 1),
        Address("95500"),
        chance.randbytes(chance.randrange(160)),
        chance.choice([0, 1, 3, 4, 8, 0x10, 0xF5]),
        chance.choice([0, 4, 0x40, 0x44]),
        tlvs=tuple(
            (chance.choice([0x424, 0x20C, 0x20E, 0x20F, 0x1E, 5]), chance.randbytes(chance.randrange(6)))
            for _ in range(chance.randrange(4))
        ),
    )
    command_id = chance.choice([CommandId.DELIVER_SM, CommandId.SUBMIT_SM])
    return pdu.write(command_id, 0, chance.randrange(1, 50), message)


def _damaged(chance: random.Random) -> bytes:
    octets = bytearray(_honest(chance))
    match chance.randrange(7):
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
            octets = bytearray(
                struct.pack(
                    ">LLLL", 16 + len(body), chance.choice(COMMANDS), chance.choice([0, 0x58]), chance.randrange(60)
                )
                + body
            )
        case 5:  # a length that lies
            octets[:4] = struct.pack(">L", chance.choice([0, 15, 16, 17, len(octets) + 3, 65_536, 65_537, 2**31]))
        case _:  # more after its end
            octets += chance.randbytes(chance.randrange(30))
            octets[:4] = struct.pack(">L", len(octets))
    return bytes(octets)


def _bound(role: Role, now: float) -> Session:
    session = Session(role, now, Limits(peer_window=20))
    if role is Role.ESME:
        number = session.bind(Bind("x", Secret("y")), now)
        session.receive_data(pdu.write(CommandId.BIND_TRANSCEIVER_RESP, 0, number), now)
        session.next_event(now)
    else:
        session.receive_data(pdu.write(CommandId.BIND_TRANSCEIVER, 0, 1, Bind("x", Secret("y"))), now)
        event = session.next_event(now)
        assert isinstance(event, BindRequested)
        session.accept_bind(event, "z")
    return session


@pytest.mark.parametrize("role", list(Role))
def test_damaged_pdus_give_events_or_typed_errors_only(role: Role) -> None:
    chance = random.Random(f"{SEED}/{role.value}")
    clock = count()
    session = _bound(role, next(clock))
    closed = texts = 0
    for _ in range(INPUTS // 2):
        now = next(clock) * 0.01
        octets = _damaged(chance)
        cut = chance.randrange(len(octets) + 1)
        for piece in (octets[:cut], octets[cut:]):
            session.receive_data(piece, now)
            try:
                while (event := session.next_event(now)) is not None:
                    if isinstance(event, MessageReceived):
                        texts += 1
                        _read(event.message)
                        if chance.random() < 0.9:
                            session.respond(event.sequence_number)
                    elif isinstance(event, BindRequested):
                        session.refuse_bind(event, 0x0E)
            except RemoteProtocolError:
                closed += 1
                session = _bound(role, now)
                break
        if not session.bound:
            session = _bound(role, now)
        if chance.random() < 0.1:
            with contextlib.suppress(LocalProtocolError):
                session.send(Message(Address("1"), Address("2"), b"x"), now)
        _frames(session.data_to_send())
    assert closed > INPUTS // 400
    assert texts > INPUTS // 400


def _read(message: Message) -> None:
    with contextlib.suppress(UnreadableError):
        text_of([content_of(message)])


def _frames(octets: bytes) -> None:
    """Whatever was done to us, what we send is proper."""
    framer = pdu.Framer()
    framer.feed(octets)
    while (one := framer.next()) is not None:
        pdu.read_body(pdu.read_header(one).command_id, one)
    framer.feed(b"")
    assert framer.next() is None
