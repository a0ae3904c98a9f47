"""Our ESME bound to a message centre in Rust: the smpp34 package's server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sms.errors import SubmitRefused
from sms.messages import State
from sms.operators import LongTexts, Operator
from sms.smpp import Status, Tag
from sms.store.lifelines import Life
from sms.store.lives import Lives
from sms.text.segmentation import Content, split, text_of
from tests.peers.availability import require_peer
from tests.peers.sms.bank_line import bank_line
from tests.peers.sms.capture import capturing
from tests.peers.sms.echo import EchoEsme
from tests.peers.sms.found import Wireshark
from tests.peers.sms.smpp34_smsc import HOW_TO_GET_SMPP34, Smpp34Smsc, find_smpp34, running_smpp34

pytestmark = pytest.mark.peer("smpp34")

WANG, BANK = "8613900000001", "95500"
LONG_ENGLISH = "".join(f"{number:03d} The quick brown fox owes 12 EUR to the lazy dog. " for number in range(9))
LONG_CHINESE = "".join(f"第{number}句：王小明转账给李雷，金额壹佰元整，余额充足😀。" for number in range(9))


@pytest.fixture
async def smsc() -> AsyncIterator[Smpp34Smsc]:
    require_peer("smpp34", find_smpp34(), HOW_TO_GET_SMPP34)
    async with running_smpp34() as running:
        yield running


@asynccontextmanager
async def echoing(
    smsc: Smpp34Smsc, *, registered: int = 0, long_texts: LongTexts = LongTexts.UDH8
) -> AsyncIterator[EchoEsme]:
    echo = EchoEsme(smsc.port, "bank", "pw", registered=registered, operator=Operator("one", (), long_texts=long_texts))
    async with echo.running():
        await smsc.until(lambda: bool(smsc.esmes))
        yield echo


async def bring(smsc: Smpp34Smsc, text: str) -> None:
    segments = split(text, 7)
    for part in segments.parts:
        await smsc.deliver(WANG, BANK, part, coding=segments.data_coding, esm_class=segments.esm_class)


@pytest.mark.parametrize("text", ["BAL", "[~] €5 @£$ ñÄÖ Δ", "余额 😀", "a" * 160, LONG_ENGLISH, LONG_CHINESE])
async def test_a_text_arrives_and_its_echo_comes_back_letter_by_letter(smsc: Smpp34Smsc, text: str) -> None:
    async with echoing(smsc) as echo:
        await bring(smsc, text)
        parts = split(text, 1)
        await smsc.until(lambda: len(smsc.submits) == len(parts.parts))
        assert echo.texts == [text]
        assert tuple(event.short_message for event in smsc.submits) == parts.parts
        assert {event.data_coding for event in smsc.submits} == {parts.data_coding}
        assert {(event.source_addr, event.destination_addr) for event in smsc.submits} == {(BANK, WANG)}


@pytest.mark.parametrize("long_texts", LongTexts)
async def test_each_way_of_marking_parts_passes(smsc: Smpp34Smsc, long_texts: LongTexts) -> None:
    async with echoing(smsc, long_texts=long_texts) as echo:
        await bring(smsc, LONG_ENGLISH)
        count = 1 if long_texts is LongTexts.PAYLOAD else len(split(LONG_ENGLISH, 1).parts)
        await smsc.until(lambda: len(smsc.submits) == count)
        assert echo.texts == [LONG_ENGLISH]
        tags = {tlv.tag for event in smsc.submits for tlv in event.tlvs}
        assert tags == {
            LongTexts.SAR: {Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM},
            LongTexts.PAYLOAD: {Tag.MESSAGE_PAYLOAD},
        }.get(long_texts, set())


@pytest.mark.parametrize("status", [Status.RTHROTTLED, Status.RMSGQFUL, Status.RINVDSTADR])
async def test_what_it_refuses_is_told_as_such(smsc: Smpp34Smsc, status: int) -> None:
    async with echoing(smsc) as echo:
        smsc.statuses = [status]
        with pytest.raises(SubmitRefused) as refused:
            await echo.send(BANK, WANG, "too fast")
        assert refused.value.command_status == status
        await echo.send(BANK, WANG, "now")
        assert [event.short_message for event in smsc.submits] == [b"now"]


async def test_its_receipt_has_the_id_in_the_other_base(smsc: Smpp34Smsc) -> None:
    smsc.receipts = True
    async with echoing(smsc, registered=1) as echo:
        await bring(smsc, "BAL")
        async with asyncio.timeout(10):
            while not echo.receipts:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        assert echo.submitted_ids == ["abc001"]
        assert echo.receipts[0].message_id == str(0xABC001)


async def test_leaving_unbinds_first(smsc: Smpp34Smsc) -> None:
    async with echoing(smsc):
        pass
    await smsc.until(lambda: smsc.unbound == 1)


async def test_the_whole_bank_answers_through_it_and_believes_its_receipts(smsc: Smpp34Smsc, tmp_path: Path) -> None:
    smsc.receipts = True
    smsc.statuses = [Status.RTHROTTLED, Status.RMSGQFUL]
    async with bank_line(tmp_path, smsc.port, "bank", "pw", receipts=True) as node:
        await smsc.until(lambda: bool(smsc.esmes))
        await bring(smsc, "MINI")
        assert node.texting is not None
        lives = node.texting.lives
        async with asyncio.timeout(15):
            while not any(life and life.state is State.DELIVERED for life in await all_lives(lives)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        in_order = sorted(smsc.submits, key=lambda event: event.short_message[5])  # a throttled part comes later
        contents = [Content(event.data_coding, event.short_message[6:]) for event in in_order]
        assert len(contents) > 1
        assert text_of(contents).count("CNY") == 5


async def all_lives(lives: Lives) -> list[Life | None]:
    return [await lives.life(id_) for id_ in await lives.find("+" + WANG)]


@pytest.mark.peer("tshark")
async def test_the_conversation_is_legal_smpp(smsc: Smpp34Smsc, wireshark: Wireshark, tmp_path: Path) -> None:
    async with capturing(wireshark, smsc.port, tmp_path) as capture:
        smsc.receipts = True
        async with echoing(smsc, registered=1) as echo:
            texts = ("BAL", LONG_CHINESE, LONG_ENGLISH)
            parts = sum(len(split(text, 1).parts) for text in texts)
            for text in texts:
                await bring(smsc, text)
            async with asyncio.timeout(10):
                while len(echo.receipts) < parts:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.01)
        await capture.flush()
        assert await capture.malformed() == []
        # The capture's own marker connects and leaves without a word, which this server answers with a nack.
        refused = [pdu for pdu in await capture.pdus() if pdu.status]
        assert [(pdu.command, pdu.status) for pdu in refused] == [("generic_nack", Status.RINVCMDLEN)]
        seen = await capture.commands()
        assert seen["submit_sm"] == seen["submit_sm_resp"] == parts > 8
        assert seen["deliver_sm"] == seen["deliver_sm_resp"] == 2 * parts
