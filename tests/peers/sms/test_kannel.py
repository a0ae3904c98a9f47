"""Our fake SMSC against Kannel: an ESME whose code none of us wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sms.smpp import Limits
from sms.testing.fake_smsc import Behaviour, FakeSmsc
from tests.peers.sms.found import Kannel
from tests.peers.sms.kannel import ID_TYPES, PASSWORD, SYSTEM_ID, KannelEsme, Text, running_kannel

pytestmark = pytest.mark.peer("kannel")

WANG, BANK = "+8613900000001", "95500"


@asynccontextmanager
async def bound(found: Kannel, folder: Path, *, id_type: str = "") -> AsyncIterator[tuple[FakeSmsc, KannelEsme]]:
    limits = Limits(window=10, enquire_link_interval_s=1)
    async with (
        FakeSmsc(system_id=SYSTEM_ID, password=PASSWORD, behaviour=Behaviour(), limits=limits) as smsc,
        running_kannel(found, folder, smsc.port, id_type) as kannel_esme,
    ):
        await smsc.wait_bound()
        yield smsc, kannel_esme
        assert not smsc.rejected


LONG_ENGLISH = "".join(f"{number:03d} Electricity -99.50 [GBP] to the meter {{flat}}. " for number in range(12))
LONG_CHINESE = "".join(f"第{number}笔：支出九十九元五角，电费😀。" for number in range(12))


async def test_kannel_binds_and_texts_go_both_ways(kannel: Kannel, tmp_path: Path) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        assert smsc.binds == [SYSTEM_ID]
        for text in ("BAL", "[~] {^} \\ | €5 @£$ ñÄÖ Δ", "余额 😀", "a" * 160):
            await smsc.deliver(WANG, BANK, text)
            assert await esme.receive() == Text(WANG.removeprefix("+"), BANK, text)
        await esme.send(BANK, WANG, "Available: [5] €")
        sent = await smsc.receive(to=WANG)
        assert (sent.source, sent.text) == (BANK, "Available: [5] €")
        await esme.send(BANK, WANG, "可用余额：12,345.67元", ucs2=True)
        assert (await smsc.receive(to=WANG)).text == "可用余额：12,345.67元"


async def test_long_texts_go_both_ways_in_parts(kannel: Kannel, tmp_path: Path) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        for text, ucs2, order in ((LONG_ENGLISH, False, (2, 5, 1, 4, 3)), (LONG_CHINESE, True, (2, 4, 1, 3))):
            await smsc.deliver(WANG, BANK, text, order=order)
            assert (await esme.receive()).text == text
            await esme.send(BANK, WANG, text, ucs2=ucs2)
            sent = await smsc.receive(to=WANG)
            assert (sent.text, len(sent.message_ids)) == (text, len(order))


@pytest.mark.parametrize("ids", ID_TYPES)
async def test_kannel_knows_its_message_by_the_receipt(kannel: Kannel, tmp_path: Path, ids: str) -> None:
    async with bound(kannel, tmp_path, id_type=ID_TYPES[ids]) as (smsc, esme):
        smsc.behaviour.receipts = True
        smsc.behaviour.decimal_receipt_ids = "decimal" in ids
        await esme.send(BANK, WANG, "sent with a receipt", receipt=True)
        await smsc.receive(to=WANG)
        await esme.reported("8")  # the SMSC took it
        await esme.reported("1")  # the telephone has it


async def test_kannel_sends_again_what_was_throttled(kannel: Kannel, tmp_path: Path) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        smsc.behaviour.throttle_every = 2
        for number in range(4):
            await esme.send(BANK, WANG, f"text {number}")
        got = {(await smsc.receive(to=WANG, timeout_s=20)).text for _ in range(4)}
        assert got == {f"text {number}" for number in range(4)}
        assert smsc.submits > 4


async def test_kannel_comes_back_and_loses_nothing_when_the_link_drops(kannel: Kannel, tmp_path: Path) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        smsc.drop_links()
        await esme.send(BANK, WANG, "while the link was down")
        assert (await smsc.receive(to=WANG)).text == "while the link was down"
        smsc.behaviour.drop_instead_of_reading_ack = True
        await smsc.deliver(WANG, BANK, "BAL")  # brought again on the next link, since nobody read its acknowledgement
        assert (await esme.receive()).text == "BAL"
        assert smsc.binds == [SYSTEM_ID] * 3


async def test_kannel_binds_again_after_the_centre_unbinds_it(kannel: Kannel, tmp_path: Path) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        smsc.unbind_all()
        await smsc.deliver(WANG, BANK, "after the pause")
        assert (await esme.receive()).text == "after the pause"
        assert smsc.binds == [SYSTEM_ID] * 2


async def test_kannel_and_the_centre_keep_a_silent_link_alive(kannel: Kannel, tmp_path: Path) -> None:
    """Both ask every second; whoever were not answered would drop the link."""
    async with bound(kannel, tmp_path) as (smsc, _):
        await asyncio.sleep(3.5)  # real time: Kannel has its own clock
        assert smsc.bound == 1
        assert smsc.binds == [SYSTEM_ID]
