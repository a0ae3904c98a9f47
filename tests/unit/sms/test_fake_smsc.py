"""The fake message centre: each of its ways is seen from the other end of the wire."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from sms.sending.receipts import read_receipt
from sms.smpp import Address, CommandId, Limits, Message, Status, Tag
from sms.testing.fake_smsc import Account, Behaviour, FakeSmsc, IdForm, ReceiptForm
from sms.text.segmentation import split
from tests.unit.sms.plain_esme import Answer, plain_esme, text
from tests.unit.sms.test_esme_tls import make

TRX, TX, RX = CommandId.BIND_TRANSCEIVER, CommandId.BIND_TRANSMITTER, CommandId.BIND_RECEIVER


def statuses(answers: list[Answer]) -> list[int | None]:
    return [answer.status for answer in sorted(answers, key=lambda answer: answer.number)]


# --- who may bind ---


async def test_accounts_bind_side_by_side_each_with_its_own_password() -> None:
    accounts = [Account("first", "one"), Account("second", "two")]
    async with FakeSmsc(accounts=accounts) as smsc:
        async with plain_esme(smsc.port, "first", "one") as first, plain_esme(smsc.port, "second", "two") as second:
            assert first.bind_status == second.bind_status == Status.ROK
            assert (smsc.bound, smsc.bound_as("second")) == (2, 1)
            await smsc.deliver("+8613900000001", "95500", "for the second", account="second")
            assert [message.short_message for message in second.received] == [b"for the second"]
            assert not first.received
        async with plain_esme(smsc.port, "first", "two") as stranger:
            assert stranger.bind_status == Status.RINVPASWD
        async with plain_esme(smsc.port, "third", "two") as stranger:
            assert stranger.bind_status == Status.RINVSYSID
        assert [status for _, status in smsc.refused_binds] == [Status.RINVPASWD, Status.RINVSYSID]


async def test_an_account_that_may_bind_once_is_refused_until_the_first_has_gone() -> None:
    async with FakeSmsc(accounts=[Account("lone", "pw", only_once=True)]) as smsc:
        async with plain_esme(smsc.port, "lone", "pw"):
            async with plain_esme(smsc.port, "lone", "pw") as second:
                assert second.bind_status == Status.RALYBND
            async with plain_esme(smsc.port, "lone", "pw", RX) as receiver:
                assert receiver.bind_status == Status.ROK  # of another kind
        async with plain_esme(smsc.port, "lone", "pw") as third:
            assert third.bind_status == Status.ROK


async def test_messages_and_receipts_go_to_the_receiver_of_a_pair() -> None:
    async with (
        FakeSmsc(behaviour=Behaviour(receipts=True)) as smsc,
        plain_esme(smsc.port, command=TX) as transmitter,
        plain_esme(smsc.port, command=RX) as receiver,
    ):
        transmitter.submit(text(registered=1))
        await receiver.until(lambda: len(receiver.received) == 1)
        await smsc.deliver("+8613900000001", "95500", "BAL")
        assert not transmitter.received
        assert len(receiver.received) == 2


async def test_binds_may_be_refused_or_ignored_so_many_times() -> None:
    behaviour = Behaviour(refuse_binds=1, refuse_binds_with=Status.RSYSERR)
    async with FakeSmsc(behaviour=behaviour) as smsc:
        async with plain_esme(smsc.port) as esme:
            assert esme.bind_status == Status.RSYSERR
        behaviour.ignore_binds = 1
        async with plain_esme(smsc.port, response_timeout_s=0.05) as esme:
            assert esme.bind_status is None
            assert "closed" in esme.seen
        async with plain_esme(smsc.port) as esme:
            assert esme.bind_status == Status.ROK


# --- what submit_sm is answered with ---


@pytest.mark.parametrize("status", [Status.RTHROTTLED, Status.RMSGQFUL])
async def test_every_nth_message_is_throttled_with_the_status_that_is_set(status: int) -> None:
    behaviour = Behaviour(throttle_every=3, throttle_status=status)
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        for _ in range(7):
            esme.submit(text())
        assert statuses(await esme.answered(7)) == [0, 0, status, 0, 0, status, 0]
        assert len(smsc.log) == 5


async def test_statuses_may_be_written_down_beforehand_vendors_own_too() -> None:
    behaviour = Behaviour(statuses=(0, 0x0400, Status.RX_T_APPN, 0x8000_0001))
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        for _ in range(5):
            esme.submit(text())
        assert statuses(await esme.answered(5)) == [0, 0x0400, Status.RX_T_APPN, 0x8000_0001, 0]
        assert len(smsc.log) == 2


async def test_a_generic_nack_comes_in_the_place_of_a_response() -> None:
    behaviour = Behaviour(nack_every=2, nack_with=Status.RINVCMDID)
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        for _ in range(4):
            esme.submit(text())
        assert statuses(await esme.answered(4)) == [0, Status.RINVCMDID, 0, Status.RINVCMDID]
        assert len(smsc.log) == 2
        assert smsc.bound == 1


async def test_odd_tlvs_and_bodies_of_refusals_do_not_hide_the_answer() -> None:
    odd = ((0x1401, b"cost=7"), (int(Tag.SC_INTERFACE_VERSION), b""), (0xFFFF, b"\x00" * 40))
    behaviour = Behaviour(response_tlvs=odd, refused_with_body=True, statuses=(0, 0x45), deliver_tlvs=odd)
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        esme.submit(text())
        esme.submit(text())
        first, second = await esme.answered(2)
        assert (first.status, first.message_id) == (0, "1000")
        assert second.status == 0x45
        await smsc.deliver("+8613900000001", "95500", "BAL")
        assert esme.received[0].tlvs == odd


async def test_ids_are_written_as_the_centre_writes_them() -> None:
    async with FakeSmsc() as smsc, plain_esme(smsc.port) as esme:
        for form in IdForm:
            smsc.behaviour.response_ids = form
            esme.submit(text())
            await esme.answered(esme.submitted)
        ids = [answer.message_id for answer in esme.answers]
        assert ids == ["1000", "1001", "00001002", "4099", "0000004100"]
        assert [taken.id for taken in smsc.log] == ids


async def test_answers_may_be_slow_and_out_of_order() -> None:
    async with FakeSmsc(behaviour=Behaviour(answers_shuffled=5), seed=3) as smsc, plain_esme(smsc.port) as esme:
        for _ in range(9):
            esme.submit(text())
        first = [answer.number for answer in await esme.answered(5)]
        assert first != sorted(first)
        assert sorted(first) == [1, 2, 3, 4, 5]
        smsc.release()
        assert len(await esme.answered(9)) == 9
        smsc.behaviour.answers_shuffled, smsc.behaviour.answer_delay_s = 0, 0.05
        before = asyncio.get_running_loop().time()
        esme.submit(text())
        await esme.answered(10)
        assert asyncio.get_running_loop().time() - before > 0.04


async def test_a_message_may_be_taken_or_lost_without_an_answer() -> None:
    async with FakeSmsc(behaviour=Behaviour(swallow=1)) as smsc:
        async with plain_esme(smsc.port, response_timeout_s=0.05) as esme:
            esme.submit(text())
            assert statuses(await esme.answered(1)) == [None]
            smsc.behaviour.lose = 1
            esme.submit(text())
            assert statuses(await esme.answered(2)) == [None, None]
        assert [taken.answered for taken in smsc.log] == [False]
        assert smsc.submits == 2


@pytest.mark.parametrize(("behaviour", "taken"), [(Behaviour(drop_at_submit=3), 2), (Behaviour(drop_at_answer=3), 3)])
async def test_the_link_breaks_in_mid_window_before_or_after_a_message_is_taken(
    behaviour: Behaviour, taken: int
) -> None:
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        for _ in range(6):
            esme.submit(text(b"%d" % esme.submitted))
        await esme.until(lambda: "closed" in esme.seen)
        assert len(esme.answers) == 6
        assert [one.text for one in smsc.log] == ["0", "1", "2"][:taken]
        assert not smsc.log[2].answered if taken == 3 else True


async def test_a_centre_that_has_gone_deaf_answers_when_it_hears_again() -> None:
    async with FakeSmsc() as smsc, plain_esme(smsc.port) as esme:
        smsc.deafen()
        esme.submit(text())
        await asyncio.sleep(0.05)  # real sockets
        assert not esme.answers
        smsc.deafen(False)
        assert statuses(await esme.answered(1)) == [0]


# --- receipts ---


@pytest.mark.parametrize("form", ReceiptForm)
async def test_receipts_come_in_every_form_and_are_legal(form: ReceiptForm) -> None:
    behaviour = Behaviour(receipts=True, receipt_form=form, outcomes=("DELIVRD", "UNDELIV"))
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        esme.submit(text(registered=1))
        esme.submit(text(registered=1))
        esme.submit(text())
        await smsc.wait_receipts(2)
        await esme.answered(3)
        assert [(one.state, one.receipts) for one in smsc.log] == [("DELIVRD", 1), ("UNDELIV", 1), ("DELIVRD", 0)]
        for message in esme.received:
            assert (message.source.digits, message.destination.digits) == ("8613900000001", "95500")
            assert bool(message.tlvs) == (form in TLV_FORMS)
            assert bool(message.short_message) == (form not in (ReceiptForm.TLV, ReceiptForm.PAYLOAD))
            assert message.esm_class == (0 if form is ReceiptForm.UNMARKED else 4)


TLV_FORMS = {
    ReceiptForm.BOTH,
    ReceiptForm.TLV,
    ReceiptForm.STATE_TLV,
    ReceiptForm.PAYLOAD,
    ReceiptForm.UNMARKED,
}


@pytest.mark.parametrize("state", ["DELIVRD", "EXPIRED", "UNDELIV", "REJECTD", "DELETED", "UNKNOWN"])
async def test_what_became_of_a_message_is_in_its_receipt_and_in_the_log(state: str) -> None:
    behaviour = Behaviour(receipts=True, outcomes=(state,))
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        esme.submit(text(registered=1))
        await esme.until(lambda: bool(esme.received))
        found = read_receipt(esme.received[0])
        assert found is not None
        assert found.message_id == "1000"
        assert smsc.log[0].state == state
        assert f"stat:{state} err:{'000' if state == 'DELIVRD' else '011'}".encode() in esme.received[0].short_message


async def test_only_failures_are_reported_where_only_they_were_asked_for() -> None:
    behaviour = Behaviour(
        receipts=True, outcome=lambda message: "UNDELIV" if b"no" in message.short_message else "DELIVRD"
    )
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        esme.submit(text(b"yes", registered=2))
        esme.submit(text(b"no", registered=2))
        await smsc.wait_receipts(1)
        assert [one.receipts for one in smsc.log] == [0, 1]


async def test_an_early_receipt_comes_before_the_answer_on_one_connection_and_on_two() -> None:
    async with FakeSmsc(behaviour=Behaviour(receipts=True, receipt_early=True)) as smsc:
        async with plain_esme(smsc.port) as esme:
            esme.submit(text(registered=1))
            await esme.answered(1)
            assert [type(one) for one in esme.seen] == [Message, Answer]
        async with plain_esme(smsc.port, command=TX) as sender, plain_esme(smsc.port, command=RX) as receiver:
            sender.submit(text(registered=1))
            await receiver.until(lambda: bool(receiver.received))
            assert not sender.answers
            await sender.answered(1)


async def test_receipts_come_twice_out_of_order_and_after_a_notification_on_the_way() -> None:
    behaviour = Behaviour(receipts=True, receipt_copies=2, receipts_shuffled=4, receipt_on_the_way=True)
    async with FakeSmsc(behaviour=behaviour, seed=5) as smsc, plain_esme(smsc.port) as esme:
        for _ in range(4):
            esme.submit(text(registered=1))
        await smsc.wait_receipts(8)
        assert len(esme.received) == 16
        assert [one.receipts for one in smsc.log] == [2] * 4
        final = [one for one in esme.received if one.esm_class == 0x04]
        ids = [(one.tlv(Tag.RECEIPTED_MESSAGE_ID) or b"")[:4] for one in final]
        assert ids != sorted(ids)
        assert sum(one.esm_class == 0x20 for one in esme.received) == 8


@pytest.mark.parametrize(("form", "shown"), [(IdForm.DECIMAL_PADDED, b"0000004096"), (IdForm.HEX_LOWER, b"1000")])
async def test_a_receipt_may_have_its_id_in_another_form_than_the_answer(form: IdForm, shown: bytes) -> None:
    behaviour = Behaviour(receipts=True, receipt_ids=form)
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        esme.submit(text(registered=1))
        await esme.until(lambda: bool(esme.received))
        assert esme.received[0].short_message.startswith(b"id:" + shown)
        assert smsc.log[0].id == "1000"


async def test_each_part_is_reported_or_only_the_last() -> None:
    segments = split("x" * 400, 9)
    parts = [Message(Address("95500"), Address("86"), part, 0, segments.esm_class, 1) for part in segments.parts]
    async with FakeSmsc(behaviour=Behaviour(receipts=True)) as smsc, plain_esme(smsc.port) as esme:
        for part in parts:
            esme.submit(part)
        await smsc.wait_receipts(3)
        assert [one.part and one.part.number for one in smsc.log] == [1, 2, 3]
        assert "".join(one.text for one in smsc.log) == "x" * 400
        smsc.behaviour.receipt_of_last_part_only = True
        for part in parts:
            esme.submit(part)
        await smsc.wait_receipts(4)
        await esme.answered(6)
        assert [one.receipts for one in smsc.log] == [1, 1, 1, 0, 0, 1]
        got = await smsc.receive(to="86")
        assert (got.text, len(got.message_ids)) == ("x" * 400, 3)


# --- what it brings, restarts, TLS ---


async def test_what_is_refused_for_the_moment_is_brought_again_and_for_good_is_told() -> None:
    async with FakeSmsc() as smsc, plain_esme(smsc.port) as esme:
        esme.respond_with = [Status.RX_T_APPN, Status.RMSGQFUL, 0]
        await smsc.deliver("+8613900000001", "95500", "BAL")
        assert len(esme.received) == 3
        assert smsc.delivered_with == [Status.RX_T_APPN, Status.RMSGQFUL, 0]


async def test_a_restart_keeps_the_port_the_log_and_what_is_still_to_be_brought() -> None:
    behaviour = Behaviour(receipts=True, receipt_delay_s=0.05)
    async with FakeSmsc(behaviour=behaviour) as smsc:
        port = smsc.port
        async with plain_esme(port) as esme:
            esme.submit(text(registered=1))
            await esme.answered(1)
            await smsc.restart(away_s=0.1)
            await esme.until(lambda: "closed" in esme.seen)
        assert (smsc.port, smsc.bound, len(smsc.log)) == (port, 0, 1)
        async with plain_esme(port) as esme:
            await smsc.wait_receipts(1)
            esme.submit(text())
            await esme.answered(1)
            assert [one.id for one in smsc.log] == ["1000", "1001"]
            assert smsc.log[0].receipts == 1


async def test_nobody_is_let_in_while_it_is_stopped() -> None:
    async with FakeSmsc() as smsc:
        await smsc.stop()
        with pytest.raises(ConnectionRefusedError):
            async with plain_esme(smsc.port):
                pass
        await smsc.start()
        async with plain_esme(smsc.port) as esme:
            assert esme.bind_status == Status.ROK


async def test_what_was_acknowledged_behind_a_cut_is_brought_again() -> None:
    async with FakeSmsc() as smsc:
        async with plain_esme(smsc.port):
            smsc.behaviour.drop_instead_of_reading_ack = True
            texts = [smsc.deliver(f"+861390000000{number}", "95500", "of many") for number in range(3)]
            bringing = asyncio.gather(*texts)
            while smsc.bound:  # noqa: ASYNC110 - the centre tells of what it took, not of what it cut
                await asyncio.sleep(0)
        async with plain_esme(smsc.port) as second:
            await asyncio.wait_for(bringing, 5.0)
            assert len(second.received) == 3


async def test_what_is_taken_and_not_answered_is_reported_where_that_is_wanted() -> None:
    behaviour = Behaviour(receipts=True, receipts_unanswered=True, swallow=1)
    async with FakeSmsc(behaviour=behaviour) as smsc, plain_esme(smsc.port) as esme:
        esme.submit(text(registered=1))
        await smsc.wait_receipts(1)
        assert not smsc.log[0].answered


async def test_it_speaks_through_tls_and_a_plain_client_does_not_hurt_it(tmp_path: Path) -> None:
    centre, client = contexts(tmp_path)
    async with FakeSmsc(tls=centre, limits=Limits(window=5)) as smsc:
        _, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
        writer.write(b"\x00\x00\x00\x10 no handshake ")
        await writer.drain()
        writer.close()
        async with plain_esme(smsc.port, tls=client) as esme:
            assert esme.bind_status == Status.ROK
            esme.submit(text(b"ciphered"))
            await esme.answered(1)
            assert smsc.log[0].text == "ciphered"


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = make(folder, "authority")
    pair = make(folder, "centre", authority, names=("127.0.0.1",))
    centre = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    centre.load_cert_chain(pair.cert_file, pair.key_file)
    return centre, ssl.create_default_context(cafile=authority.cert_file)
