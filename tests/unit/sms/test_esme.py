"""The ESME over real TCP against the fake message centre, without anything behind it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from core_client.domain.secret import Secret
from sms.binds.esme import Esme, Respond
from sms.errors import BindError, LinkClosed, SubmitRefused, SubmitUnanswered
from sms.smpp import Address, Limits, Message, Status
from sms.testing.fake_smsc import Behaviour, FakeSmsc
from tests.unit.sms.sms_world import bind_to

TEXT = Message(Address("95500", 0, 1), Address("8613900000001", 1, 1), b"hello")


def take(_message: Message, _link: str, respond: Respond) -> None:
    respond(Status.ROK)


async def test_a_wrong_password_is_a_typed_error_and_is_tried_again() -> None:
    async with FakeSmsc(password="other") as smsc, Esme(bind_to(smsc.port), "main", take).running() as esme:
        with pytest.raises(BindError) as caught:
            await esme.wait_bound(0.3)
        assert caught.value.command_status == Status.RINVPASWD
        assert "demo" not in str(caught.value)
        smsc._password = Secret("demo")
        await esme.wait_bound(5)
        assert esme.bind_error is None


async def test_nobody_there_is_a_timeout() -> None:
    async with Esme(bind_to(1), "main", take).running() as esme:
        with pytest.raises(TimeoutError):
            await esme.wait_bound(0.1)


async def test_more_messages_than_the_window_wait_their_turn_and_all_arrive() -> None:
    async with (
        FakeSmsc(behaviour=Behaviour(answer_delay_s=0.002)) as smsc,
        Esme(bind_to(smsc.port, limits=Limits(window=3)), "main", take).running() as esme,
    ):
        ids = await asyncio.gather(*(esme.submit(TEXT) for _ in range(30)))
        assert len(set(ids)) == 30
        assert smsc.submits == 30


async def test_a_message_that_was_waiting_when_the_link_went_is_told_apart_from_one_that_was_not_sent() -> None:
    async with (
        FakeSmsc(behaviour=Behaviour(swallow=1)) as smsc,
        Esme(bind_to(smsc.port, limits=Limits(window=1)), "main", take).running() as esme,
    ):
        sent = asyncio.create_task(esme.submit(TEXT), name="sent")
        waiting = asyncio.create_task(esme.submit(TEXT), name="waiting")
        while not smsc.submits:  # noqa: ASYNC110 - the fake's own count
            await asyncio.sleep(0.005)
        smsc.drop_links()
        with pytest.raises(SubmitUnanswered):
            await sent
        assert await waiting, "sent over the next link"


async def test_a_cancelled_message_gives_its_turn_to_the_next() -> None:
    async with (
        FakeSmsc(behaviour=Behaviour(swallow=1)) as smsc,
        Esme(bind_to(smsc.port, limits=Limits(window=1, response_timeout_s=0.3)), "main", take).running() as esme,
    ):
        lost = asyncio.create_task(esme.submit(TEXT), name="lost")
        tasks = [asyncio.create_task(esme.submit(TEXT), name=str(number)) for number in range(3)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        with pytest.raises(SubmitUnanswered):
            await lost
        assert await tasks[1]
        assert await tasks[2]


async def test_a_refused_message_is_a_typed_error() -> None:
    async with (
        FakeSmsc(behaviour=Behaviour(refuse_with=Status.RINVDSTADR)) as smsc,
        Esme(bind_to(smsc.port), "main", take).running() as esme,
    ):
        with pytest.raises(SubmitRefused) as caught:
            await esme.submit(TEXT)
        assert caught.value.command_status == Status.RINVDSTADR


async def test_leaving_waits_for_answers_then_unbinds() -> None:
    async with FakeSmsc(behaviour=Behaviour(answer_delay_s=0.1)) as smsc:
        esme = Esme(bind_to(smsc.port), "main", take)
        async with esme.running():
            await esme.wait_bound(5)
            last = asyncio.create_task(esme.submit(TEXT), name="last")
            await asyncio.sleep(0.02)
        assert await last
        assert smsc.bound == 0
        with pytest.raises(LinkClosed):
            await esme.submit(TEXT)


async def test_a_centre_that_unbinds_us_is_bound_again() -> None:
    async with FakeSmsc() as smsc, Esme(bind_to(smsc.port), "main", take).running() as esme:
        await esme.wait_bound(5)
        first = esme.link_name
        smsc.unbind_all()
        while esme.link_name == first:  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0.005)
        assert await esme.submit(TEXT)


async def test_a_silent_centre_is_left_and_found_again() -> None:
    silent = asyncio.Event()
    connections = 0

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 2:
            silent.set()
        while await reader.read(100):
            pass
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        config = bind_to(server.sockets[0].getsockname()[1], limits=Limits(response_timeout_s=0.05))
        async with Esme(config, "main", take).running():
            await asyncio.wait_for(silent.wait(), 5)


async def test_pauses_between_attempts_grow_with_jitter_and_have_an_end() -> None:
    pauses: list[float] = []

    def jitter() -> float:
        pauses.append(asyncio.get_running_loop().time())
        return 1.0

    config = replace(bind_to(1), backoff_first_s=0.01, backoff_max_s=0.04)
    async with Esme(config, "main", take, jitter=jitter).running():
        while len(pauses) < 5:  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0.005)
    gaps = [after - before for before, after in pairwise(pauses)]
    assert gaps[0] >= 0.015
    assert all(0.03 <= gap < 1.0 for gap in gaps[1:])
