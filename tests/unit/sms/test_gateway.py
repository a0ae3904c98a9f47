"""Texts over a real TCP bind to the fake message centre, the demo bank and the embedded store behind the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from core_client.adapters.valkey import open_store
from core_client.testing.world import world as open_world
from sms import replying
from sms.messages import State
from sms.smpp import Address, EsmClass, Message, Status, Tag
from sms.store.journal import JournalDown
from sms.testing import fake_smsc
from sms.testing.fake_smsc import FakeSmsc
from tests.unit.sms.sms_world import BANK, ENGLISH, STRANGER, WANG, SmsWorld, gateway_on, sms_world

PIN = "739154"
BALANCE = "12,345.67"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SmsWorld]:
    async with sms_world(tmp_path) as world:
        yield world


def code_in(text: str) -> str:
    found = re.search(r"\b\d{6}\b", text)
    assert found is not None, text
    return found[0]


async def until(true: Callable[[], object]) -> None:
    """Let real time pass until it is true: sockets and the store take what they take."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.005)


async def settled(world: SmsWorld) -> None:
    """Wait until nothing is under way."""
    await until(lambda: not (len(world.gateway.inbox) or len(world.gateway.outbox)))


async def test_a_balance_is_answered_in_the_commands_language(world: SmsWorld) -> None:
    assert await world.ask("BAL") == f"Account ending 1101 available: {BALANCE} CNY"
    assert f"{BALANCE}元" in await world.ask("余额")


async def test_money_moves_once_after_its_code_and_the_next_balance_shows_it(world: SmsWorld) -> None:
    asked = await world.ask("SEND 500 LILEI")
    assert "500.00" in asked
    assert "李雷" in asked
    code = code_in(asked)
    assert "11,845.67" in await world.ask(code)
    assert "not expecting" in (await world.ask(code, ENGLISH))
    assert "11,845.67" in await world.ask("BAL")


async def test_a_wrong_code_moves_nothing_and_the_right_one_still_does(world: SmsWorld) -> None:
    code = code_in(await world.ask("SEND 500 LILEI"))
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    await world.ask(wrong)
    assert BALANCE in await world.ask("BAL")
    assert "11,845.67" in await world.ask(code)


async def test_a_code_is_read_full_width_and_spaced(world: SmsWorld) -> None:
    code = code_in(await world.ask("ｓｅｎｄ５００ＬＩＬＥＩ"))
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    assert "11,845.67" in await world.ask(f"{wide[:3]} {wide[3:]}。")


async def test_a_code_after_its_ten_minutes_is_told_expired(world: SmsWorld) -> None:
    code = code_in(await world.ask("SEND 500 LILEI"))
    world.bank.clock.advance(601)
    assert "expired" in (await world.ask(code)).lower()
    assert BALANCE in await world.ask("BAL")


async def test_a_pin_that_nobody_asked_for_is_refused_and_found_nowhere(world: SmsWorld) -> None:
    with capture_logs() as logs:
        assert "密码" in await world.ask(PIN)
        await settled(world)
    assert PIN not in str(logs)
    assert PIN.encode() not in world.stored_bytes()
    assert PIN.encode().hex().encode() not in world.stored_bytes()


async def test_no_text_and_no_answer_lies_in_the_store_in_clear(world: SmsWorld) -> None:
    world.smsc.behaviour.answer_delay_s = 5.0  # the answers stay in the outbox
    await world.text("余额")
    await world.text("my secret words", ENGLISH)
    await until(lambda: len(world.gateway.outbox) == 2)
    stored = world.stored_bytes()
    assert world.gateway.outbox.stream.encode() in stored
    for secret in ("my secret", b"secret words".hex(), BALANCE, "余额", "never text your pin"):
        assert secret.encode() not in stored


async def test_unknown_texts_are_answered_with_help_a_few_times_an_hour(world: SmsWorld) -> None:
    for number in range(3):
        assert "BAL" in await world.ask(f"what can you do {number}", ENGLISH)
    await world.text("and now", ENGLISH)
    assert BALANCE in await world.ask("BAL")
    await settled(world)
    assert world.smsc.waiting == ()
    assert "BAL" in await world.ask("another number has its own share", STRANGER)


async def test_pin_like_texts_are_limited_as_well(world: SmsWorld) -> None:
    for number in range(3):
        await world.ask(f"55512{number}", ENGLISH)
    await world.text("555129", ENGLISH)
    await settled(world)
    assert world.smsc.waiting == ()


async def test_a_stranger_learns_nothing_but_how_to_register(world: SmsWorld) -> None:
    assert "not registered" in await world.ask("BAL", STRANGER)


