"""Seeded floods of damaged SMPP: each piece gets the answer that SMPP gives it, in bounded time and memory.

``TELLERLINE_PROOF=1`` sends a million, otherwise a fixed fewer; ``TELLERLINE_SEED`` sends others.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import tracemalloc
from itertools import count

import pytest

from core_client.domain.secret import Secret
from sms.smpp import (
    Address,
    Bind,
    BindRequested,
    CommandId,
    Event,
    Limits,
    Message,
    MessageReceived,
    PduRejected,
    RemoteProtocolError,
    Role,
    Session,
    State,
    Status,
    WindowFull,
    fast,
    pdu,
)
from sms.text.segmentation import UnreadableError, content_of, text_of
from tests.protocol.sms.damage import Peer, damaged, frames

PROOF = bool(os.environ.get("TELLERLINE_PROOF"))
INPUTS = 1_000_000 if PROOF else 8_000
WINDOW = 20
GROWTH_OCTETS = 64 * 1024  # of what is held after a tenth of the run and at its end: noise of the interpreter
SEED = int(os.environ.get("TELLERLINE_SEED", "20260302"))
pytestmark = [pytest.mark.proof, pytest.mark.timeout(3600 if PROOF else 120)]


class Victim:
    """A bound session and what its peer may expect of it."""

    def __init__(self, role: Role, chance: random.Random) -> None:
        self.role = role
        self.chance = chance
        self.clock = count()
        self.lost = self.texts = self.refusals = 0
        self.renew()

    def renew(self) -> None:
        now = next(self.clock) * 0.01
        self.session = session = Session(self.role, now, Limits(peer_window=WINDOW))
        self.peer = Peer(self.role, WINDOW)
        if self.role is Role.ESME:
            number = session.bind(Bind("x", Secret("y")), now)
            session.receive_data(pdu.write(CommandId.BIND_TRANSCEIVER_RESP, 0, number), now)
            session.next_events(now)
        else:
            session.receive_data(pdu.write(CommandId.BIND_TRANSCEIVER, 0, 1, Bind("x", Secret("y"))), now)
            (event,) = session.next_events(now)
            assert isinstance(event, BindRequested)
            session.accept_bind(event, "z")
        assert session.state is State.BOUND_TRX
        session.data_to_send()

    def suffer(self, octets: bytes) -> None:
        """Take a stream that may hold several PDUs, in pieces, and answer each as it deserves."""
        whole, rest, lost = frames(octets)
        for one in whole:
            if not self._take(one):
                self.renew()
                return
        if lost:
            self._lose(rest)
        if rest:
            self.renew()  # the peer lied about a length: what it says next means nothing

    def _take(self, octets: bytes) -> bool:
        """Answer whether the session goes on."""
        deserved = self.peer.deserves(octets)
        events = self._feed(octets)
        answers = []
        for event in events:
            if isinstance(event, MessageReceived):
                assert deserved.message
                self.texts += 1
                with contextlib.suppress(UnreadableError):
                    text_of([content_of(event.message)])
                if self.chance.random() < 0.9:
                    self.session.respond(event.sequence_number)
                    self.peer.owed.discard(event.sequence_number)
                else:
                    deserved.answer = None
        framer = pdu.Framer()
        framer.feed(self.session.data_to_send())
        while (sent := framer.next()) is not None:
            header = pdu.read_header(sent)
            pdu.read_body(header.command_id, sent)  # whatever was done to us, what we send is proper
            answers.append((header.command_id, header.command_status, header.sequence_number))
        assert answers == ([] if deserved.answer is None else [deserved.answer]), octets.hex()
        if deserved.answer is not None and deserved.answer[1]:
            self.refusals += 1
            (event,) = events
            assert isinstance(event, PduRejected), octets.hex()
            assert event.command_status == deserved.answer[1]
        return not deserved.ends

    def _feed(self, octets: bytes) -> list[Event]:
        now = next(self.clock) * 0.01
        cut = self.chance.randrange(len(octets) + 1)
        found: list[Event] = []
        for piece in (octets[:cut], octets[cut:]):
            self.session.receive_data(piece, now)
            while events := self.session.next_events(now):
                found += events
        return found

    def _lose(self, octets: bytes) -> None:
        self.lost += 1
        with pytest.raises(RemoteProtocolError) as caught:
            self._feed(octets)
        assert caught.value.command_status == Status.RINVCMDLEN
        nack = pdu.read_header(self.session.data_to_send())
        assert nack == pdu.Header(CommandId.GENERIC_NACK, Status.RINVCMDLEN, 0)
        assert self.session.state is State.CLOSED

    def ask(self) -> None:
        """Have requests of our own under way, so that damaged answers meet them."""
        now = next(self.clock) * 0.01
        with contextlib.suppress(WindowFull):
            self.session.send(Message(Address("1"), Address("2"), b"x"), now)
        self.session.data_to_send()


@pytest.mark.parametrize("role", list(Role))
def test_damaged_pdus_get_what_they_deserve_and_leave_nothing_behind(role: Role) -> None:
    chance = random.Random(f"{SEED}/{role.value}")
    victim = Victim(role, chance)
    rounds = INPUTS // 2
    tracemalloc.start(1)
    try:
        held = 0
        for number in range(rounds):
            if number == rounds // 10:
                held = _held()
            victim.suffer(damaged(chance))
            if chance.random() < 0.1:
                victim.ask()
        growth = _held() - held
    finally:
        tracemalloc.stop()
    assert growth < GROWTH_OCTETS, f"{growth} octets more are held after {rounds} damaged PDUs than after a tenth"
    assert victim.lost > rounds // 50
    assert victim.texts > rounds // 20
    assert victim.refusals > rounds // 10


def _held() -> int:
    """Answer how many octets are held, but for the addresses that are kept on purpose, with a bound of their own."""
    fast._address.cache_clear()
    fast._c_octets.cache_clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
