"""A call that nobody answers, through the FastAGI server: whom a text is begun for, how often, and what never is."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import open_store
from core_client.errors import Unavailable
from core_client.testing.clock import ManualClock
from core_client.testing.world import World, world
from ivr.server import FastAgiServer
from ivr.testing import FakeCall, FakePbx
from ivr.testing.channel import CHANNEL_RINGING
from sms.people.windows import Windows
from sms.store.journal import Journal, JournalDown
from sms.testing.fake_smsc import FakeSmsc
from tellerline import missed_calls
from tellerline.bootstrap import Seams, running
from tellerline.config import Agi, Bank, Config, Health, Server, Sms
from tellerline.config_missed_call import MissedCall
from tellerline.missed_calls import SCRIPT, MissedCalls, is_missed_call

WANG, JOHN, LI = "+8613900000001", "+8613900000002", "+8613900000003"
NUMBER = "95501"
CHEAP = PinCost(memory_kib=64, passes=1)


class Texts:
    """What stands for the gateway."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.names: set[str] = set()
        self.error: Exception | None = None
        self.silent = False
        self.came = asyncio.Event()

    async def begin(self, number: str, step: str, name: str) -> None:
        self.names.add(name)
        if self.silent:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.begun.append((number, step))
        self.came.set()


@dataclasses.dataclass
class Line:
    """A bank, a server, and an exchange that calls it."""

    bank: World
    clock: ManualClock
    texts: Texts
    outcomes: list[str]
    server: FastAgiServer
    pbx: FakePbx

    async def agree(self, number: str, on: bool = True) -> None:
        session = (await self.bank.core.arrive("sms", number)).auth_session_id
        result = await self.bank.perform(session, "customer.missed_call_balance", "sms", on=on)
        assert result.outcome == "ok"

    async def place(self, caller: str | None, attestation: str = "") -> FakeCall:
        return await self.pbx.dial(
            "127.0.0.1",
            self.server.port,
            caller=caller,
            called=NUMBER,
            script=SCRIPT,
            arguments=(attestation,),
            answered=False,
        )

    async def ring(self, caller: str | None, attestation: str = "") -> str:
        """Call, and answer what became of it; nothing was ever played, asked or answered."""
        before = len(self.outcomes)
        call = await self.place(caller, attestation)
        assert (await call.wait_ended()).completed
        assert call.channel.state == CHANNEL_RINGING  # it never was up
        assert [one.replace('"', "") for one in call.commands] == ["SET VARIABLE TELLERLINE_COMPLETED 1"]
        assert len(self.outcomes) == before + 1
        return self.outcomes[-1]


@asynccontextmanager
async def line(folder: Path, settings: MissedCall | None = None) -> AsyncIterator[Line]:
    outcomes: list[str] = []
    texts, clock = Texts(), ManualClock()

    async with world(clock=clock) as bank, open_store(None, folder) as store:
        journal = Journal(store.redis)
        async with journal.running():
            handler = MissedCalls(
                settings or MissedCall(),
                bank.bank.messaging,
                texts,
                Windows(journal, "test:{sms}"),
                Sealer(bytes(32)),
                clock,
                region="CN",
                on_outcome=outcomes.append,
            )
            async with FastAgiServer(handler, host="127.0.0.1", port=0) as server, FakePbx() as pbx:
                yield Line(bank, clock, texts, outcomes, server, pbx)


async def test_who_agreed_gets_a_text_and_nobody_is_answered(tmp_path: Path) -> None:
    async with line(tmp_path) as calls:
        await calls.agree(WANG)
        assert await calls.ring(WANG) == "texted"
        assert await calls.ring("013900000001") == "again"  # the same number, as a local trunk writes it
        assert calls.texts.begun == [(WANG, "balance")]


async def test_who_did_not_agree_took_it_back_or_is_nobody_gets_nothing(tmp_path: Path) -> None:
    async with line(tmp_path) as calls:
        await calls.agree(WANG)
        await calls.agree(WANG, on=False)
        for number in (WANG, JOHN, "+8613912345678"):
            assert await calls.ring(number) == "not_wanted"
        assert await calls.ring(None) == "withheld"
        assert await calls.ring("Restricted") == "withheld"
        assert calls.texts.begun == []


@pytest.mark.parametrize(
    ("attestation", "outcome"),
    [("A", "texted"), ("B", "texted"), ("", "texted"), ("C", "unproven"), ("failed", "unproven"), ("a ", "texted")],
)
async def test_a_number_that_the_carrier_does_not_vouch_for_gets_nothing(
    tmp_path: Path, attestation: str, outcome: str
) -> None:
    async with line(tmp_path) as calls:
        await calls.agree(WANG)
        assert await calls.ring(WANG, attestation) == outcome
        assert len(calls.texts.begun) == (outcome == "texted")


async def test_only_proven_numbers_count_where_the_bank_wants_it_so(tmp_path: Path) -> None:
    async with line(tmp_path, MissedCall(only_proven=True)) as calls:
        await calls.agree(WANG)
        assert await calls.ring(WANG) == "unproven"
        assert await calls.ring(WANG, "B") == "texted"