async def test_stop_and_start_are_commands(world: SmsWorld) -> None:
    assert "START" in await world.ask("STOP", ENGLISH)
    assert "STOP" in await world.ask("START", ENGLISH)


async def test_every_copy_of_a_deliver_sm_is_acknowledged_and_one_is_processed(world: SmsWorld) -> None:
    world.smsc.behaviour.answer_delay_s = 0.2  # the copies come before the first answer has been taken
    await world.text("BAL", copies=5)
    assert world.smsc.deliveries == 5
    await world.smsc.receive(to=WANG)
    await settled(world)
    assert world.smsc.waiting == ()


async def test_a_text_equal_to_an_answered_one_is_a_new_text(world: SmsWorld) -> None:
    for _ in range(3):
        assert BALANCE in await world.ask("BAL")
    assert world.smsc.submits == 3


async def test_a_text_brought_again_over_a_new_link_is_a_copy_though_it_was_answered(
    world: SmsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_smsc, "REDELIVER_PAUSE_S", 0.5)  # time for the answer to go over the new link first
    world.smsc.behaviour.drop_instead_of_reading_ack = True
    await world.text("BAL")  # brought, dropped, brought again
    assert BALANCE in (await world.smsc.receive(to=WANG)).text
    await settled(world)
    assert len(world.smsc.binds) == 2
    assert world.smsc.waiting == ()
    assert world.smsc.submits == 1


async def test_parts_in_wrong_order_make_one_text(world: SmsWorld) -> None:
    long_name = "SEND 500 " + "LI LEI " * 20 + "x" * 140
    await world.text(long_name, ENGLISH, order=[2, 1])
    assert "BAL" in (await world.smsc.receive(to=ENGLISH)).text, "one text, too long for a command: one help"
    await settled(world)
    assert world.smsc.waiting == ()


async def test_a_command_in_parts_and_ucs2_is_understood(world: SmsWorld) -> None:
    for number, half in ((2, "额"), (1, "余")):
        await world.smsc.deliver_message(
            Message(
                Address(WANG[1:], 1, 1),
                Address(BANK),
                half.encode("utf-16-be"),
                8,
                tlvs=(
                    (Tag.SAR_MSG_REF_NUM, b"\x00\x09"),
                    (Tag.SAR_TOTAL_SEGMENTS, b"\x02"),
                    (Tag.SAR_SEGMENT_SEQNUM, bytes([number])),
                ),
            )
        )
    assert BALANCE in (await world.smsc.receive(to=WANG)).text


async def test_a_text_in_message_payload_is_understood(world: SmsWorld) -> None:
    payload = ((Tag.MESSAGE_PAYLOAD, "余额".encode("utf-16-be")),)
    await world.smsc.deliver_message(Message(Address(WANG[1:], 1, 1), Address(BANK), b"", 8, tlvs=payload))
    assert BALANCE in (await world.smsc.receive(to=WANG)).text


async def test_a_long_answer_arrives_whole(world: SmsWorld) -> None:
    answer = await world.ask("明细", WANG)
    assert len(answer) > 70  # more than one part holds in UCS-2
    assert len(answer.splitlines()) == 6  # what it is, and five entries
    assert all(line.strip() for line in answer.splitlines())


@pytest.mark.parametrize("source", [Address("ALERTS", 5, 0), Address(BANK), Address("", 0, 0), Address("1" * 20, 1, 1)])
async def test_senders_that_cannot_be_answered_are_acknowledged_and_left_alone(
    world: SmsWorld, source: Address
) -> None:
    await world.smsc.deliver_message(Message(source, Address(BANK), b"BAL"))
    await settled(world)
    assert world.smsc.submits == 0


@pytest.mark.parametrize(
    "digits", [Address(WANG[1:], 1, 1), Address(WANG[1:], 0, 1), Address(WANG[3:], 2, 1), Address(WANG)]
)
async def test_one_number_is_known_in_every_form_that_networks_send(world: SmsWorld, digits: Address) -> None:
    await world.smsc.deliver_message(Message(digits, Address(BANK), b"BAL"))
    assert BALANCE in (await world.smsc.receive(to=WANG)).text


async def test_a_binary_message_is_acknowledged_and_answered_with_help(world: SmsWorld) -> None:
    await world.smsc.deliver_message(Message(Address(ENGLISH[1:], 1, 1), Address(BANK), bytes(range(100)), 4))
    assert "BAL" in (await world.smsc.receive(to=ENGLISH)).text


