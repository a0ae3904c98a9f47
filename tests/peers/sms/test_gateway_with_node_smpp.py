"""The whole gateway on an SMSC of node-smpp's code that does what carriers' do: every text ends as that SMSC says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core_client.adapters import demo_world
from sms.messages import State
from sms.operators import LongTexts
from sms.smpp import Status
from tellerline.bootstrap import Node
from tests.peers.sms.bank_line import BANK, WANG, Ledger, account_of, bank_line, number_of, settled, yuan
from tests.peers.sms.capture import capturing
from tests.peers.sms.found import Wireshark
from tests.peers.sms.node_smsc import PASSWORD, SYSTEM_ID, NodeSmsc

pytestmark = pytest.mark.peer("node")

HIM = number_of(WANG)
LINES = [who for who in demo_world.CUSTOMERS if who.line is not None and who.accounts]
HEX_THEN_DECIMAL = {"resp_id": "hex", "receipts": "decimal"}


@asynccontextmanager
async def gateway(smsc: NodeSmsc, folder: Path, *, window: int = 5, **operator: Any) -> AsyncIterator[Node]:
    """A node with one operator, which is as ``operator`` says."""
    bind = {"host": "127.0.0.1", "port": smsc.port, "system_id": SYSTEM_ID, "password": PASSWORD, "window": window}
    whole = {"name": "node", "binds": [{**bind, "response_timeout_s": 1.0}], **operator}
    async with bank_line(folder, smsc.port, SYSTEM_ID, PASSWORD, host=None, operators=[whole]) as node:
        await smsc.wait_bound()
        yield node


async def states(node: Node, number: str) -> list[State | None]:
    """The states of all texts to a number, the oldest first."""
    assert node.texting is not None
    lives = node.texting.lives
    found = [await lives.life(id_) for id_ in await lives.find(number)]
    return [life.state for life in reversed(found) if life is not None and not life.received]


async def ended(node: Node, number: str, wanted: list[State], within_s: float = 15.0) -> None:
    """Return when the texts to a number are as ``wanted``."""
    try:
        async with asyncio.timeout(within_s):
            while await states(node, number) != wanted:  # noqa: ASYNC110 - a store tells nobody that it grew
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{await states(node, number)} instead of {wanted}") from None


async def ask_all(smsc: NodeSmsc, times: int, text: str = "BAL") -> None:
    async with asyncio.TaskGroup() as group:
        for who in LINES:
            group.create_task(ask_often(smsc, number_of(who), times, text))


async def ask_often(smsc: NodeSmsc, number: str, times: int, text: str) -> None:
    for time in range(times):
        await smsc.deliver(number, BANK, text + " " * time)  # equal texts would be copies of one


@pytest.mark.parametrize("status", [Status.RTHROTTLED, Status.RMSGQFUL])
async def test_everything_arrives_once_though_every_fifth_is_throttled(
    node_smsc: NodeSmsc, tmp_path: Path, status: int
) -> None:
    async with gateway(node_smsc, tmp_path, receipts=True, receipt_ids="hex_then_decimal") as node:
        await node_smsc.behave(throttle_every=5, throttle_status=status, **HEX_THEN_DECIMAL)
        await ask_all(node_smsc, 5)
        for who in LINES:
            await ended(node, number_of(who), [State.DELIVERED] * 5, 40)
        await settled(node, node_smsc)
        assert len(node_smsc.received) == 5 * len(LINES)
        assert len(node_smsc.all("throttled")) >= len(LINES)
        ledger = Ledger(tmp_path)
        for who in LINES:
            texts = [one.text for one in node_smsc.received if one.to == number_of(who).removeprefix("+")]
            assert len(texts) == 5
            assert all(yuan(ledger.booked(account_of(who))) in text for text in texts)


@pytest.mark.parametrize(
    "manners",
    [
        HEX_THEN_DECIMAL,
        {"resp_id": "decimal", "receipts": "hex", "receipt_early": True},
        {**HEX_THEN_DECIMAL, "receipt_copies": 3, "odd_tlvs": True, "vendor_tlv": True},
        {**HEX_THEN_DECIMAL, "receipt_form": "text"},
        {**HEX_THEN_DECIMAL, "receipt_form": "tlv", "receipt_early": True},
        {"resp_id": "hex", "receipts": "hex", "receipt_form": "lower"},
        {"resp_id": "hex", "receipts": "decimal", "receipt_form": "short"},
    ],
    ids=["other base", "other base and early", "three times, odd TLVs", "text", "TLVs, early", "lower case", "short"],
)
async def test_every_text_ends_as_its_receipt_says(
    node_smsc: NodeSmsc, tmp_path: Path, manners: dict[str, Any]
) -> None:
    async with gateway(node_smsc, tmp_path, receipts=True) as node:
        await node_smsc.behave(**manners, receipt_states=["DELIVRD", "UNDELIV", "EXPIRED", "REJECTD"])
        wanted = [State.DELIVERED, State.UNDELIVERABLE, State.EXPIRED, State.REJECTED]
        for count in range(1, 5):
            await ask_often(node_smsc, HIM, 1, "BAL" + " " * count)
            await ended(node, HIM, wanted[:count])
        await settled(node, node_smsc)
        assert len(node_smsc.received) == 4


async def test_a_text_is_delivered_when_all_its_parts_are(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with gateway(node_smsc, tmp_path, receipts=True) as node:
        await node_smsc.behave(**HEX_THEN_DECIMAL)
        await node_smsc.deliver(HIM, BANK, "MINI")
        await ended(node, HIM, [State.DELIVERED])
        parts = (await node_smsc.receive(HIM)).parts
        assert parts > 1
        await node_smsc.behave(receipt_states=["UNDELIV"] + ["DELIVRD"] * (parts - 1))
        await node_smsc.deliver(HIM, BANK, "MINI ")
        await ended(node, HIM, [State.DELIVERED, State.UNDELIVERABLE])


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ([0x400], State.REJECTED),  # a vendor's own
        ([Status.RINVDSTADR], State.REJECTED),
        ([Status.RSUBMITFAIL, Status.RX_T_APPN], State.ACCEPTED),  # it passes
        ([Status.RMSGQFUL, Status.RTHROTTLED, Status.RMSGQFUL], State.ACCEPTED),
    ],
)
async def test_statuses_for_good_and_for_the_moment_are_told_apart(
    node_smsc: NodeSmsc, tmp_path: Path, statuses: list[int], state: State
) -> None:
    async with gateway(node_smsc, tmp_path) as node:
        await node_smsc.behave(statuses=statuses)
        await node_smsc.deliver(HIM, BANK, "BAL")
        await ended(node, HIM, [state])
        await node_smsc.deliver(HIM, BANK, "HELP")
        await ended(node, HIM, [state, State.ACCEPTED])
        await settled(node, node_smsc)
        assert len(node_smsc.received) == (2 if state is State.ACCEPTED else 1)


@pytest.mark.parametrize(("status", "state"), [(Status.RSYSERR, State.ACCEPTED), (Status.RINVCMDID, State.REJECTED)])
async def test_a_generic_nack_is_an_answer_like_another(
    node_smsc: NodeSmsc, tmp_path: Path, status: int, state: State
) -> None:
    async with gateway(node_smsc, tmp_path) as node:
        await node_smsc.behave(nack_every=1, nack_status=status)
        await node_smsc.deliver(HIM, BANK, "BAL")
        await node_smsc.event("refused_by_nack")
        await node_smsc.behave(nack_every=0)
        await ended(node, HIM, [state])
        assert len(node_smsc.all("bound")) == 1


@pytest.mark.parametrize("manner", ["drop_at_submit", "drop_at_answer"])
async def test_a_link_that_breaks_in_mid_window_costs_no_text(node_smsc: NodeSmsc, tmp_path: Path, manner: str) -> None:
    async with gateway(node_smsc, tmp_path, receipts=True, receipt_ids="hex_then_decimal") as node:
        await node_smsc.behave(**HEX_THEN_DECIMAL, answer_after_ms=20)
        for count in range(2, 5):
            await node_smsc.behave(**{manner: 3})
            await ask_all(node_smsc, 1, "BAL" + " " * 10 * count)
            await node_smsc.event("bound", count=count)
        for who in LINES:
            await ended(node, number_of(who), [State.DELIVERED] * 3, 30)
        await settled(node, node_smsc)
        to = {one.to for one in node_smsc.received}
        assert to == {number_of(who).removeprefix("+") for who in LINES}
        # Answers do no harm twice: what nobody acknowledged went again, and nothing else did.
        assert 3 * len(LINES) <= len(node_smsc.received) <= 3 * (len(LINES) + 5)


async def test_an_answer_that_was_taken_and_never_acknowledged_goes_again(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with gateway(node_smsc, tmp_path) as node:
        await node_smsc.behave(swallow=1)
        await node_smsc.deliver(HIM, BANK, "BAL")
        first, again = await node_smsc.receive(HIM), await node_smsc.receive(HIM)
        assert first.text == again.text
        await node_smsc.behave(lose=1)
        await node_smsc.deliver(HIM, BANK, "HELP")
        assert "BAL" in (await node_smsc.receive(HIM)).text
        await ended(node, HIM, [State.ACCEPTED] * 2)


@pytest.mark.peer("tshark")
@pytest.mark.parametrize("long_texts", LongTexts)
async def test_long_texts_go_both_ways_as_the_operator_marks_them_and_are_legal(
    node_smsc: NodeSmsc, wireshark: Wireshark, tmp_path: Path, long_texts: LongTexts
) -> None:
    async with capturing(wireshark, node_smsc.port, tmp_path) as capture:
        async with gateway(node_smsc, tmp_path, receipts=True, long_texts=long_texts) as node:
            await node_smsc.behave(**HEX_THEN_DECIMAL, odd_tlvs=True)
            order = (1,) if long_texts is LongTexts.PAYLOAD else (3, 1, 2)
            await node_smsc.deliver(HIM, BANK, "MINI" + " " * 300, how=long_texts.value, order=order)
            answer = await node_smsc.receive(HIM)
            assert answer.how == long_texts.value
            assert answer.text.count("CNY") == 5
            await node_smsc.deliver(HIM, BANK, "余额", encoding="ucs2")
            assert (await node_smsc.receive(HIM)).data_coding == 8
            await ended(node, HIM, [State.DELIVERED] * 2)
        await node_smsc.event("unbound")
        await capture.flush()
        assert await capture.malformed() == []
        assert await capture.refused() == []
