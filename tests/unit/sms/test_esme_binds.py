"""A bind in virtual time: what is written when, who hears of it, and when it is there at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from core_client.domain.secret import Secret
from sms.binds.esme import UNBIND_TIMEOUT_S, Esme, Respond, Submitted
from sms.errors import BindError, LinkClosed
from sms.observing import Nobody
from sms.operators import BindSettings, Mode
from sms.smpp import Address, CommandId, EsmClass, Limits, LocalProtocolError, Message, Status, WindowFull
from tests.unit.sms.memory_centre import MemoryCentre

pytestmark = pytest.mark.looptime
TEXT = Message(Address("95500", 0, 1), Address("8613900000001", 1, 1), b"hello")
SETTINGS = BindSettings("one", "smsc.test", 2775, "tellerline", Secret("demo"), limits=Limits(window=3))


class Seen(Nobody):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def bound(self, bind: str, up: bool) -> None:
        self.told.append(("bound", bind, up))

    def received(self, bind: str, status: int) -> None:
        self.told.append(("received", bind, status))

    def submitted(self, bind: str, status: int | None, seconds: float) -> None:
        self.told.append(("submitted", bind, status, seconds))


def take(_message: Message, _link: str, respond: Respond) -> None:
    respond(Status.ROK)


def esme(centre: MemoryCentre, settings: BindSettings = SETTINGS, on_message: Any = take, **more: Any) -> Esme:
    return Esme(settings, "north", on_message, connect=centre.connect, jitter=lambda: 1.0, **more)


async def settle() -> None:
    """Let everything happen that needs no time."""
    for _ in range(20):
        await asyncio.sleep(0)


async def refused(awaited: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(BindError) as caught:
        await awaited()
    return str(caught.value)


async def test_what_is_submitted_in_one_tick_is_one_write_and_each_answer_is_called_back() -> None:
    centre, done = MemoryCentre(), list[Submitted]()
    centre.holding = True
    async with esme(centre).running() as bind:
        await bind.wait_bound(5)
        writes = centre.wires[0].writes
        before = len(writes)
        assert bind.room == 3
        for _ in range(3):
            bind.submit_now(TEXT, done.append)
        assert (bind.room, bind.in_flight) == (0, 3)
        with pytest.raises(WindowFull):
            bind.submit_now(TEXT, done.append)
        assert writes[before:] == [], "not before the end of the tick"
        await settle()
        assert len(writes) == before + 1
        assert done == []
        await asyncio.sleep(2)
        centre.answer(message_id="7F")
        centre.answer(Status.RTHROTTLED)
        await settle()
        assert done == [Submitted(0, "7F", "", 2.0), Submitted(Status.RTHROTTLED, "", "ESME_RTHROTTLED", 2.0)]
        assert (bind.room, bind.in_flight) == (2, 1)
        centre.answer()


async def test_deliveries_and_what_they_are_answered_with_cost_one_write() -> None:
    centre = MemoryCentre()

    def echo(message: Message, _link: str, respond: Respond) -> None:
        respond(Status.ROK)
        bind.submit_now(replace(TEXT, short_message=message.short_message), lambda _: None)

    bind = esme(centre, on_message=echo)
    async with bind.running():
        await bind.wait_bound(5)
        before = len(centre.wires[0].writes)
        for number in range(3):
            centre.deliver(replace(TEXT, short_message=bytes((number,))))
        await settle()
        assert len(centre.answered) == 3
        assert len(centre.wires[0].writes) == before + 1


async def test_the_answers_callback_sees_the_room_that_its_answer_made() -> None:
    centre, rooms = MemoryCentre(), list[int]()
    async with esme(centre).running() as bind:
        await bind.wait_bound(5)
        bind.submit_now(TEXT, lambda _: rooms.append(bind.room))
        await settle()
        assert rooms == [3]


async def test_changes_are_told_once_a_read() -> None:
    centre, changes = MemoryCentre(), list[tuple[bool, int]]()
    async with esme(centre, on_change=lambda bind: changes.append((bind.bound, bind.room))).running() as bind:
        await bind.wait_bound(5)
        await settle()
        assert changes == [(True, 3)]
        for _ in range(3):
            bind.submit_now(TEXT, lambda _: None)
        await settle()
        assert changes == [(True, 3), (True, 3)]
        centre.links[0].abort("cut")
        await settle()
        assert changes[-1] == (False, 0)


async def test_a_link_that_goes_after_the_write_leaves_nobody_knowing() -> None:
    centre, done = MemoryCentre(), list[Submitted]()
    centre.holding = True
    async with esme(centre).running() as bind:
        await bind.wait_bound(5)
        first = bind.link_name
        for _ in range(2):
            bind.submit_now(TEXT, done.append)
        await asyncio.sleep(1)
        centre.links[0].abort("cut")
        await settle()
        assert [(one.status, one.seconds) for one in done] == [(None, 1.0), (None, 1.0)]
        assert all(one.reason for one in done)
        with pytest.raises(LinkClosed):
            bind.submit_now(TEXT, done.append)
        assert bind.room == 0
        await bind.wait_bound(5)
        assert bind.link_name != first
        assert bind.link_name.startswith("north/one/")


async def test_no_answer_in_time_leaves_nobody_knowing_and_frees_the_window() -> None:
    centre, done = MemoryCentre(), list[Submitted]()
    centre.holding = True
    async with esme(centre).running() as bind:
        await bind.wait_bound(5)
        bind.submit_now(TEXT, done.append)
        await asyncio.sleep(9.9)
        assert done == []
        await asyncio.sleep(0.2)
        assert [(one.status, one.reason) for one in done] == [(None, "no answer within the response timer")]
        assert done[0].seconds == pytest.approx(10.0, abs=0.01)
        assert bind.room == 3
        centre.answer()
        await settle()
        assert len(done) == 1, "an answer that comes after all is no second one"
        assert bind.bound


@pytest.mark.parametrize(
    ("mode", "command", "room"),
    [
        (Mode.TRANSCEIVER, CommandId.BIND_TRANSCEIVER, 3),
        (Mode.TRANSMITTER, CommandId.BIND_TRANSMITTER, 3),
        (Mode.RECEIVER, CommandId.BIND_RECEIVER, 0),
    ],
)
async def test_a_bind_is_what_it_is_for(mode: Mode, command: CommandId, room: int) -> None:
    centre = MemoryCentre()
    settings = replace(SETTINGS, mode=mode, version=0x33, addr_ton=1, addr_npi=1, address_range="955", system_type="B")
    async with esme(centre, settings).running() as bind:
        await bind.wait_bound(5)
        request = centre.requests[0]
        assert request.command_id == command
        asked = request.bind
        assert (asked.interface_version, asked.addr_ton, asked.addr_npi) == (0x33, 1, 1)
        assert (asked.address_range, asked.system_type) == ("955", "B")
        assert (bind.room, bind.sends) == (room, mode is not Mode.RECEIVER)
        if mode is Mode.RECEIVER:
            with pytest.raises(LinkClosed):
                bind.submit_now(TEXT, lambda _: None)


async def test_a_message_that_smpp_does_not_carry_is_told_apart_and_nothing_is_written() -> None:
    centre = MemoryCentre()
    async with esme(centre).running() as bind:
        await bind.wait_bound(5)
        with pytest.raises(LocalProtocolError) as caught:
            bind.submit_now(replace(TEXT, short_message=bytes(255)), lambda _: None)
        assert not isinstance(caught.value, WindowFull)
        assert (bind.room, bind.in_flight) == (3, 0)
        await settle()
        assert centre.sent == []


async def test_settings_that_cannot_be_bound_with_are_told_at_once() -> None:
    with pytest.raises(LocalProtocolError, match="8 characters") as caught:
        esme(MemoryCentre(), replace(SETTINGS, password=Secret("nine long")))
    assert "nine" not in str(caught.value).replace("characters", "")


async def test_pauses_double_to_their_longest_and_begin_anew_after_a_bind() -> None:
    centre = MemoryCentre()
    centre.refusing = 6
    async with esme(centre, replace(SETTINGS, backoff_first_s=1, backoff_max_s=8)).running() as bind:
        await bind.wait_bound(60)
        gaps = [after - before for before, after in pairwise(centre.attempts)]
        assert gaps == pytest.approx([2, 4, 8, 8, 8, 8])
        assert bind.last_error == "nobody there"
        centre.links[0].abort("cut")
        await settle()
        at = asyncio.get_running_loop().time()
        await bind.wait_bound(60)
        assert centre.attempts[-1] - at == pytest.approx(1)


async def test_whatever_goes_wrong_while_connecting_is_tried_again() -> None:
    centre = MemoryCentre()
    tries = 0

    async def connect(protocol: Any) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise (UnicodeError("label too long"), RuntimeError("8613900000001"))[tries - 1]
        await centre.connect(protocol)

    bind = Esme(SETTINGS, "north", take, connect=connect, jitter=lambda: 0.0)
    async with bind.running():
        await bind.wait_bound(60)
        assert "8613900000001" not in bind.last_error


async def test_a_centre_that_does_not_answer_the_bind_is_left() -> None:
    centre = MemoryCentre()
    centre.silent = True
    settings = replace(SETTINGS, limits=Limits(response_timeout_s=7))
    async with esme(centre, settings).running() as bind:
        await asyncio.sleep(7.5)
        assert bind.last_error == "bind_transceiver was not answered"
        centre.silent = False
        await bind.wait_bound(10)


async def test_a_refused_bind_is_told_by_name_and_tried_again() -> None:
    centre = MemoryCentre()
    centre.refuse_bind = Status.RINVPASWD
    async with esme(centre).running() as bind:
        assert "ESME_RINVPASWD" in await refused(lambda: bind.wait_bound(2))
        assert "ESME_RINVPASWD" in bind.last_error
        centre.refuse_bind = 0
        await bind.wait_bound(60)


async def test_a_bind_that_is_not_allowed_does_not_connect_and_one_that_is_does_at_once() -> None:
    centre = MemoryCentre()
    bind = esme(centre)
    bind.allow(False)
    async with bind.running():
        await asyncio.sleep(300)
        assert centre.attempts == []
        bind.allow(True)
        await settle()
        assert bind.bound
        assert centre.attempts == [pytest.approx(300, abs=0.1)]


async def test_a_bind_that_is_not_allowed_any_more_unbinds_hears_its_answers_and_stays_away() -> None:
    centre, done, seen = MemoryCentre(), list[Submitted](), Seen()
    async with esme(centre, observer=seen).running() as bind:
        await bind.wait_bound(5)
        bind.submit_now(TEXT, done.append)
        bind.allow(False)
        assert (bind.bound, bind.room) == (False, 0)
        with pytest.raises(LinkClosed):
            bind.submit_now(TEXT, done.append)
        await settle()
        assert [one.status for one in done] == [0], "what was written before is answered"
        assert centre.links[0].closed.done()
        await asyncio.sleep(300)
        assert len(centre.attempts) == 1
        bind.allow(False)
        bind.allow(True)
        bind.allow(True)
        await bind.wait_bound(5)
    assert [told[2] for told in seen.told if told[0] == "bound"] == [True, False, True, False]


async def test_a_centre_that_does_not_let_go_is_left_all_the_same() -> None:
    centre = MemoryCentre()
    centre.keeping = True
    async with esme(centre).running() as bind:
        await bind.wait_bound(5)
        bind.allow(False)
        await asyncio.sleep(UNBIND_TIMEOUT_S + 0.1)
        assert centre.links[0].closed.done()


async def test_a_lease_lost_while_connecting_ends_it_there() -> None:
    centre = MemoryCentre()
    connecting, go_on = asyncio.Event(), asyncio.Event()

    async def connect(protocol: Any) -> None:
        connecting.set()
        await go_on.wait()
        await centre.connect(protocol)

    bind = Esme(SETTINGS, "north", take, connect=connect)
    async with bind.running():
        await connecting.wait()
        bind.allow(False)
        go_on.set()
        await asyncio.sleep(30)
        assert centre.requests == [], "no bind was asked for"
        assert centre.links[0].closed.done()


async def test_a_lease_lost_while_binding_ends_it_there() -> None:
    centre = MemoryCentre()
    centre.silent = True
    async with esme(centre).running() as bind:
        await settle()
        assert len(centre.requests) == 1
        bind.allow(False)
        await settle()
        assert centre.links[0].closed.done()


async def test_the_observer_hears_of_binds_answers_and_time() -> None:
    centre, seen = MemoryCentre(), Seen()
    centre.holding = True
    async with esme(centre, observer=seen).running() as bind:
        await bind.wait_bound(5)
        centre.deliver(TEXT)
        bind.submit_now(TEXT, lambda _: None)
        await asyncio.sleep(3)
        centre.answer(Status.RMSGQFUL)
        bind.submit_now(TEXT, lambda _: None)
        await settle()
        centre.links[0].abort("cut")
        await settle()
    assert seen.told == [
        ("bound", "north/one", True),
        ("received", "north/one", 0),
        ("submitted", "north/one", Status.RMSGQFUL, 3.0),
        ("bound", "north/one", False),
        ("submitted", "north/one", None, 0.0),
    ]


async def test_who_fails_on_a_message_costs_that_message_only(capsys: pytest.CaptureFixture[str]) -> None:
    centre = MemoryCentre()

    def fail(message: Message, _link: str, respond: Respond) -> None:
        if message.short_message == b"739154":
            raise ValueError(f"cannot work on {message.short_message!r}")
        respond(Status.ROK)

    async with esme(centre, on_message=fail).running() as bind:
        await bind.wait_bound(5)
        centre.deliver(replace(TEXT, short_message=b"739154"))
        centre.deliver(TEXT)
        await settle()
        assert [one.command_status for one in centre.answered] == [Status.RX_T_APPN, Status.ROK]
        assert bind.bound
    out = capsys.readouterr().out
    assert "message.handler_failed" in out
    assert "ValueError in fail" in out
    assert "739154" not in out


async def test_who_fails_on_an_answer_or_a_change_costs_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    centre, done = MemoryCentre(), list[Submitted]()

    def fail(_: object) -> None:
        raise ValueError("8613900000001")

    async with esme(centre, on_change=fail).running() as bind:
        await bind.wait_bound(5)
        bind.submit_now(TEXT, fail)
        bind.submit_now(TEXT, done.append)
        await settle()
        assert [one.status for one in done] == [0]
        assert (bind.bound, bind.room) == (True, 3)
    out = capsys.readouterr().out
    assert "submit.callback_failed" in out
    assert "change.handler_failed" in out
    assert "8613900000001" not in out


async def test_while_new_ones_are_refused_old_ones_are_still_answered() -> None:
    centre, responds = MemoryCentre(), list[Respond]()
    async with esme(centre, on_message=lambda m, link, respond: responds.append(respond)).running() as bind:
        await bind.wait_bound(5)
        first = centre.deliver(TEXT)
        await settle()
        bind.refuse_new()
        second = centre.deliver(TEXT)
        await settle()
        responds[0](Status.ROK)
        responds[0](Status.ROK)
        await settle()
        assert [(one.sequence_number, one.command_status) for one in centre.answered] == [
            (second, Status.RX_T_APPN),
            (first, Status.ROK),
        ]


async def test_an_answer_to_a_message_of_a_link_that_is_gone_goes_nowhere() -> None:
    centre, responds, seen = MemoryCentre(), list[Respond](), Seen()
    bind = esme(centre, on_message=lambda m, link, respond: responds.append(respond), observer=seen)
    async with bind.running():
        await bind.wait_bound(5)
        centre.deliver(TEXT)
        await settle()
        centre.links[0].abort("cut")
        await settle()
        await bind.wait_bound(60)
        responds[0](Status.ROK)
        await settle()
        assert centre.answered == []
        assert not [told for told in seen.told if told[0] == "received"]


async def test_leaving_waits_for_both_sides_answers_to_its_deadline() -> None:
    centre, responds, done = MemoryCentre(), list[Respond](), list[Submitted]()
    centre.holding = True
    bind = esme(centre, on_message=lambda m, link, respond: responds.append(respond))
    bind.start()
    await bind.wait_bound(5)
    centre.deliver(TEXT)
    bind.submit_now(TEXT, done.append)
    await settle()
    closing = asyncio.create_task(bind.close(20), name="closing")
    await asyncio.sleep(5)
    with pytest.raises(LinkClosed):
        bind.submit_now(TEXT, done.append)
    responds[0](Status.ROK)
    centre.answer()
    await closing
    assert [one.status for one in done] == [0]
    assert [one.command_status for one in centre.answered] == [0]
    assert asyncio.get_running_loop().time() == pytest.approx(5, abs=0.5)
    await bind.close(1)


async def test_a_receipt_and_a_data_sm_arrive_like_any_message() -> None:
    centre, got = MemoryCentre(), list[Message]()

    def keep(message: Message, _link: str, respond: Respond) -> None:
        got.append(message)
        respond(Status.ROK)

    async with esme(centre, on_message=keep).running() as bind:
        await bind.wait_bound(5)
        link = centre.links[0]
        data = Message(TEXT.source, TEXT.destination, esm_class=EsmClass.DELIVERY_RECEIPT, tlvs=((0x0424, b"hello"),))
        link.session.send(data, 0.0, CommandId.DATA_SM)
        link.wake()
        await settle()
        assert got == [data]
        assert len(centre.answered) == 1


async def test_nothing_that_is_logged_tells_a_password_or_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    centre = MemoryCentre()
    settings = replace(SETTINGS, password=Secret("hunter2"))
    async with esme(centre, settings).running() as bind:
        await bind.wait_bound(5)
        centre.deliver(TEXT)
        await bind.submit(TEXT)
        centre.wires[0].arrive(b"\0\0\0\x14\0\0\x01\x11\0\0\0\0\0\0\0\x05\x38\x36\x31\x33")
        centre.links[0].abort("cut")
        await settle()
        await bind.wait_bound(60)
    out = capsys.readouterr().out
    assert "pdu.rejected" in out
    assert "link.down" in out
    for secret in ("hunter2", "8613900000001", "hello"):
        assert secret not in out
