"""What is counted adds up, whoever calls, whatever breaks, however many nodes count."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from core_client.adapters.valkey import open_store
from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.domain.values import Value
from core_client.operations import REGISTRY, UNAUTHENTICATED, Type
from core_client.services.call import OperationCall, OperationResult
from flows import figures
from flows.dialogue import (
    Channel,
    DigitsReceived,
    GatherDigits,
    InputTimedOut,
    Party,
    PartyLeft,
    Record,
    RecordingEnded,
    Resume,
    Say,
    TextReceived,
    TransferEnded,
    TransferToAgent,
    Trigger,
    Turn,
    What,
)
from flows.figures import DIALOGUES, Figures, FiguresRead, VersionFigures, key_of, read, versions_key
from flows.model import Way
from flows.runner import CUT, Ended, Runner, Suspended
from flows.session import Session
from flows.store import FlowStore
from flows.testing import MemorySessions, ScriptedLine
from flows.vault import Vault
from tests.flows.test_fuzzed_dialogues import value
from tests.unit.flows.core import HandClock, ToldCore
from tests.unit.flows.flow_texts import SMALL
from tests.unit.flows.test_session_as_json import BARE

SHIPPED = FlowStore().current("retail")


class AnyLine(ScriptedLine):
    """Anything may come back on it, also an error of our own."""

    def __init__(self, channel: Channel, vault: Vault, rng: random.Random) -> None:
        super().__init__(channel, vault)
        self.rng = rng

    async def say(self, say: Say) -> PartyLeft | None:
        await asyncio.sleep(0)
        if self.rng.random() < 0.002:
            raise RuntimeError("the line broke")
        return PartyLeft() if self.channel is Channel.VOICE and self.rng.random() < 0.01 else None

    async def gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
        if self.rng.random() < 0.03:
            return PartyLeft()
        if self.rng.random() < 0.2:
            return InputTimedOut(self.rng.randint(0, 1))
        if wait.secret:
            return DigitsReceived("", self._vault.keep(Secret("739154")))
        keys = "".join(self.rng.choice("0123456789*#12345") for _ in range(self.rng.randint(1, wait.max_digits)))
        return DigitsReceived(keys)

    async def transfer(self, wait: TransferToAgent) -> TransferEnded | PartyLeft:
        return PartyLeft() if self.rng.random() < 0.2 else TransferEnded(self.rng.choice(["answered", "timeout"]))

    async def record(self, wait: Record) -> RecordingEnded | PartyLeft:
        return RecordingEnded("ok", "1", 3)


@dataclass
class AnyCore:
    """Answers anything that the registry allows, and asks for the proof again now and then."""

    rng: random.Random

    async def perform(self, call: OperationCall) -> OperationResult:
        operation = REGISTRY[call.operation]
        outcome = self.rng.choice([*operation.outcomes, *["ok"] * 9])
        if self.rng.random() < 0.05:
            outcome = UNAUTHENTICATED
        if outcome != "ok":
            return OperationResult(outcome)
        fields = {
            name: Secret("482913") if f.type is Type.SECRET else value(self.rng, f)
            for name, f in operation.answer.items()
        }
        return OperationResult("ok", {name: found for name, found in fields.items() if self.rng.random() < 0.99})

    async def keep(self, auth_session_id: str) -> None:
        return None

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        return None


@dataclass
class ByHand:
    """Counts the steps that are entered, mark by mark, and tells everything on."""

    figures: Figures
    entered: Counter[str]

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        self.entered.update(mark.step for mark in turn.trail if mark.what is What.ENTERED)
        self.figures.turned(session, turn, before)

    def answered(self, session: Session, resume: Resume, seconds: float) -> None:
        self.figures.answered(session, resume, seconds)

    def left(self, session: Session) -> None:
        self.figures.left(session)

    def ended(self, session: Session, reason: str) -> None:
        self.figures.ended(session, reason)


@dataclass
class World:
    """Dialogues on one node, counted by figures and, mark by mark, by hand."""

    observer: Figures
    rng: random.Random
    entered: Counter[str] = field(default_factory=Counter)
    standing: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.vault = Vault(monotonic=lambda: 0.0)
        self.clock = HandClock()
        self.runner = Runner(
            FlowStore(), MemorySessions(), AnyCore(self.rng), self.vault, self.clock,
            observer=ByHand(self.observer, self.entered),
        )  # fmt: skip

    async def play(self, name: str) -> None:
        rng = self.rng
        channel = rng.choice(list(Channel))
        party = Party("+8613900000001", rng.random() < 0.8, rng.choice(["zh", "en", None]))
        pattern = rng.choice(SHIPPED.sms_patterns)
        slots = {
            part.name: value(rng, REGISTRY["transfers.prepare"].parameters["amount"])
            if part.type is Type.MONEY
            else "1234"
            for part in pattern.parts
            if not isinstance(part, str)
        }
        trigger = Trigger("retail", channel, party, name, name, self.clock.now())
        if channel is Channel.SMS:
            trigger = Trigger("retail", channel, party, name, name, self.clock.now(), pattern.step, slots)
        line = AnyLine(channel, self.vault, rng)
        try:
            result = await self.runner.start(trigger, line)
            while isinstance(result, Suspended) and rng.random() < 0.8:
                self.clock.advance(rng.choice([5, 20, 2000]) if rng.random() < 0.2 else 5)
                text = TextReceived(rng.choice(["yes", "no", "1", "zzz"]))
                if result.wait.code:
                    text = TextReceived("", self.vault.keep(Secret("482913")))
                result = await self.runner.resume(name, text, line)
        except RuntimeError:
            self.ends[CUT] += 1
            return
        if isinstance(result, Ended):
            self.ends[result.reason] += 1
        else:
            self.standing[result.session.step] += 1


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    async with open_store(None, tmp_path) as opened:
        yield opened.redis


def adds_up(found: VersionFigures, *worlds: World) -> None:
    """Assert that nothing was lost and nothing counted twice."""
    entered, standing, ends = Counter[str](), Counter[str](), Counter[str]()
    for world in worlds:
        entered, standing, ends = entered + world.entered, standing + world.standing, ends + world.ends
    assert {name: step.visits for name, step in found.steps.items() if step.visits} == dict(entered)
    for name, step in found.steps.items():
        assert step.visits == step.left + sum(step.ended.values()) + step.again + standing[name], name
        assert step.standing == standing[name]
        # A gate lies on the way to the step; what follows a call is counted when its sub-flow returns.
        beside = {Way.GATE, Way.NEXT} if (Way.CALL, "") in step.ways else {Way.GATE}
        assert step.left == sum(count for (way, _), count in step.ways.items() if way not in beside), name
    assert dict(found.ended) == dict(ends)
    assert found.dialogues == sum(ends.values()) + sum(standing.values())


async def test_visits_are_left_ended_or_begun_again_on_two_nodes_at_once(redis: Redis) -> None:
    worlds = [World(Figures(redis, every_s=0.01), random.Random(seed)) for seed in (1, 2)]

    async def node(world: World) -> None:
        async with world.observer.counting():
            for number in range(300):
                await world.play(f"{id(world)}-{number}")
                if number % 25 == 0:
                    await asyncio.sleep(0.01)

    await asyncio.gather(*(node(world) for world in worlds))
    found = await FiguresRead(redis).of("retail", SHIPPED.version)
    adds_up(found, *worlds)
    # It is a test of something only when all of these happened:
    assert {"done", "party_left", "expired", CUT} <= set(found.ended)
    assert sum(step.again for step in found.steps.values()) > 0
    assert sum(step.standing for step in found.steps.values()) > 0
    assert any(way == Way.GATE for step in found.steps.values() for way, _ in step.ways)
    assert await FiguresRead(redis).of("retail", SHIPPED.version, ["2026-03-02"]) == found
    assert (await FiguresRead(redis).of("retail", SHIPPED.version, ["2026-03-01"])).dialogues == 0
    assert await FiguresRead(redis).versions("retail") == [SHIPPED.version]
    assert 0 < await redis.ttl(key_of("retail", SHIPPED.version)) <= figures.KEPT_S


async def small_call(folder: Path, observer: Figures, *script: str | InputTimedOut) -> None:
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    vault, clock = Vault(monotonic=lambda: 0.0), HandClock()
    runner = Runner(FlowStore(folder), MemorySessions(), ToldCore(), vault, clock, observer=observer)
    trigger = Trigger("small", Channel.VOICE, Party("+8613900000001", True, "en"), "s1", "a1", clock.now())
    await runner.start(trigger, ScriptedLine(Channel.VOICE, vault, script))


def counted(observer: Figures) -> VersionFigures:
    """Answer what waits to be handed on."""
    ((flow, version, _), counts), *none = observer._counts.items()
    assert not none
    return read(flow, version, counts)


async def test_a_call_is_counted_by_step_way_and_end(tmp_path: Path) -> None:
    observer = Figures(Redis())
    await small_call(tmp_path, observer, InputTimedOut(), "7", "1", "739154", "2", "1#")
    found = counted(observer)
    main, amount = found.steps["main"], found.steps["amount"]
    assert (main.visits, main.left, main.no_input, main.no_match, main.answers, main.waits) == (2, 2, 1, 1, 3, 4)
    assert main.ways == {("key", "1"): 1, ("key", "2"): 1, ("gate", "auth"): 1}
    assert found.steps["pin_check"].ways == {("outcome", "ok"): 1}
    assert (amount.visits, amount.hangups, amount.left, amount.hangup_share) == (1, 1, 0, 1.0)
    assert (found.begun, found.ended) == ({"voice": 1}, {"party_left": 1})


async def test_the_time_between_a_question_and_its_answer_is_counted(tmp_path: Path) -> None:
    observer = Figures(Redis())

    class Slow(ScriptedLine):
        async def gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
            await asyncio.sleep(0.02)
            return await super().gather(wait)

    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    vault, clock = Vault(monotonic=lambda: 0.0), HandClock()
    runner = Runner(FlowStore(tmp_path), MemorySessions(), ToldCore(), vault, clock, observer=observer)
    trigger = Trigger("small", Channel.VOICE, Party(None, True, "en"), "s1", "a1", clock.now())
    await runner.start(trigger, Slow(Channel.VOICE, vault, ["3"]))
    assert 0.02 <= counted(observer).steps["main"].average_s < 1


async def test_the_time_until_a_text_is_the_time_since_it_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    vault, clock, observer = Vault(monotonic=lambda: 0.0), HandClock(), Figures(Redis())
    runner = Runner(FlowStore(tmp_path), MemorySessions(), ToldCore(), vault, clock, observer=observer)
    party = Party("+8613900000001", True, "en")
    slots: dict[str, Value] = {"amount": Money(50000, "CNY"), "payee": "LILEI"}
    line = ScriptedLine(Channel.SMS, vault)
    trigger = Trigger("small", Channel.SMS, party, "s1", "a1", clock.now(), "prepare", slots)
    assert isinstance(await runner.start(trigger, line), Suspended)
    clock.advance(42)
    await runner.resume("s1", TextReceived("", vault.keep(Secret("482913"))), line)
    confirm = counted(observer).steps["confirm"]
    assert (confirm.visits, confirm.left, confirm.ways) == (1, 1, {("yes", ""): 1})
    assert (confirm.answers, confirm.waits, round(confirm.seconds)) == (3, 3, 42)  # the code, the text, its check


async def test_whoever_leaves_during_the_last_words_has_not_hung_up_early(tmp_path: Path) -> None:
    observer = Figures(Redis())

    class Impatient(ScriptedLine):
        async def say(self, say: Say) -> PartyLeft | None:
            return PartyLeft() if "goodbye" in str(say) else None

    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    vault, clock = Vault(monotonic=lambda: 0.0), HandClock()
    runner = Runner(FlowStore(tmp_path), MemorySessions(), ToldCore(), vault, clock, observer=observer)
    trigger = Trigger("small", Channel.VOICE, Party(None, True, "en"), "s1", "a1", clock.now())
    await runner.start(trigger, Impatient(Channel.VOICE, vault, ["3"]))
    bye = counted(observer).steps["bye"]
    assert (bye.hangups, bye.ended) == (0, {"done": 1})


async def test_an_observer_that_raises_touches_no_dialogue(tmp_path: Path) -> None:
    class Broken(Figures):
        def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
            raise ValueError(f"the PIN is {session.variables}")

    with capture_logs() as logs:
        await small_call(tmp_path, Broken(Redis()), "3")
    assert {(log["event"], log.get("error")) for log in logs} == {("observer.raised", "ValueError")}
    assert "PIN" not in str(logs)


# --- the store ---


class Losing:
    """A pipeline whose answer gets lost, before or after the store has done what was asked."""

    def __init__(self, pipeline: Pipeline, what: str) -> None:
        self._pipeline = pipeline
        self._what = what
        self.eval = pipeline.eval

    async def execute(self) -> object:
        if self._what == "away":
            raise RedisConnectionError("away")
        answer = await self._pipeline.execute()
        if self._what == "lost":
            raise TimeoutError
        return answer


class LosingRedis:
    """A store that loses answers as told."""

    def __init__(self, redis: Redis, *what: str) -> None:
        self._redis = redis
        self._what = list(what)

    def pipeline(self, transaction: bool) -> Losing:
        return Losing(self._redis.pipeline(transaction=transaction), self._what.pop(0))


def told(observer: Figures, count: int, flow: str = "f", version: str = "v1", day: str = "2026-03-02") -> None:
    observer._count(observer._counts.setdefault((flow, version, day), {}), "main visits", count)


async def test_an_answer_that_got_lost_is_not_counted_twice(redis: Redis) -> None:
    observer = Figures(cast(Redis, LosingRedis(redis, "lost", "lost", "away", "well", "well")))
    told(observer, 3)
    told(observer, 1, day="2026-03-03")
    told(observer, 5, version="v2")
    told(observer, 7, flow="g")
    assert not await observer.flush()
    told(observer, 10)  # meanwhile
    assert not await observer.flush()
    assert not await observer.flush()
    assert await observer.flush()
    reading = FiguresRead(redis)
    assert (await reading.of("f", "v1")).steps["main"].visits == 14
    assert (await reading.of("f", "v1", ["2026-03-03"])).steps["main"].visits == 1
    assert (await reading.of("f", "v2")).steps["main"].visits == 5
    assert (await reading.of("g", "v1")).steps["main"].visits == 7
    assert observer.waiting == 0


async def test_what_is_kept_while_the_store_is_away_is_bounded_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MAX_COUNTS", 10)
    away = Redis(unix_socket_path="/nowhere", retry=Retry(NoBackoff(), 0))
    observer = Figures(away)
    with capture_logs() as logs:
        for number in range(30):
            observer._count(observer._counts.setdefault(("f", "v", "d"), {}), f"s{number} visits")
            assert not await observer.flush()
        assert observer.waiting <= 2 * 10
        async with observer.counting():
            pass
    assert [log["event"] for log in logs] == ["figures.kept_back", "figures.lost"]
    await away.aclose()


async def test_a_client_that_fails_in_a_way_of_its_own_does_not_end_the_counting(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = Figures(redis, every_s=0.01)
    with monkeypatch.context() as broken:
        failed = asyncio.Event()

        def pipeline(**_: object) -> Pipeline:
            failed.set()
            raise AttributeError

        broken.setattr(redis, "pipeline", pipeline)
        observer._count(observer._of(BARE), "main visits")
        async with observer.counting():
            await failed.wait()
            broken.undo()
            async with asyncio.timeout(20):
                while observer.waiting:  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(0.01)


async def test_versions_are_answered_the_last_counted_first(redis: Redis) -> None:
    await redis.zadd(versions_key("f"), {"old": 10, "new": 4_000_000_000})
    assert await FiguresRead(redis).versions("f") == ["new", "old"]
    observer = Figures(redis)
    told(observer, 1, version="now")
    assert await observer.flush()
    assert await FiguresRead(redis).versions("f") == ["new", "now"]  # the old one's counts are gone by now


def test_counts_are_read_as_they_are_written() -> None:
    counts = {f"{DIALOGUES} begun voice": 2, "a way outcome ok": 1, "a way next": 1, "a ended party_left": 1}
    found = read("f", "v", counts | {"a visits": 3, "a ms": 1500, "a waits": 3})
    assert found.steps["a"].ways == {("outcome", "ok"): 1, ("next", ""): 1}
    assert (found.steps["a"].average_s, found.steps["a"].hangups, found.dialogues) == (0.5, 1, 2)