async def test_a_receipt_is_recorded_and_never_answered(world: SmsWorld) -> None:
    receipt = Message(
        Address(WANG[1:], 1, 1),
        Address(BANK),
        b"id:17AB sub:001 dlvrd:001 submit date:2603021015 done date:2603021015 stat:DELIVRD err:000 text:",
        esm_class=EsmClass.DELIVERY_RECEIPT,
    )
    await world.smsc.deliver_message(receipt)
    assert world.gateway.receipts.counts == {"recorded": 1, "parked": 1}
    await settled(world)
    assert world.smsc.submits == 0


async def test_receipts_come_for_our_own_answers_when_they_are_asked_for(tmp_path: Path) -> None:
    async with sms_world(tmp_path, receipts=True) as world:
        world.smsc.behaviour.receipts = True
        await world.ask("BAL")
        await until(lambda: world.gateway.receipts.counts["matched"] == 1)
        (text,) = [one for one in await world.gateway.lives.find(WANG) if one.endswith(".1")]
        life = await world.gateway.lives.life(text)
        assert life is not None
        assert life.state is State.DELIVERED


async def test_throttled_answers_are_sent_again_and_none_is_lost(world: SmsWorld) -> None:
    world.smsc.behaviour.throttle_every = 2
    for number in range(1, 7):
        await world.text("BAL", f"+86139000000{number:02d}")
    for number in range(1, 7):
        await world.smsc.receive(to=f"+86139000000{number:02d}")
    await settled(world)
    assert world.smsc.submits > 6, "some were throttled"
    assert world.smsc.waiting == ()


async def test_an_answer_that_the_centre_refuses_for_good_is_given_up_and_counted(world: SmsWorld) -> None:
    world.smsc.behaviour.refuse_with = Status.RINVDSTADR
    await world.text("BAL")
    await settled(world)
    (text,) = [one for one in await world.gateway.lives.find(WANG) if one.endswith(".1")]
    life = await world.gateway.lives.life(text)
    assert life is not None
    assert life.state is State.REJECTED
    world.smsc.behaviour.refuse_with = 0
    assert await world.ask("BAL", ENGLISH)


async def test_an_answer_whose_response_was_lost_is_sent_again(world: SmsWorld) -> None:
    world.smsc.behaviour.drop_after_next_submit = True
    await world.text("BAL")
    texts = [(await world.smsc.receive(to=WANG)).text for _ in range(2)]
    assert texts[0] == texts[1]
    await settled(world)
    assert world.smsc.submits == 2


async def test_a_dropped_link_is_bound_again_and_texts_go_on(world: SmsWorld) -> None:
    await world.ask("BAL")
    world.smsc.drop_links()
    assert BALANCE in await world.ask("余额")
    assert len(world.smsc.binds) == 2


async def test_texts_of_one_number_are_answered_in_order(world: SmsWorld) -> None:
    for body in ("BAL", "MINI", "HELP", "STOP"):
        await world.text(body, ENGLISH)
    answers = [(await world.smsc.receive(to=ENGLISH)).text for _ in range(4)]
    assert [answer.split()[0] for answer in answers] == ["Account", "Latest", "Text", "You"]


async def test_a_full_backlog_is_refused_for_the_moment_and_nothing_is_lost(tmp_path: Path) -> None:
    stuck = asyncio.Event()
    async with sms_world(tmp_path, max_backlog=2) as world:
        arrive = world.bank.core.arrive

        async def slow(channel: str, number: str | None) -> object:
            await stuck.wait()
            return await arrive(channel, number)

        world.gateway.answering._core.arrive = slow  # type: ignore[method-assign, assignment]  # the core is stuck
        await world.text("BAL")
        await world.text("MINI")
        third = asyncio.create_task(world.text("HELP"), name="third")
        await asyncio.sleep(0.1)
        assert not third.done(), "refused and brought again"
        stuck.set()
        await third
        assert len([await world.smsc.receive(to=WANG) for _ in range(3)]) == 3


