"""Our ESME, gateway and bank against a message centre whose PDU code is node-smpp's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core_client.adapters.valkey import open_store
from core_client.testing.world import world as open_world
from sms.gateway import SmsGateway
from sms.smpp import Limits
from tests.peers.sms.capture import captured
from tests.peers.sms.node_peer import NodeSmsc, node_smsc
from tests.unit.sms.sms_world import WANG, esme_config, gateway_on

pytestmark = [pytest.mark.peer("node"), pytest.mark.peer("tshark")]
BALANCE = "12,345.67"


@pytest.fixture
async def peers(tmp_path: Path) -> AsyncIterator[tuple[NodeSmsc, SmsGateway]]:
    """A bound gateway and its centre; at the end tshark has seen no malformed PDU of ours or theirs."""
    async with node_smsc() as smsc, captured(smsc.port, tmp_path) as capture:
        esme = esme_config(smsc.port, limits=Limits(enquire_link_interval_s=1.0))
        async with (
            open_world() as bank,
            open_store(None, tmp_path) as store,
            gateway_on(store, bank, smsc.port, esme=esme, receipts=True) as gateway,
        ):
            await smsc.event("bound")
            yield smsc, gateway
    assert await capture.show("_ws.malformed || _ws.expert.severity == error") == []
    assert len(await capture.show("smpp")) > 4
    assert not [line for line in await capture.show("smpp.command_id == 0x80000000")]


async def test_a_balance_and_a_transfer_with_its_code(peers: tuple[NodeSmsc, SmsGateway]) -> None:
    smsc, _ = peers
    assert await smsc.deliver(WANG, "BAL") == 0
    assert BALANCE in await smsc.answer(WANG)
    assert await smsc.deliver(WANG, "SEND 500 LILEI") == 0
    asked = await smsc.answer(WANG)
    assert "500.00" in asked
    code = re.search(r"\b\d{6}\b", asked)
    assert code is not None
    await smsc.deliver(WANG, code[0])
    assert "11,845.67" in await smsc.answer(WANG)
    await smsc.deliver(WANG, "BAL")
    assert "11,845.67" in await smsc.answer(WANG)


async def test_ucs2_both_ways(peers: tuple[NodeSmsc, SmsGateway]) -> None:
    smsc, _ = peers
    assert await smsc.deliver(WANG, "余额".encode("utf-16-be"), data_coding=8) == 0
    assert f"{BALANCE}元" in await smsc.answer(WANG)


async def test_a_text_in_two_parts_that_come_in_wrong_order(peers: tuple[NodeSmsc, SmsGateway]) -> None:
    smsc, _ = peers
    for number, half in ((2, "额"), (1, "余")):
        header = bytes((5, 0, 3, 0x2A, 2, number))
        assert await smsc.deliver(WANG, header + half.encode("utf-16-be"), data_coding=8, esm_class=0x40) == 0
    assert f"{BALANCE}元" in await smsc.answer(WANG)


async def test_sar_parameters_message_payload_and_vendor_parameters(peers: tuple[NodeSmsc, SmsGateway]) -> None:
    smsc, _ = peers
    for number, half in ((2, "AL"), (1, "B")):
        sar = {"sar_msg_ref_num": 7, "sar_total_segments": 2, "sar_segment_seqnum": number}
        assert await smsc.deliver(WANG, half, **sar) == 0
    assert BALANCE in await smsc.answer(WANG)
    assert await smsc.deliver(WANG, "", message_payload="MINI", dest_addr_subunit=1, alert_on_message_delivery=1) == 0
    assert "Latest" in await smsc.answer(WANG)


async def test_a_dropped_link_is_bound_again_and_nothing_is_lost_or_doubled(peers: tuple[NodeSmsc, SmsGateway]) -> None:
    smsc, gateway = peers
    await smsc.deliver(WANG, "BAL")
    await smsc.answer(WANG)
    smsc.do(do="drop")
    await smsc.event("closed")
    await smsc.event("bound")
    assert await smsc.deliver(WANG, "余额".encode("utf-16-be"), data_coding=8) == 0
    assert f"{BALANCE}元" in await smsc.answer(WANG)
    assert gateway.outbox.counts.parts_resent == 0


async def test_throttling_is_waited_out(peers: tuple[NodeSmsc, SmsGateway]) -> None:
    smsc, gateway = peers
    smsc.do(do="mode", throttle=2)
    for word in ("BAL", "MINI", "HELP"):
        await smsc.deliver(WANG, word)
        await smsc.answer(WANG)
    assert gateway.outbox.counts.throttled >= 1


@pytest.mark.parametrize("decimal", [False, True])
async def test_receipts_are_recorded(peers: tuple[NodeSmsc, SmsGateway], decimal: bool) -> None:
    smsc, gateway = peers
    smsc.do(do="mode", receipts=True, decimal=decimal)
    await smsc.deliver(WANG, "BAL")
    await smsc.answer(WANG)
    async with asyncio.timeout(10):
        while not gateway.receipts.recorded:  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0.01)


async def test_both_sides_ask_whether_the_other_is_there(peers: tuple[NodeSmsc, SmsGateway]) -> None:
    smsc, gateway = peers
    smsc.do(do="enquire")
    await smsc.event("alive")
    await asyncio.sleep(2.5)  # longer than the interval and its answer: real time, it is their clock too
    assert gateway.bound
