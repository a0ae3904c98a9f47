"""Faults and outages in the midst of one text: it is answered or told of, in its order, and the others go on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sms.smpp import Address, Message, Status
from tests.unit.sms.sms_world import BANK, ENGLISH, WANG, SmsWorld, sms_world
from tests.unit.sms.test_answered_ahead import _slowly
from tests.unit.sms.test_gateway import BALANCE, settled, until


async def test_a_fault_in_telling_our_trouble_costs_one_answer_and_not_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sms_world(tmp_path, hold_s=0.0) as world:
        answering = world.gateway.answering

        async def trip(*_: object) -> None:
            raise RuntimeError("the customer wrote 739154")

        with capture_logs() as logs, monkeypatch.context() as patch:
            patch.setattr(answering, "answer", trip)
            patch.setattr(answering, "say", trip)
            await world.text("BAL", ENGLISH)
            await settled(world)
        assert len(world.gateway.inbox) == 0
        assert "sms.unanswerable" in [line["event"] for line in logs]
        assert "739154" not in str(logs)
        assert BALANCE in await world.ask("BAL"), "others go on"


async def test_a_notice_that_trips_is_told_of_by_its_kind_alone(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:

        async def trip(*_: object) -> None:
            raise RuntimeError("739154")

        world.gateway.answering.say = trip  # type: ignore[method-assign, assignment]
        with capture_logs() as logs:
            world.gateway.replies.missing(WANG[1:], BANK, "main", 1, 2)
            await until(lambda: not world.gateway.replies._notices)
        (line,) = [line for line in logs if line["event"] == "sms.untold"]
        assert line["error"] == "RuntimeError"


async def test_an_enquiry_whose_answer_trips_is_stored_and_answered_as_a_text(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        replies = world.gateway.replies
        reply = replies.reply
        tripped: list[bool] = []

        def trip_once(*arguments: Any) -> Any:
            if not tripped:
                tripped.append(True)
                raise ValueError("once")
            return reply(*arguments)

        replies.reply = trip_once  # type: ignore[method-assign, assignment]
        await asyncio.wait_for(world.text("BAL"), 5)
        assert BALANCE in (await world.smsc.receive(to=WANG)).text
        assert BALANCE in await world.ask("BAL"), "nothing of this number is held up"


async def test_an_enquiry_does_not_overtake_a_text_that_is_on_its_way_to_the_store(tmp_path: Path) -> None:
    async with sms_world(tmp_path, hold_s=5.0) as world:
        _slowly(world, lambda: asyncio.sleep(0.01))
        heard: list[int] = []
        for words in (b"what is this", b"BAL"):  # one after the other in one read of the connection
            message = Message(Address(WANG[1:], 1, 1), Address(BANK), words)
            world.gateway.inbox.accept(message, "main/main/x/1", heard.append)
        said = [(await world.smsc.receive(to=WANG)).text for _ in range(2)]
        assert heard == [Status.ROK, Status.ROK]
        assert BALANCE not in said[0]
        assert BALANCE in said[1]
        assert world.gateway.inbox._coming == {}


async def test_a_text_that_comes_again_while_the_store_is_away_is_no_flood(tmp_path: Path) -> None:
    async with sms_world(tmp_path) as world:
        await _refused_again_and_again(world)
        assert BALANCE in await world.ask("BAL")


async def _refused_again_and_again(world: SmsWorld) -> None:
    inbox = world.gateway.inbox
    many: list[int] = []
    kept = inbox.store_answered

    def away(inbound: Any, outbox: Any, answer: Any, life: Any, done: Any) -> None:
        respond, _, _ = inbox._held.pop(inbound.name)
        respond(Status.RX_T_APPN)
        done(False)

    inbox.store_answered = away  # type: ignore[method-assign]
    for number in range(world.gateway.manners._settings.answers.most + 3):
        inbox.accept(Message(Address(WANG[1:], 1, 1), Address(BANK), b"BAL"), "main/main/x/1", many.append)
        await until(lambda number=number: len(many) > number)  # type: ignore[misc]
    inbox.store_answered = kept  # type: ignore[method-assign]
    assert set(many) == {Status.RX_T_APPN}