async def test_a_text_that_trips_the_bank_is_answered_with_an_apology_and_others_go_on(
    world: SmsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trip(*_: object) -> None:
        raise RuntimeError("the customer wrote 739154")

    with capture_logs() as logs, monkeypatch.context() as patch:
        patch.setattr(world.gateway.answering._runner, "start", trip)
        patch.setattr(world.gateway.answering._runner, "enquire", trip)
        assert "Sorry" in await world.ask("BAL", ENGLISH)
    assert PIN not in str(logs)
    assert BALANCE in await world.ask("BAL")


async def test_one_canonical_line_tells_of_every_text_with_its_number_masked(world: SmsWorld) -> None:
    with capture_logs() as logs:
        await world.ask("BAL")
        await settled(world)
    (line,) = [log for log in logs if log["event"] == "sms.handled"]
    assert line["number"] == "+86139****0001"
    assert (line["kind"], line["step"], line["outcome"]) == ("command", "balance", "done")


async def test_a_code_found_again_while_the_store_is_away_is_taken_when_it_is_back(
    world: SmsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = code_in(await world.ask("SEND 500 LILEI"))
    taken, failed = world.gateway.inbox._on_text, asyncio.Event()
    write = world.gateway.journal.write

    def once_away(script: str, keys: tuple[str, ...], *arguments: Any) -> asyncio.Future[Any]:
        if ":mark:" in keys[0] and not failed.is_set():
            failed.set()
            lost: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            lost.set_exception(JournalDown("away"))
            return lost
        return write(script, keys, *arguments)

    monkeypatch.setattr(world.gateway.journal, "write", once_away)
    monkeypatch.setattr(world.gateway.inbox, "_on_text", lambda text: taken(replace(text, recovered=True)))
    assert "11,845.67" in await world.ask(code), "not our apology: the dialogue is as it was"
    assert failed.is_set()


async def test_a_restart_answers_what_was_stored_and_sends_what_was_not_taken(tmp_path: Path) -> None:
    """The centre takes nothing while the first gateway runs; the second one finds its outbox and its inbox."""
    async with open_world() as bank, open_store(None, tmp_path) as store, FakeSmsc() as smsc:
        async with gateway_on(store, bank, smsc.port) as first:
            smsc.behaviour.swallow = 100
            await first.binds.wait_bound(5)
            await smsc.deliver(WANG, BANK, "BAL")
            await until(lambda: bool(smsc.submits))
            await smsc.receive(to=WANG)  # it arrived, but nobody told the gateway
            smsc.drop_links()
            await smsc.stop()
        smsc.behaviour.swallow = 0
        await smsc.start()
        async with gateway_on(store, bank, smsc.port) as second:
            assert BALANCE in (await smsc.receive(to=WANG)).text
            await until(lambda: not (len(second.outbox)))
        async with gateway_on(store, bank, smsc.port) as third:
            assert len(third.outbox) == 0


async def test_a_drain_refuses_new_texts_and_finishes_those_that_are_in(world: SmsWorld) -> None:
    await world.text("BAL")
    assert await world.gateway.drain(5.0) == 0
    assert BALANCE in (await world.smsc.receive(to=WANG)).text
    late = asyncio.create_task(world.text("MINI"), name="late")
    await asyncio.sleep(0.1)
    assert not late.done()
    late.cancel()


async def test_a_text_that_cannot_be_stored_is_never_acknowledged(world: SmsWorld) -> None:
    with contextlib.suppress(RedisError):
        await world.store.redis.shutdown(nosave=True)
    text = asyncio.create_task(world.text("BAL"), name="text")
    await asyncio.sleep(0.3)
    assert not text.done(), "refused for the moment, and brought again"
    assert world.smsc.deliveries == 0
    text.cancel()


async def test_a_text_unasked_is_sent_once(world: SmsWorld) -> None:
    await world.gateway.send(WANG, "您的转账已到账", "transfer/1")
    assert (await world.smsc.receive(to=WANG)).text == "您的转账已到账"


async def test_a_centre_that_is_away_at_the_start_is_found_later(tmp_path: Path) -> None:
    async with FakeSmsc() as first:
        port = first.port
    async with sms_world(tmp_path) as world, gateway_on(world.store, world.bank, port, node="other") as gateway:
        assert not gateway.bound
        async with FakeSmsc(port=port) as back:
            await gateway.binds.wait_bound(5)
            await back.deliver(ENGLISH, BANK, "BAL")
            assert (await back.receive(to=ENGLISH)).text


async def test_a_text_that_waits_for_long_is_found_by_its_number_before_it_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replying, "TRACED_AFTER_S", 0.02)
    goes_on = asyncio.Event()
    async with sms_world(tmp_path, hold_s=0.0) as world:
        lives, answer = world.gateway.lives, world.gateway.answering.answer

        async def slowly(*what: Any) -> None:
            await goes_on.wait()
            await answer(*what)

        monkeypatch.setattr(world.gateway.answering, "answer", slowly)
        await world.text("BAL")
        async with asyncio.timeout(5):
            while not (ids := await lives.find(WANG)):  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.01)
        life = await lives.life(ids[0])
        assert life is not None
        assert (life.received, life.handled, life.bind) == (True, None, "main/main")
        goes_on.set()
        await world.smsc.receive(to=WANG)
        await settled(world)
        assert sorted(await lives.find(WANG)) == [ids[0], f"{ids[0]}.1"], "each once"
        life = await lives.life(ids[0])
        assert life is not None
        assert life.handled is not None
        assert life.handled.answers == (f"{ids[0]}.1",)
        assert not world.gateway.replies._untraced
