"""A node that runs, with two operators: what staff put into the store, it sends, holds, and tells of."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from structlog.testing import capture_logs

from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.sealing import Sealer
from core_client.domain.staff import Person, Role
from sms.messages import Outgoing, State
from sms.smpp import Status
from sms.store.journal import Journal
from sms.testing.fake_smsc import FakeSmsc
from tellerline.bootstrap import Node, Seams, running
from tellerline.config import Agi, Bank, Config, Health, Server, Sms
from tellerline.state import open_state
from tellerline.texts.office import Asked, SmsOffice, make_sms_office
from tellerline.texts.shelf import What

CHEAP = PinCost(memory_kib=64, passes=1)
CHINA, SPAIN = "+8613900000001", "+34600000001"


@dataclass
class Line:
    """A node between staff and two message centres."""

    node: Node
    office: SmsOffice
    olga: Person
    north: FakeSmsc
    south: FakeSmsc

    def text(self, number: str, text: str = "Your card is ready.") -> Outgoing:
        return self.office.outgoing(Asked(text), number, "staff:olga")

    async def state(self, id_: str) -> State | None:
        life = await self.office.lives.life(id_)
        return life.state if life is not None else None


def config_of(folder: Path, north: int, south: int) -> Config:
    operators = [
        {"name": name, "prefixes": prefixes, "receipts": name == "north", "binds": [bind]}
        for name, prefixes, bind in (
            ("north", ["+86"], {"host": "127.0.0.1", "port": north, "password": "demo"}),
            ("south", [""], {"host": "127.0.0.1", "port": south, "password": "demo", "single": True}),
        )
    ]
    sms = Sms.model_validate({"operators": operators, "people": {"quiet": ""}, "alarms": {"look_s": 0.1}})
    server = Server(state_dir=folder / "state", drain_s=5.0)
    return Config(server=server, agi=Agi(port=0), bank=Bank(demo=True), health=Health(port=0), sms=sms)


@contextlib.asynccontextmanager
async def a_line(folder: Path) -> AsyncIterator[Line]:
    async with FakeSmsc(name="north") as north, FakeSmsc(name="south") as south:
        config = config_of(folder, north.port, south.port)
        async with running(config, Seams(pin_cost=CHEAP)) as node, Journal(node.store.redis).running() as journal:
            sealer = Sealer(open_state(config.server.state_dir).seal)
            office = make_sms_office(config, node.bank, node.store.redis, journal, sealer)
            token = await node.bank.people.add("olga", [Role.OPERATOR], "test")
            olga = await node.bank.people.prove(token, "olga", Role.OPERATOR)
            yield Line(node, office, olga, north, south)


async def until(true: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> None:
    """Ask again and again; the store's answer is what takes the time."""
    async with asyncio.timeout(within_s):
        while not await true():
            pass


async def test_a_text_of_staff_goes_by_the_operator_of_its_number_and_is_followed_to_its_end(tmp_path: Path) -> None:
    async with a_line(tmp_path) as line:
        china, spain = line.text(CHINA), line.text(SPAIN)
        assert (await line.office.send(china, line.olga)).node == "main"
        await line.office.send(spain, line.olga)
        assert (await line.north.receive(timeout_s=10)).to == CHINA[1:]
        assert (await line.south.receive(timeout_s=10)).to == SPAIN[1:]

        async def accepted() -> bool:
            return {await line.state(china.id), await line.state(spain.id)} <= {State.ACCEPTED, State.DELIVERED}

        await until(accepted)
        life = await line.office.lives.life(china.id)
        assert life is not None
        assert life.origin == "staff:olga"
        assert {change.bind for change in life.changes if change.bind} == {"north/main"}
        assert life.id in await line.office.find(CHINA)


