"""Our PDUs and sessions against an SMSC of node-smpp's code: ways of carrying a text, ways to lose a link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core_client.domain.secret import Secret
from sms.binds.esme import Esme
from sms.errors import BindError, SubmitRefused
from sms.operators import Alphabet, BindSettings, LongTexts, Operator
from sms.smpp import Status
from tests.peers.sms.echo import EchoEsme
from tests.peers.sms.node_smsc import PASSWORD, SYSTEM_ID, Encoding, How, NodeSmsc

pytestmark = pytest.mark.peer("node")

WANG, BANK = "8613900000001", "95500"
LONG_ENGLISH = "".join(f"{number:03d} The quick brown fox {{owes}} 12 € to [the] lazy ~dog~. " for number in range(12))
LONG_CHINESE = "".join(f"第{number}句：王小明转账给李雷，金额壹佰元整，余额充足😀。" for number in range(12))


@asynccontextmanager
async def echoing(smsc: NodeSmsc, *, registered: int = 0, operator: Operator | None = None) -> AsyncIterator[EchoEsme]:
    echo = EchoEsme(smsc.port, SYSTEM_ID, PASSWORD, registered=registered, operator=operator)
    async with echo.running():
        await smsc.wait_bound()
        yield echo


async def test_a_text_arrives_and_its_answer_comes_back_letter_by_letter(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc) as echo:
        for text in ("BAL", "[~] {^} \\ | €5 @£$ ñÄÖ Δ Ω", "a" * 160):
            await node_smsc.deliver(WANG, BANK, text)
            answer = await node_smsc.receive(WANG)
            assert (answer.text, answer.data_coding, answer.parts) == (text, 0, 1)
            assert (answer.source, answer.to) == (BANK, WANG)
        assert echo.texts == ["BAL", "[~] {^} \\ | €5 @£$ ñÄÖ Δ Ω", "a" * 160]


async def test_a_chinese_text_goes_both_ways_in_ucs2(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc):
        for text in ("余额", "转账500 李雷", "😀𠮷" * 10):
            await node_smsc.deliver(WANG, BANK, text, encoding="ucs2")
            answer = await node_smsc.receive(WANG)
            assert (answer.text, answer.data_coding) == (text, 8)


async def test_a_latin_text_is_understood(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc) as echo:
        await node_smsc.deliver(WANG, BANK, "Señor Núñez ÿ", encoding="latin1")
        await node_smsc.receive(WANG)
        assert echo.texts == ["Señor Núñez ÿ"]


@pytest.mark.parametrize("how", ["udh8", "udh16", "sar"])
@pytest.mark.parametrize("order", [(1, 2, 3, 4, 5, 6, 7, 8), (8, 1, 7, 2, 6, 3, 5, 4), (2, 2, 1, 8, 7, 6, 5, 4, 3, 1)])
async def test_parts_in_any_order_and_twice_are_one_text(node_smsc: NodeSmsc, how: How, order: tuple[int, ...]) -> None:
    async with echoing(node_smsc) as echo:
        await node_smsc.deliver(WANG, BANK, LONG_ENGLISH, how=how, order=order)
        answer = await node_smsc.receive(WANG)
        assert echo.texts[:1] == [LONG_ENGLISH]
        assert answer.text == LONG_ENGLISH
        assert answer.parts == 6  # 768 septets: 153 fit in a part
        await node_smsc.deliver(WANG, BANK, LONG_CHINESE, encoding="ucs2", how=how, order=order)
        assert (await node_smsc.receive(WANG, contains="王")).text == LONG_CHINESE


async def test_a_long_text_may_come_whole_in_its_payload(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc):
        await node_smsc.deliver(WANG, BANK, LONG_CHINESE, encoding="ucs2", how="payload")
        assert (await node_smsc.receive(WANG)).text == LONG_CHINESE


@pytest.mark.parametrize("long_texts", LongTexts)
async def test_each_way_of_marking_parts_is_read_by_another_hands_code(
    node_smsc: NodeSmsc, long_texts: LongTexts
) -> None:
    async with echoing(node_smsc, operator=Operator("one", (), long_texts=long_texts)):
        codings: tuple[tuple[str, Encoding], ...] = ((LONG_ENGLISH, "gsm"), (LONG_CHINESE, "ucs2"))
        for text, encoding in codings:
            await node_smsc.deliver(WANG, BANK, text, encoding=encoding, how="payload")
            answer = await node_smsc.receive(WANG)
            assert (answer.text, answer.how) == (text, long_texts.value)


async def test_a_latin_text_is_written_so_where_the_operator_takes_it(node_smsc: NodeSmsc) -> None:
    operator = Operator("one", (), alphabets=(Alphabet.GSM, Alphabet.LATIN1, Alphabet.UCS2))
    async with echoing(node_smsc, operator=operator):
        await node_smsc.deliver(WANG, BANK, "Señor Núñez ÿ" * 8, encoding="latin1")
        answer = await node_smsc.receive(WANG)
        assert (answer.text, answer.data_coding, answer.parts) == ("Señor Núñez ÿ" * 8, 3, 1)


async def test_parts_of_two_customers_under_one_reference_stay_apart(node_smsc: NodeSmsc) -> None:
    first, second = "".join(f"A{n:03d}" for n in range(60)), "".join(f"B{n:03d}" for n in range(60))
    async with echoing(node_smsc) as echo, asyncio.TaskGroup() as group:
        group.create_task(node_smsc.deliver(WANG, BANK, first, how="udh8", order=(2, 1), reference=7))
        group.create_task(node_smsc.deliver("8613900000002", BANK, second, how="udh8", order=(1, 2), reference=7))
        assert (await node_smsc.receive(WANG)).text == first
        assert (await node_smsc.receive("8613900000002")).text == second
        assert sorted(echo.texts) == [first, second]


async def test_parameters_that_only_the_vendor_knows_do_no_harm(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc, registered=1) as echo:
        await node_smsc.behave(vendor_tlv=True, receipts="decimal")
        await node_smsc.deliver(WANG, BANK, "BAL")
        await node_smsc.receive(WANG)
        await node_smsc.event("answered", receipt="0000000042", status=0)
        assert echo.texts == ["BAL"]


@pytest.mark.parametrize("early", [False, True])
async def test_a_receipt_is_read_whatever_its_id_looks_like_and_whenever_it_comes(
    node_smsc: NodeSmsc, early: bool
) -> None:
    async with echoing(node_smsc, registered=1) as echo:
        await node_smsc.behave(resp_id="hex", receipts="decimal", receipt_copies=2, receipt_early=early)
        await node_smsc.deliver(WANG, BANK, "BAL")
        await node_smsc.receive(WANG)
        await node_smsc.event("answered", count=2, receipt="0000000042", status=0)
        assert [(receipt.message_id, receipt.word) for receipt in echo.receipts] == [("0000000042", "DELIVRD")] * 2
        assert echo.submitted_ids == ["2A"]
        assert echo.texts == ["BAL"]  # a receipt is no customer's text


async def test_what_the_smsc_refuses_as_too_fast_is_told_as_such(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc) as echo:
        await node_smsc.behave(throttle_every=1)
        with pytest.raises(SubmitRefused) as refused:
            await echo.send(BANK, WANG, "too fast")
        assert refused.value.command_status == Status.RTHROTTLED
        await node_smsc.behave(throttle_every=0)
        await echo.send(BANK, WANG, "now")
        assert (await node_smsc.receive(WANG)).text == "now"


async def test_both_sides_ask_whether_the_other_lives(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc):
        await node_smsc.enquire()
        await node_smsc.event("enquired")
        await node_smsc.enquire()


async def test_a_wrong_password_is_told_and_a_link_is_not_half_open(node_smsc: NodeSmsc) -> None:
    settings = BindSettings("one", "127.0.0.1", node_smsc.port, SYSTEM_ID, Secret("wrong"), backoff_first_s=5)
    async with Esme(settings, "peer", lambda *_: None).running(drain_s=1) as esme:
        await node_smsc.event("refused", why="password")
        with pytest.raises(BindError) as error:
            await esme.wait_bound(1)
        assert error.value.command_status == Status.RINVPASWD
        await node_smsc.event("closed")


async def test_a_dropped_link_is_bound_again_and_what_waited_is_brought(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc) as echo:
        for count in range(2, 5):
            await node_smsc.drop()
            await node_smsc.event("bound", count=count)
            await node_smsc.deliver(WANG, BANK, f"after {count}")
            assert (await node_smsc.receive(WANG)).text == f"after {count}"
        assert echo.texts == ["after 2", "after 3", "after 4"]


async def test_an_smsc_that_is_away_for_a_while_is_bound_again(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc) as echo:
        await node_smsc.stop_listening()
        await node_smsc.drop()
        await node_smsc.event("closed")
        waiting = asyncio.create_task(echo.send(BANK, WANG, "patience"), name="send")
        await node_smsc.behave(refuse_binds=2)
        await node_smsc.listen()
        await node_smsc.event("refused", count=2)
        assert (await node_smsc.receive(WANG)).text == "patience"
        await waiting


async def test_an_smsc_that_unbinds_is_left_and_bound_again(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc):
        await node_smsc.unbind()
        await node_smsc.event("bound", count=2)
        await node_smsc.deliver(WANG, BANK, "still there?")
        assert (await node_smsc.receive(WANG)).text == "still there?"


async def test_leaving_unbinds_first(node_smsc: NodeSmsc) -> None:
    async with echoing(node_smsc):
        pass
    await node_smsc.event("unbound")
    await node_smsc.event("closed")
