"""Our fake SMSC against Kannel: an ESME whose code none of us wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sms.operators import LongTexts
from sms.smpp import Limits, Status
from sms.testing.fake_smsc import Behaviour, FakeSmsc, ReceiptForm
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


@pytest.mark.parametrize("long_texts", [LongTexts.UDH16, LongTexts.SAR, LongTexts.PAYLOAD])
async def test_kannel_joins_parts_however_they_are_marked(
    kannel: Kannel, tmp_path: Path, long_texts: LongTexts
) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        for text, order in ((LONG_ENGLISH, (2, 5, 1, 4, 3)), (LONG_CHINESE, (2, 4, 1, 3))):
            whole = None if long_texts is LongTexts.PAYLOAD else order
            await smsc.deliver(WANG, BANK, text, long_texts=long_texts, order=whole)
            assert (await esme.receive()).text == text


@pytest.mark.parametrize(
    ("form", "outcome", "kind"),
    [
        (ReceiptForm.BOTH, "DELIVRD", "1"),
        (ReceiptForm.TLV, "UNDELIV", "2"),
        (ReceiptForm.TEXT, "EXPIRED", "2"),  # of a message_state that says so Kannel tells nobody
        (ReceiptForm.LONG_DATES, "REJECTD", "2"),
    ],
)
async def test_kannel_understands_our_receipts(
    kannel: Kannel, tmp_path: Path, form: ReceiptForm, outcome: str, kind: str
) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        smsc.behaviour.receipts, smsc.behaviour.receipt_form = True, form
        smsc.behaviour.outcomes = (outcome,)
        await esme.send(BANK, WANG, "sent with a receipt", receipt=True)
        await esme.reported(kind)
        assert [(one.text, one.state, one.receipts) for one in smsc.log] == [("sent with a receipt", outcome, 1)]


async def test_every_part_of_kannels_long_text_is_reported_in_unicode_too(kannel: Kannel, tmp_path: Path) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        smsc.behaviour.receipts = True
        await esme.send(BANK, WANG, LONG_CHINESE, ucs2=True, receipt=True)
        assert (await smsc.receive(to=WANG)).text == LONG_CHINESE
        await esme.reported("1")
        parts = [one.part for one in smsc.log]
        assert [part and (part.number, part.total) for part in parts] == [(1, 4), (2, 4), (3, 4), (4, 4)]
        assert "".join(one.text for one in smsc.log) == LONG_CHINESE


@pytest.mark.parametrize("status", [Status.RMSGQFUL, Status.RTHROTTLED])
async def test_kannel_takes_both_statuses_of_a_full_centre_for_a_pause(
    kannel: Kannel, tmp_path: Path, status: int
) -> None:
    async with bound(kannel, tmp_path) as (smsc, esme):
        smsc.behaviour.statuses = (status, status)
        await esme.send(BANK, WANG, "patience")
        assert (await smsc.receive(to=WANG, timeout_s=20)).text == "patience"
        assert (smsc.submits, len(smsc.log)) == (3, 1)