async def test_what_the_bank_itself_texted_is_sent_again_by_staff_and_kept_sealed(tmp_path: Path) -> None:
    async with a_line(tmp_path) as line:
        assert line.node.texting is not None
        gateway, words = line.node.texting, "The transfer of 10.00 CNY is complete."
        line.north.behaviour.statuses = (Status.RINVDSTADR,)
        await gateway.send(CHINA, words, "late-result-1")

        async def rejected() -> bool:
            return await line.state("late-result-1") is State.REJECTED

        await until(rejected)
        line.north.behaviour.statuses = ()
        (found,) = await line.office.candidates(frozenset({State.REJECTED}), 0.0, time.time() + 1)
        sealed = [await line.node.store.redis.dump(key) or b"" for key in await line.node.store.redis.keys("*bod*")]
        assert all(sealed)
        assert len(sealed) == 2
        assert not any(word in raw for raw in sealed for word in (words.encode(), CHINA[1:].encode()))
        assert await line.office.replay(found, line.olga) == "main"
        again = await line.north.receive(timeout_s=10)
        assert again.text == words


async def test_answers_and_codes_leave_no_body_behind(tmp_path: Path) -> None:
    async with a_line(tmp_path) as line:
        await line.north.deliver(CHINA, "95500", "BAL")
        await line.north.receive(timeout_s=10)
        assert await line.node.store.redis.keys("*bod*") == []


async def test_a_text_that_is_held_goes_when_it_is_released_and_one_given_up_never_does(tmp_path: Path) -> None:
    async with a_line(tmp_path) as line:
        soon = time.time() + 2.5  # by then the node has read the orders
        held = line.office.outgoing(Asked("held", not_before=soon), CHINA, "staff:olga")
        never = line.office.outgoing(Asked("never", not_before=soon), CHINA, "staff:olga")
        for outgoing, what in ((held, What.HOLD), (never, What.GIVE_UP)):
            await line.office.send(outgoing, line.olga)
            await line.office.order(outgoing.id, what, line.olga)

        async def rejected() -> bool:
            return await line.state(never.id) is State.REJECTED

        await until(rejected)
        assert await line.state(held.id) is State.QUEUED
        await line.office.release(held.id, line.olga)
        assert (await line.north.receive(timeout_s=15)).text == "held"
        assert [entry.id for entry in await line.office.waiting() if entry.id == never.id] == []


async def test_the_node_tells_its_binds_on_the_board_the_pages_and_in_figures(tmp_path: Path) -> None:
    async with a_line(tmp_path) as line:
        await line.office.send(line.text(CHINA), line.olga)
        await line.north.receive(timeout_s=10)

        async def told() -> bool:
            nodes = await line.office.nodes()
            binds = nodes[0].told.get("binds", []) if nodes else []
            return [(bind["name"], bind["bound"]) for bind in binds] == [("north/main", True), ("south/main", True)]

        await until(told)
        (node,) = await line.office.nodes()
        assert (node.node, node.running) == ("main", True)
        assert node.told["binds"][1]["holder"] == "main"  # held by lease
        page = f"http://127.0.0.1:{line.node.health_port}"
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{page}/health/detail") as answer:
                detail = json.loads(await answer.text())
            async with http.get(f"{page}/metrics") as answer:
                metrics = await answer.text()
        assert detail["state"] == "well"
        assert [bind["name"] for bind in detail["sms"]["binds"]] == ["north/main", "south/main"]
        assert 'tellerline_sms_bind_up{bind="south/main"} 1.0' in metrics
        assert 'tellerline_sms_submits_total{bind="north/main",status="ESME_ROK"} 1.0' in metrics
        assert 'tellerline_sms_texts_total{purpose="alert",state="accepted"} 1.0' in metrics
        assert CHINA[1:] not in metrics


async def test_a_drain_tells_how_far_it_is_and_the_board_that_the_node_has_stopped(tmp_path: Path) -> None:
    async with a_line(tmp_path) as line:
        with capture_logs() as logs:
            assert await line.node.drain(5.0)
        events = [one["event"] for one in logs]
        assert events.index("sms.draining") < events.index("sms.drained")
        (told,) = [one for one in logs if one["event"] == "sms.drained"]
        assert told["left"] == 0
