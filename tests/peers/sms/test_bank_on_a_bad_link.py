"""The whole server on an SMSC that breaks off, repeats itself, is slow, refuses and reports in odd ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core_client.adapters import demo_world
from tellerline.bootstrap import Node
from tests.peers.sms.bank_line import BANK, WANG, Ledger, account_of, bank_line, code_in, number_of, settled, yuan
from tests.peers.sms.node_smsc import PASSWORD, SYSTEM_ID, NodeSmsc

pytestmark = pytest.mark.peer("node")

WANGS, HIM = account_of(WANG), number_of(WANG)


@asynccontextmanager
async def texting(smsc: NodeSmsc, folder: Path, **sms: Any) -> AsyncIterator[tuple[Node, Ledger]]:
    async with bank_line(folder, smsc.port, SYSTEM_ID, PASSWORD, **sms) as node:
        await smsc.wait_bound()
        yield node, Ledger(folder)


async def test_a_link_dropped_between_question_and_code_changes_nothing(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (node, ledger):
        await node_smsc.deliver(HIM, BANK, "SEND 100 LILEI")
        offer = await node_smsc.receive(HIM)
        await node_smsc.drop()
        await node_smsc.event("bound", count=2)
        await node_smsc.deliver(HIM, BANK, code_in(offer.text))
        assert "Transfer complete" in (await node_smsc.receive(HIM)).text
        await settled(node, node_smsc)
        assert (ledger.transfers(), node_smsc.received) == (1, [])


async def test_an_answer_that_the_link_broke_under_arrives_once_on_the_next(
    node_smsc: NodeSmsc, tmp_path: Path
) -> None:
    async with texting(node_smsc, tmp_path) as (node, ledger):
        await node_smsc.behave(drop_at_submit=1)
        await node_smsc.deliver(HIM, BANK, "SEND 100 LILEI")
        offer = await node_smsc.receive(HIM)
        assert len(node_smsc.all("bound")) == 2
        await node_smsc.behave(drop_at_submit=1)
        await node_smsc.deliver(HIM, BANK, code_in(offer.text))
        assert "Transfer complete" in (await node_smsc.receive(HIM)).text
        await settled(node, node_smsc)
        assert len(node_smsc.all("bound")) == 3
        assert (ledger.transfers(), node_smsc.received) == (1, [])


async def test_parts_that_were_taken_before_the_link_broke_join_with_those_after_it(
    node_smsc: NodeSmsc, tmp_path: Path
) -> None:
    async with texting(node_smsc, tmp_path, window=1) as (node, _):
        await node_smsc.behave(drop_at_submit=3)
        await node_smsc.deliver(HIM, BANK, "MINI")
        answer = await node_smsc.receive(HIM)
        assert answer.parts >= 3
        assert answer.text.count("CNY") == 5
        await settled(node, node_smsc)
        assert len(node_smsc.all("submitted")) == answer.parts  # none was sent twice


async def test_parts_that_were_taken_before_a_restart_are_not_sent_again(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path, window=1):
        await node_smsc.stop_listening()
        await node_smsc.behave(drop_at_submit=3)
        await node_smsc.deliver(HIM, BANK, "MINI")
        await node_smsc.event("dropped")
    await node_smsc.listen()
    async with texting(node_smsc, tmp_path, window=1) as (node, _):
        answer = await node_smsc.receive(HIM)
        assert answer.text.count("CNY") == 5
        await settled(node, node_smsc)
        assert len(node_smsc.all("submitted")) == answer.parts >= 3


async def test_an_answer_taken_but_not_acknowledged_comes_again_and_money_still_moves_once(
    node_smsc: NodeSmsc, tmp_path: Path
) -> None:
    async with texting(node_smsc, tmp_path) as (node, ledger):
        await node_smsc.deliver(HIM, BANK, "SEND 100 LILEI")
        code = code_in((await node_smsc.receive(HIM)).text)
        await node_smsc.behave(drop_at_answer=1)
        await node_smsc.deliver(HIM, BANK, code)
        first = await node_smsc.receive(HIM)
        again = await node_smsc.receive(HIM)  # the SMSC may not have had it: at least once is what can be promised
        assert first.text == again.text
        assert "Transfer complete" in first.text
        await settled(node, node_smsc)
        assert (ledger.transfers(), node_smsc.received) == (1, [])


async def test_a_text_whose_acknowledgement_was_lost_is_acknowledged_again_and_worked_on_once(
    node_smsc: NodeSmsc, tmp_path: Path
) -> None:
    async with texting(node_smsc, tmp_path) as (node, ledger):
        await node_smsc.behave(drop_at_ack=1)
        assert await node_smsc.deliver(HIM, BANK, "SEND 100 LILEI") == 2
        code = code_in((await node_smsc.receive(HIM)).text)
        await node_smsc.behave(drop_at_ack=1)
        assert await node_smsc.deliver(HIM, BANK, code) == 2
        assert "Transfer complete" in (await node_smsc.receive(HIM)).text
        await settled(node, node_smsc)
        assert (ledger.transfers(), node_smsc.received) == (1, [])


async def test_an_answer_waits_for_an_smsc_that_is_away_and_survives_a_restart(
    node_smsc: NodeSmsc, tmp_path: Path
) -> None:
    async with texting(node_smsc, tmp_path) as (node, _):
        await node_smsc.behave(drop_at_submit=1)
        await node_smsc.stop_listening()
        await node_smsc.deliver(HIM, BANK, "BAL")
        await node_smsc.event("dropped")
        assert node.texting is not None
        assert len(node.texting.outbox) == 1
    await node_smsc.listen()
    async with texting(node_smsc, tmp_path) as (node, ledger):
        assert yuan(ledger.booked(WANGS)) in (await node_smsc.receive(HIM)).text
        await settled(node, node_smsc)
        assert node_smsc.received == []


@pytest.mark.parametrize("status", [0x58, 0x14], ids=["ESME_RTHROTTLED", "ESME_RMSGQFUL"])
async def test_what_was_throttled_is_sent_later_and_once(node_smsc: NodeSmsc, tmp_path: Path, status: int) -> None:
    async with texting(node_smsc, tmp_path) as (node, ledger):
        await node_smsc.behave(throttle_every=2, throttle_status=status, answer_after_ms=20)
        lines = [who for who in demo_world.CUSTOMERS if who.line is not None and who.accounts]
        async with asyncio.TaskGroup() as group:
            for who in lines:
                group.create_task(node_smsc.deliver(number_of(who), BANK, "BAL"))
        for who in lines:
            answer = await node_smsc.receive(number_of(who), timeout_s=30)
            assert yuan(ledger.booked(account_of(who))) in answer.text
        await settled(node, node_smsc)
        assert node_smsc.received == []
        assert node_smsc.all("throttled")


async def test_a_slow_smsc_never_has_more_under_way_than_the_window(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path, window=2) as (node, _):
        await node_smsc.behave(answer_after_ms=200)
        lines = [who for who in demo_world.CUSTOMERS if who.line is not None]
        async with asyncio.TaskGroup() as group:
            for who in lines:
                group.create_task(node_smsc.deliver(number_of(who), BANK, "BAL"))
        await settled(node, node_smsc)
        assert {text.to for text in node_smsc.received} == {number_of(who).removeprefix("+") for who in lines}
        most = max(event["under_way"] for event in node_smsc.all("submitted"))
        assert most == 2


@pytest.mark.parametrize(
    "manners",
    [
        {"resp_id": "hex", "receipts": "decimal"},
        {"resp_id": "decimal", "receipts": "hex", "receipt_early": True},
        {"resp_id": "hex", "receipts": "hex", "receipt_copies": 3, "vendor_tlv": True},
    ],
    ids=["decimal receipts of hex ids", "receipts before their ids", "receipts three times, with a vendor's TLV"],
)
async def test_receipts_are_recorded_and_never_taken_for_texts(
    node_smsc: NodeSmsc, tmp_path: Path, manners: dict[str, Any]
) -> None:
    async with texting(node_smsc, tmp_path, receipts=True) as (node, ledger):
        await node_smsc.behave(**manners)
        await node_smsc.deliver(HIM, BANK, "BAL")
        assert yuan(ledger.booked(WANGS)) in (await node_smsc.receive(HIM)).text
        copies = manners.get("receipt_copies", 1)
        await node_smsc.event("answered", count=1 + copies, status=0)
        await settled(node, node_smsc)
        assert node_smsc.received == []
        assert node.texting is not None
        assert node.texting.receipts.recorded == copies


async def test_a_stopping_node_answers_what_it_has_and_unbinds(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (node, _):
        await node_smsc.behave(answer_after_ms=300)
        await node_smsc.deliver(HIM, BANK, "BAL")
        assert await node.drain(10)
        await node_smsc.behave()
        assert len(node_smsc.received) == 1
    await node_smsc.event("unbound")
