from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from core_client.adapters.valkey import Store, open_store
from core_client.domain.secret import Secret
from sms.binds.esme import Respond
from sms.binds.leases import Leases
from sms.binds.pool import Binds
from sms.operators import BindSettings, Mode, Operator
from sms.smpp import Message, Status
from sms.testing.fake_smsc import FakeSmsc


def settings(name: str, port: int, mode: Mode = Mode.TRANSCEIVER, **more: object) -> BindSettings:
    return BindSettings(
        name,
        "127.0.0.1",
        port,
        "tellerline",
        Secret("demo"),
        mode=mode,
        backoff_first_s=0.02,
        backoff_max_s=0.1,
        **more,  # type: ignore[arg-type]  # of the fields that a test names
    )


def take(_operator: str, _message: Message, _link: str, respond: Respond) -> None:
    respond(Status.ROK)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - whatever a test waits for
            await asyncio.sleep(0.005)


async def test_all_binds_of_all_operators_come_up_and_are_closed_together() -> None:
    async with FakeSmsc() as one, FakeSmsc() as two:
        operators = (
            Operator("north", (settings("a", one.port), settings("b", one.port))),
            Operator("south", (settings("tx", two.port, Mode.TRANSMITTER), settings("rx", two.port, Mode.RECEIVER))),
        )
        binds = Binds(operators, take)
        async with binds.running():
            await binds.wait_bound(5)
            assert [way.name for way in binds.usable("north")] == ["north/a", "north/b"]
            assert [way.name for way in binds.usable("south")] == ["south/tx"], "a receiver sends nothing"
            assert all(health.bound for health in binds.health())
            assert (one.bound, two.bound) == (2, 2)
        assert (one.bound, two.bound) == (0, 0)
        assert not binds.bound


async def test_a_message_comes_with_its_operators_name() -> None:
    came: list[tuple[str, str]] = []

    def hear(operator: str, _message: Message, link: str, respond: Respond) -> None:
        came.append((operator, link))
        respond(Status.ROK)

    async with FakeSmsc() as smsc:
        binds = Binds((Operator("north", (settings("a", smsc.port),)),), hear)
        async with binds.running():
            await binds.wait_bound(5)
            await smsc.deliver("+8613900000001", "95500", "hi")
    assert came[0][0] == "north"
    assert came[0][1].startswith("north/a/")


async def test_one_operator_that_is_down_does_not_keep_the_others_from_working() -> None:
    async with FakeSmsc() as one:
        operators = (Operator("north", (settings("a", one.port),)), Operator("south", (settings("a", 1),)))
        binds = Binds(operators, take)
        async with binds.running():
            await binds["north/a"].esme.wait_bound(5)
            assert binds.usable("north")
            assert not binds.usable("south")
            await asyncio.sleep(0)
            assert {name: state for name, (state, _) in binds.states().items()} == {"north": "well", "south": "down"}


async def test_a_bind_that_may_exist_once_is_up_on_one_node_and_on_the_next_when_that_one_goes(tmp_path: Path) -> None:
    def leases(store: Store, node: str) -> Leases:
        return Leases(store.redis, node, ttl_s=2.0, margin_s=0.5, renew_s=0.3, ask_s=0.05, answer_s=0.3)

    async with FakeSmsc() as smsc, open_store(None, tmp_path) as store:
        operators = (Operator("north", (settings("a", smsc.port, single=True),)),)
        one = Binds(operators, take, leases(store, "one"))
        two = Binds(operators, take, leases(store, "two"))
        async with AsyncExitStack() as second:
            async with one.running():
                await one.wait_bound(5)
                await second.enter_async_context(two.running())
                await until(lambda: two.health()[0].holder == "one")
                assert smsc.bound == 1, "never two at once"
                assert not two.usable("north")
                assert not two.health()[0].held
                assert two.states() == {"north": ("elsewhere", "held by one")}
            await until(lambda: bool(two.usable("north")))
            assert smsc.bound == 1
            assert two.health()[0].fence == one.health()[0].fence + 1


async def test_two_binds_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="north/a"):
        Binds((Operator("north", (settings("a", 1), settings("a", 2))),), take)
