"""Who sends texts over real binds and real TCP, to fake message centres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from core_client.domain.secret import Secret
from sms.binds.esme import Respond
from sms.binds.pool import Binds
from sms.messages import Kept, Purpose, State
from sms.operators import BindSettings, Mode, Operator
from sms.sending.dispatcher import Dispatcher
from sms.smpp import Limits, Message, Status
from sms.testing.fake_smsc import Behaviour, FakeSmsc
from tests.unit.sms.sending_world import LONG, Rules, Store, outgoing, wall


def bind(name: str, port: int, mode: Mode = Mode.TRANSCEIVER, per_second: float = 0.0) -> BindSettings:
    return BindSettings(
        name,
        "127.0.0.1",
        port,
        "tellerline",
        Secret("demo"),
        mode=mode,
        per_second=per_second,
        limits=Limits(window=10, response_timeout_s=0.5),
        backoff_first_s=0.02,
        backoff_max_s=0.05,
    )


def take(_operator: str, _message: Message, _link: str, respond: Respond) -> None:
    respond(Status.ROK)


@dataclass
class Sender:
    binds: Binds
    store: Store
    dispatcher: Dispatcher
    taken: int = 0

    def say(self, text: str = "hello", purpose: Purpose = Purpose.ANSWER, operator: str = "") -> str:
        one = outgoing(text, purpose=purpose, operator=operator)
        self.taken += 1
        self.dispatcher.take(Kept(f"{self.taken}-0", one, {}))
        return one.id

    async def until(self, true: Callable[[], bool], timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not true():  # noqa: ASYNC110 - whatever a test waits for
                await asyncio.sleep(0.005)

    async def ended(self, ids: list[str]) -> None:
        await self.until(lambda: all(id_ in self.store.finished for id_ in ids))


@asynccontextmanager
async def sending(*operators: Operator) -> AsyncIterator[Sender]:
    binds = Binds(operators, take)
    store = Store()
    dispatcher = Dispatcher(binds, operators, store, store, Rules(), wall_clock=wall)
    async with binds.running(1.0), dispatcher.running():
        await binds.wait_bound(5)
        yield Sender(binds, store, dispatcher)


async def test_texts_arrive_whole_over_a_transmitter_and_nothing_goes_over_its_receiver() -> None:
    async with FakeSmsc() as smsc:
        operator = Operator(
            "north", (bind("tx", smsc.port, Mode.TRANSMITTER), bind("rx", smsc.port, Mode.RECEIVER)), senders=("95500",)
        )
        async with sending(operator) as sender:
            ids = [sender.say(LONG) for _ in range(20)]
            await sender.ended(ids)
            assert [text.text for text in smsc.waiting] == [LONG] * 20
            assert not smsc.rejected, "nothing that a receiver may not do"
            assert sender.binds["north/tx"].health(0.0).in_flight == 0
            assert all(len(sender.store.accepted[id_]) == 3 for id_ in ids)


async def test_texts_go_by_another_operator_while_one_is_away_and_none_is_lost() -> None:
    async with FakeSmsc() as dear:
        first = FakeSmsc()
        await first.start()
        port = first.port
        operators = (
            Operator("cheap", (bind("a", port),), cost=1),
            Operator("dear", (bind("a", dear.port),), cost=9),
        )
        async with sending(*operators) as sender:
            await sender.ended([sender.say() for _ in range(50)])
            assert (first.submits, dear.submits) == (50, 0)
            await first.close()
            await sender.until(lambda: not sender.binds.usable("cheap"))
            await sender.ended([sender.say() for _ in range(50)])
            assert dear.submits == 50
            async with FakeSmsc(port=port) as again:
                await sender.until(lambda: bool(sender.binds.usable("cheap")))
                await sender.ended([sender.say()])
                assert dear.submits == 51, "it is not trusted yet"
                await sender.ended([sender.say(operator="cheap")])
                assert again.submits == 1


async def test_a_throttled_bind_backs_off_and_everything_arrives_once() -> None:
    behaviour = Behaviour(throttle_every=5)
    async with FakeSmsc(behaviour=behaviour) as smsc, sending(Operator("north", (bind("a", smsc.port),))) as sender:
        ids = [sender.say(f"text {number}") for number in range(60)]
        await sender.ended(ids)
        assert len(smsc.waiting) == 60
        assert {text.text for text in smsc.waiting} == {f"text {number}" for number in range(60)}


@pytest.mark.parametrize("purpose", [Purpose.CODE, Purpose.CAMPAIGN])
async def test_links_that_are_cut_in_mid_window_lose_no_code_and_repeat_no_campaign(purpose: Purpose) -> None:
    behaviour = Behaviour(answer_delay_s=0.02)
    async with FakeSmsc(behaviour=behaviour) as smsc, sending(Operator("north", (bind("a", smsc.port),))) as sender:
        ids = [sender.say(f"text {number}", purpose) for number in range(200)]
        for cut in range(4):
            await sender.until(lambda cut=cut: smsc.submits >= 30 * (cut + 1))  # type: ignore[misc]  # bound early
            smsc.drop_links()
        await sender.ended(ids)
        came = [text.text for text in smsc.waiting]
        states = [sender.store.states(id_, 1)[-1] for id_ in ids]
        if purpose is Purpose.CODE:
            assert set(came) == {f"text {number}" for number in range(200)}
            assert set(states) == {State.ACCEPTED}
            assert len(came) > 200, "some arrived twice, which does no harm"
        else:
            assert len(came) == len(set(came)), "none arrived twice"
            unknown = states.count(State.UNKNOWN)
            assert 0 < unknown <= 40
            assert states.count(State.ACCEPTED) == 200 - unknown
            assert len(came) >= 200 - unknown


async def test_a_centre_that_swallows_a_text_is_asked_again() -> None:
    behaviour = Behaviour(swallow=1)
    async with FakeSmsc(behaviour=behaviour) as smsc, sending(Operator("north", (bind("a", smsc.port),))) as sender:
        code = sender.say("123456", Purpose.CODE)
        await sender.ended([code])
        assert sender.store.states(code, 1) == [State.SENT, State.UNKNOWN, State.SENT, State.ACCEPTED]


async def test_the_promised_speed_is_kept_over_the_wire() -> None:
    async with FakeSmsc() as smsc, sending(Operator("north", (bind("a", smsc.port, per_second=100.0),))) as sender:
        began = asyncio.get_running_loop().time()
        await sender.ended([sender.say(LONG) for _ in range(30)])
        took_s = asyncio.get_running_loop().time() - began
        assert took_s >= (90 - 10) / 100, "by parts, less one burst"
        assert took_s < 3.0
