"""Every octet that we put on the wire, judged by Wireshark's SMPP dissector, which none of us wrote."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from sms.smpp import Limits, Status
from sms.testing.fake_smsc import FakeSmsc
from tests.peers.sms import kannel as kannels
from tests.peers.sms.bank_line import BANK, SMITH, WANG, bank_line, code_in, number_of, settled
from tests.peers.sms.capture import capturing
from tests.peers.sms.found import Kannel, Wireshark
from tests.peers.sms.node_smsc import PASSWORD, SYSTEM_ID, NodeSmsc

pytestmark = pytest.mark.peer("tshark")

HIM = number_of(WANG)


@pytest.mark.peer("node")
async def test_a_whole_conversation_with_node_smpp_is_legal_smpp(
    node_smsc: NodeSmsc, wireshark: Wireshark, tmp_path: Path
) -> None:
    async with capturing(wireshark, node_smsc.port, tmp_path) as capture:
        async with bank_line(tmp_path, node_smsc.port, SYSTEM_ID, PASSWORD, receipts=True, enquire_link_s=1) as node:
            await node_smsc.wait_bound()
            await node_smsc.behave(vendor_tlv=True, resp_id="hex", receipts="decimal")
            await node_smsc.deliver(HIM, BANK, "BAL")
            await node_smsc.deliver(HIM, BANK, "余额", encoding="ucs2")
            await node_smsc.deliver(HIM, BANK, "MINI" + " " * 300, how="udh8", order=(3, 1, 2))
            await node_smsc.deliver(number_of(SMITH), BANK, "BAL" + " " * 200, how="sar", order=(2, 1))
            await node_smsc.deliver(number_of(SMITH), BANK, "HELP" + " " * 300, how="payload")
            await settled(node, node_smsc)
            assert len(node_smsc.received) == 5
            node_smsc.received.clear()
            await node_smsc.deliver(HIM, BANK, "SEND 100 LILEI")
            await node_smsc.deliver(HIM, BANK, code_in((await node_smsc.receive(HIM)).text))
            assert "complete" in (await node_smsc.receive(HIM)).text
            await node_smsc.enquire()
            await node_smsc.event("enquired")
        await node_smsc.event("unbound")
        await capture.flush()
        assert await capture.malformed() == []
        assert await capture.refused() == []
        seen = await capture.commands()
        submits, receipts = seen["submit_sm"], len(node_smsc.all("submitted"))
        assert submits == receipts == seen["submit_sm_resp"] > 10
        texts_in_parts = 1 + 1 + 3 + 2 + 1 + 1 + 1
        assert seen["deliver_sm"] == seen["deliver_sm_resp"] == texts_in_parts + receipts
        assert seen["bind_transceiver"] == seen["bind_transceiver_resp"] == 1
        assert seen["unbind"] == seen["unbind_resp"] == 1
        assert seen["enquire_link"] == seen["enquire_link_resp"] >= 2
        assert "generic_nack" not in seen


@pytest.mark.peer("node")
async def test_only_what_was_throttled_is_refused_on_a_bad_link(
    node_smsc: NodeSmsc, wireshark: Wireshark, tmp_path: Path
) -> None:
    async with capturing(wireshark, node_smsc.port, tmp_path) as capture:
        async with bank_line(tmp_path, node_smsc.port, SYSTEM_ID, PASSWORD) as node:
            await node_smsc.wait_bound()
            await node_smsc.behave(throttle_every=3)
            await node_smsc.deliver(HIM, BANK, "MINI")
            await settled(node, node_smsc)
            await node_smsc.behave(throttle_every=0, drop_at_submit=1)
            await node_smsc.deliver(HIM, BANK, "BAL")
            await node_smsc.event("bound", count=2)
            await settled(node, node_smsc)
        await capture.flush()
        assert await capture.malformed() == []
        refused = [pdu for pdu in await capture.pdus() if pdu.status]
        assert {(pdu.command, pdu.status) for pdu in refused} == {("submit_sm_resp", Status.RTHROTTLED)}
        assert len(refused) == len(node_smsc.all("throttled")) == len(await capture.refused())


@pytest.mark.peer("kannel")
async def test_kannels_conversation_with_our_centre_is_legal_smpp(
    kannel: Kannel, wireshark: Wireshark, tmp_path: Path
) -> None:
    limits = Limits(window=10, enquire_link_interval_s=1)
    async with (
        FakeSmsc(system_id=kannels.SYSTEM_ID, password=kannels.PASSWORD, limits=limits) as smsc,
        capturing(wireshark, smsc.port, tmp_path) as capture,
    ):
        smsc.behaviour.receipts = True
        async with kannels.running_kannel(kannel, tmp_path, smsc.port) as esme:
            await smsc.wait_bound()
            long = "可用余额：12,345.67元。" * 12
            for text in ("BAL", "余额", long):
                await smsc.deliver(HIM, BANK, text)
                assert (await esme.receive()).text == text
            await esme.send(BANK, HIM, "with a receipt", receipt=True)
            await esme.send(BANK, HIM, long, ucs2=True)
            await smsc.receive(to=HIM, contains="receipt")
            assert (await smsc.receive(to=HIM, contains="余额")).text == long
            await esme.reported("1")
        await capture.flush()
        assert await capture.malformed() == []
        assert await capture.refused() == []
        seen = await capture.commands()
        assert seen["bind_transceiver"] == seen["bind_transceiver_resp"] == 1
        assert seen["submit_sm"] == seen["submit_sm_resp"] == 1 + 3
        assert seen["deliver_sm"] == seen["deliver_sm_resp"] == 2 + 3 + 1
        assert smsc.rejected == []


async def test_our_refusals_are_legal_smpp_too(wireshark: Wireshark, tmp_path: Path) -> None:
    def pdu(command: int, number: int, body: bytes = b"") -> bytes:
        return struct.pack(">IIII", 16 + len(body), command, 0, number) + body

    bind = b"tellerline\0wrong\0\0\x34\0\0\0"
    async with FakeSmsc() as smsc, capturing(wireshark, smsc.port, tmp_path) as capture:
        reader, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
        writer.write(pdu(0x4, 1, bytes(33)))  # submit_sm before the bind
        writer.write(pdu(0x77, 2))  # no command of SMPP 3.4
        writer.write(pdu(0x9, 3, bind))  # the wrong password
        async with asyncio.timeout(10):
            answers = [await reader.readexactly(16) for _ in range(3)]
        writer.close()
        await writer.wait_closed()
        assert [struct.unpack(">IIII", answer)[3] for answer in answers] == [1, 2, 3]
        await capture.flush()
        assert await capture.malformed() == []
        statuses = {pdu.command: pdu.status for pdu in await capture.pdus() if pdu.status}
        assert statuses == {
            "submit_sm_resp": Status.RINVBNDSTS,
            "generic_nack": Status.RINVCMDID,
            "bind_transceiver_resp": Status.RINVPASWD,
        }


async def test_the_judge_does_find_a_malformed_pdu(wireshark: Wireshark, tmp_path: Path) -> None:
    """Without this one, a judge that is asleep would pass all the others."""
    async with FakeSmsc() as smsc, capturing(wireshark, smsc.port, tmp_path) as capture:
        _, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
        unended = b"a system_id without its end"
        writer.write(struct.pack(">IIII", 16 + len(unended), 0x9, 0, 1) + unended)
        await writer.drain()
        await capture.flush()
        writer.close()
        await writer.wait_closed()
        assert len(await capture.malformed()) == 1
