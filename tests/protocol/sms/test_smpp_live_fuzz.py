"""A live link under damaged PDUs: what SMPP lets it survive, it survives, and still answers what comes next."""

from __future__ import annotations

import asyncio
import os
import random
import struct

import pytest

from core_client.domain.secret import Secret
from sms.binds.esme import Esme, Respond
from sms.operators import BindSettings
from sms.smpp import Address, CommandId, Limits, Message, Role, Status, pdu
from sms.smpp.pdu import BindAnswer
from tests.protocol.sms.damage import NUMBERS, Peer, damaged, frame, frames

PROOF = bool(os.environ.get("TELLERLINE_PROOF"))
INPUTS = 30_000 if PROOF else 1_500
SEED = int(os.environ.get("TELLERLINE_SEED", "20260302"))
pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800 if PROOF else 120)]
TEXT = Message(Address("8613900000001", 1, 1), Address("95500"), b"BAL")
FIRST_PROBE = NUMBERS + 100  # sequence numbers of probes; damaged PDUs have lower ones


class Centre:
    """The least of a message centre: it lets an ESME in, writes any octets, and reads what comes back."""

    def __init__(self) -> None:
        self.bound = asyncio.Event()
        self.binds = 0
        self._writer: asyncio.StreamWriter
        self._reader: asyncio.StreamReader

    async def let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = await reader.readexactly(16)
        await reader.readexactly(int.from_bytes(header[:4], "big") - 16)
        number = int.from_bytes(header[12:16], "big")
        writer.write(pdu.write(CommandId.BIND_TRANSCEIVER_RESP, 0, number, BindAnswer("centre")))
        self._reader, self._writer = reader, writer
        self.binds += 1
        self.bound.set()

    def write(self, octets: bytes) -> None:
        self._writer.write(octets)

    async def answer(self) -> tuple[int, int, int] | None:
        """Answer the next PDU's command, status and sequence number; None when the connection has ended."""
        try:
            header = await self._reader.readexactly(16)
            await self._reader.readexactly(int.from_bytes(header[:4], "big") - 16)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return None
        command_id, status, number = struct.unpack(">LLL", header[4:])
        return command_id, status, number

    async def gone(self) -> None:
        self.bound.clear()
        self._writer.close()
        await self.bound.wait()

    def close(self) -> None:
        self._writer.close()


async def test_a_live_link_survives_what_smpp_lets_it_survive_and_answers_the_next_pdu() -> None:
    chance = random.Random(f"{SEED}/live")
    centre = Centre()
    survived = ended = 0

    def take(_message: Message, _link: str, respond: Respond) -> None:
        respond(Status.ROK)

    async with await asyncio.start_server(centre.let_in, "127.0.0.1", 0) as server:
        settings = BindSettings(
            "one",
            "127.0.0.1",
            server.sockets[0].getsockname()[1],
            "tellerline",
            Secret("demo"),
            limits=Limits(enquire_link_interval_s=3600),
            backoff_first_s=0.001,
            backoff_max_s=0.001,
        )
        async with Esme(settings, "north", take).running(drain_s=0) as bind:
            await centre.bound.wait()
            for number in range(FIRST_PROBE, FIRST_PROBE + 2 * INPUTS, 2):
                whole, rest, lost = frames(damaged(chance))
                if rest and not lost:
                    continue  # the end of an endless PDU is waited for, as it must be
                peer = Peer(Role.ESME, Limits().peer_window)
                ends = lost
                for one in whole:
                    deserved = peer.deserves(one)
                    peer.owed.clear()  # each is answered at once
                    centre.write(one)
                    if deserved.answer is not None:
                        assert await centre.answer() == deserved.answer
                    if deserved.ends:
                        ends = True
                        break
                else:
                    if lost:
                        centre.write(rest)
                        assert await centre.answer() == (CommandId.GENERIC_NACK, Status.RINVCMDLEN, 0)
                if ends:
                    ended += 1
                    assert await centre.answer() is None, "this one ends the session"
                    await centre.gone()
                    continue
                survived += 1
                centre.write(
                    frame(CommandId.ENQUIRE_LINK, number) + pdu.write(CommandId.DELIVER_SM, 0, number + 1, TEXT)
                )
                answers = {await centre.answer(), await centre.answer()}
                assert answers == {
                    (CommandId.ENQUIRE_LINK_RESP, 0, number),
                    (CommandId.DELIVER_SM_RESP, 0, number + 1),
                }
            assert bind.bound
            assert centre.binds == ended + 1, "no link ended that need not have"
            centre.close()
    assert survived > INPUTS // 2
    assert ended > INPUTS // 30