async def test_a_call_again_within_a_minute_is_the_same_call_and_a_day_has_so_many(tmp_path: Path) -> None:
    async with line(tmp_path, MissedCall(per_day=3)) as calls:
        await calls.agree(WANG)
        await calls.agree(JOHN)
        heard = []
        for _ in range(12):
            heard.append(await calls.ring(WANG))
            calls.clock.advance(30)
        assert heard == ["texted", "again"] * 2 + ["texted"] + ["too_many"] * 7
        assert await calls.ring(JOHN) == "texted"  # a share of one's own
        calls.clock.advance(24 * 3600 - 12 * 30)
        assert await calls.ring(WANG) == "texted"
        assert len(calls.texts.names) == len(calls.texts.begun) == 5


async def test_many_calls_of_one_number_at_once_are_one_text(tmp_path: Path) -> None:
    async with line(tmp_path) as calls:
        await calls.agree(WANG)
        placed = [await calls.place(WANG) for _ in range(10)]
        await asyncio.gather(*(call.wait_ended() for call in placed))
        assert sorted(calls.outcomes) == ["again"] * 9 + ["texted"]


async def test_who_hangs_up_at_once_gets_the_text_all_the_same(tmp_path: Path) -> None:
    async with line(tmp_path) as calls:
        await calls.agree(WANG)
        call = await calls.place(WANG)
        await call.hang_up()
        async with asyncio.timeout(5):
            await calls.texts.came.wait()
        assert calls.texts.begun == [(WANG, "balance")]


@pytest.mark.parametrize("error", [Unavailable("down"), JournalDown("down")])
async def test_a_gateway_that_is_down_is_no_text_and_no_broken_call(tmp_path: Path, error: Exception) -> None:
    async with line(tmp_path) as calls:
        await calls.agree(WANG)
        calls.texts.error = error
        assert await calls.ring(WANG) == "down"


async def test_a_gateway_that_hangs_lets_go_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_calls, "LIMIT_S", 0.05)
    async with line(tmp_path) as calls:
        await calls.agree(WANG)
        calls.texts.silent = True
        assert await calls.ring(WANG) == "down"


@pytest.mark.parametrize("trouble", [Unavailable("down"), JournalDown("down"), None])
async def test_a_redial_brings_the_text_that_failed_and_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    async with line(tmp_path, MissedCall(per_day=2)) as calls:
        await calls.agree(WANG)
        calls.texts.error, calls.texts.silent = trouble, trouble is None
        with monkeypatch.context() as patch:
            patch.setattr(missed_calls, "LIMIT_S", 0.05 if trouble is None else missed_calls.LIMIT_S)
            assert await calls.ring(WANG) == "down"
        first = set(calls.texts.names)
        calls.texts.error, calls.texts.silent = None, False
        assert await calls.ring(WANG) == "texted"
        assert calls.texts.names == first, "under the same name: should the first be stored after all, it is one text"
        assert await calls.ring(WANG) == "again"
        calls.clock.advance(61)
        assert await calls.ring(WANG) == "texted", "both calls were one"


async def test_a_text_that_failed_long_ago_lends_its_name_to_no_other(tmp_path: Path) -> None:
    async with line(tmp_path) as calls:
        await calls.agree(WANG)
        calls.texts.error = JournalDown("down")
        assert await calls.ring(WANG) == "down"
        calls.texts.error = None
        calls.clock.advance(61)
        assert await calls.ring(WANG) == "texted"
        assert len(calls.texts.names) == 2


def test_a_missed_call_is_what_the_dialplan_says_or_what_was_dialled() -> None:
    assert is_missed_call({"agi_network_script": SCRIPT}, "")
    assert is_missed_call({"agi_extension": NUMBER}, NUMBER)
    assert is_missed_call({"agi_extension": "s", "agi_dnid": NUMBER}, NUMBER)
    assert not is_missed_call({"agi_network_script": "tellerline", "agi_extension": "95500"}, NUMBER)
    assert not is_missed_call({"agi_extension": "", "agi_dnid": ""}, "")


async def test_a_whole_node_texts_the_balance_after_a_missed_call(tmp_path: Path) -> None:
    async with FakeSmsc() as smsc:
        config = Config(
            server=Server(state_dir=tmp_path / "state", drain_s=5.0),
            agi=Agi(port=0),
            bank=Bank(demo=True),
            health=Health(port=None),
            sms=Sms(host="127.0.0.1", port=smsc.port, password=SecretStr("demo")),
        )
        async with running(config, Seams(pin_cost=CHEAP)) as node, FakePbx() as pbx:
            await smsc.wait_bound(10)
            await smsc.deliver(JOHN, "95500", "MISSED ON")
            assert NUMBER in (await smsc.receive(to=JOHN)).text
            for caller in (JOHN, LI, JOHN, None):
                call = await pbx.dial("127.0.0.1", node.agi_port, caller=caller, called=NUMBER, answered=False)
                assert (await call.wait_ended()).completed
                assert call.channel.state == CHANNEL_RINGING
            text = await smsc.receive(to=JOHN)
            assert "8,000.00 CNY" in text.text
            assert await node.drain(5)
            assert not smsc.waiting  # Li never agreed, and John rang twice in a minute
        sample = node.metrics.registry.get_sample_value
        for outcome, count in (("texted", 1), ("again", 1), ("not_wanted", 1), ("withheld", 1)):
            assert sample("tellerline_missed_calls_total", {"outcome": outcome}) == count
