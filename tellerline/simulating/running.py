"""One run: a plan played on a fresh world, every invariant checked after every step."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import structlog

from core_client.testing import world as worlds
from core_client.testing.world import MEMORY
from sounds.catalogue import Catalogue
from tellerline.simulating import errands, people
from tellerline.simulating.books import Broken, Invariant
from tellerline.simulating.faults import Armed
from tellerline.simulating.loop import CHANCE, run_virtual
from tellerline.simulating.node import chance_of
from tellerline.simulating.observing import observe
from tellerline.simulating.plan import Event, plan_of, setting_of
from tellerline.simulating.plants import NONE, Plant
from tellerline.simulating.world import World

SETTLING_S = 7_200.0  # when faults stop, everything has a last word within this time, and everybody was told
LOOK_WHOLE_EVERY = 250  # steps between two additions of the whole ledger by the product's own check
JUMP_S = (-2_700.0, 2_700.0)
OUTAGE_S = (1.0, 90.0)
LONG_OUTAGE_S = (600.0, 1_500.0)  # longer than an order may wait to be confirmed
LONG_OUTAGES = 0.25


class Mode(StrEnum):
    """What is asked of a run."""

    SAFETY = "safety"  # nothing bad happens, whatever goes wrong
    LIVENESS = "liveness"  # and when it stops going wrong, everything good happens


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. ``broken`` is the first thing that did not hold, ``at`` the step it was found at."""

    seed: int
    steps: int
    mode: Mode
    broken: Broken | None
    at: int
    trace: Sequence[str]
    digest: str  # of everything that the books and the customers saw: the same for the same plan
    counts: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)


def run(
    seed: int,
    steps: int,
    *,
    mode: Mode = Mode.SAFETY,
    plant: Plant = NONE,
    only: Sequence[Event] | None = None,
) -> Outcome:
    """Play the plan of ``seed``, or the events of it that ``only`` keeps."""
    plan = plan_of(seed, steps) if only is None else only
    template()
    with _quiet(), plant.planted(), tempfile.TemporaryDirectory(prefix="tellerline-sim-", dir=MEMORY) as folder:
        failures: list[str] = []
        return run_virtual(_play(seed, steps, plan, mode, plant, Path(folder), failures), failures.append)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop log lines: a node that is told to fail would fill the screen with it."""
    before = structlog.get_config()
    structlog.configure(
        processors=[_drop], logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=False
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: object, _name: str, _event: object) -> str:
    raise structlog.DropEvent


@functools.cache
def _catalogue() -> Catalogue:
    return Catalogue.load()


_templates: list[tempfile.TemporaryDirectory[str]] = []


def template() -> Path:
    """Answer a database with the demo customers and the simulation's triggers, made once per process."""
    if not _templates:
        folder = tempfile.TemporaryDirectory(prefix="tellerline-sim-", dir=MEMORY)
        file = Path(folder.name) / "bank.db"
        file.write_bytes(asyncio.run(worlds.seeded_file()).read_bytes())
        observe(file)
        _templates.append(folder)
    return Path(_templates[0].name) / "bank.db"


async def _play(
    seed: int, steps: int, plan: Sequence[Event], mode: Mode, plant: Plant, folder: Path, failures: list[str]
) -> Outcome:
    CHANCE.set(chance_of(seed, "the world"))
    world = World(setting_of(seed), folder, template(), _catalogue(), plant)
    try:
        await world.start()
        at = 0
        for event in plan:
            world.step = at = event.n
            await asyncio.sleep(event.wait_s)
            _happen(world, event)
            await asyncio.sleep(0)
            while failures:
                world.failed(failures.pop())
            if event.n % LOOK_WHOLE_EVERY == 0:
                await _look_whole(world)
            world.disk.tidy()
            if world.broken:
                break
        world.step = at + 1
        if not world.broken:
            await _end(world, mode)
        while failures:
            world.failed(failures.pop())
        return _outcome(world, seed, steps, mode)
    finally:
        world.stop()
        for node in world.nodes:
            node.place.die()
        world.core_place.die()
        world.disk.close()


def _happen(world: World, event: Event) -> None:
    """Let one event happen, with its own chance."""
    token = CHANCE.set(chance_of(event.salt))
    try:
        match event.kind:
            case "voice":
                world.people[event.who].voice(event)
            case "text":
                world.people[event.who].text(event)
            case "thief":
                people.thief(world, event)
            case "forger":
                people.forger(world, event)
            case "staff":
                people.staff(world, event)
            case "machine":
                errands.machine(world, event)
            case "fault":
                label, kind = event.what.split(" ")
                world.faults.arm(Armed(label, kind, event.amount))
            case "world":
                _shake(world, event)
    finally:
        CHANCE.reset(token)


def _shake(world: World, event: Event) -> None:
    chance = chance_of("shake", event.salt)
    world.faults.happened[f"world {event.what}"] += 1
    match event.what:
        case "crash":
            places = [node.place for node in world.nodes] + ([world.core_place] if world.setting.remote else [])
            world.crash(chance.choice(places))
        case "power":
            world.cut_power()
        case "jump":
            world.clock.skew_s = chance.uniform(*JUMP_S)
            world.note(f"the clock is {world.clock.skew_s:.0f} s wrong now")
        case "core_down":
            length_s = LONG_OUTAGE_S if chance.random() < LONG_OUTAGES else OUTAGE_S
            world.outage("core", chance.uniform(*length_s))
        case "store_down":
            world.outage("store", chance.uniform(*OUTAGE_S))
        case "sweep":
            world.sweep(chance.randrange(8))


async def _look_whole(world: World) -> None:
    """Add the whole ledger up, by the product's own check."""
    node = world.up(0)
    if node is not None and node.bank is not None:
        try:
            await asyncio.wait_for(node.bank.ledger.check_books(), 60)
        except (TimeoutError, asyncio.CancelledError):
            return  # the node died meanwhile
        except Exception as error:  # noqa: BLE001 - a read that was told to fail, or books that do not add up
            if "InvariantBroken" in type(error).__name__:
                world.report(Broken(Invariant.BALANCED, str(error)))


async def _end(world: World, mode: Mode) -> None:
    """Hold everything that was said against the books; in liveness, after everything has settled."""
    if mode is Mode.LIVENESS:
        world.calm_down()
        await asyncio.sleep(SETTLING_S)
        _settled(world)
    world.books.look(world.disk.watcher)
    world.told.recheck()


def _settled(world: World) -> None:
    for intent, shadow in world.books.intents.items():
        if shadow.state in ("authorised", "held", "unknown") or shadow.hold == "held":
            detail = f"{intent[:8]} is still {shadow.state}, its hold {shadow.hold}"
            world.report(Broken(Invariant.SETTLED, detail))
        if (shadow.state == "posted") != (shadow.posted is not None and shadow.reversed is None):
            detail = f"{intent[:8]} is {shadow.state}, booked as {shadow.posted}"
            world.report(Broken(Invariant.RECONCILED, detail))
    for intent in world.cash_intents:
        cash = world.books.intents.get(intent)
        if cash is not None and cash.posted and not cash.reversed and intent not in world.told.paid:
            world.report(Broken(Invariant.SETTLED, f"{intent[:8]} is booked, and no machine paid it out"))
    for intent, heard in world.told.untold().items():
        if world.people[heard.customer].who.line is None:
            continue  # there is no number to text
        world.report(Broken(Invariant.UNTOLD, f"the customer of {intent[:8]} still waits for a last word"))
    if world.gateway.waiting:
        world.report(Broken(Invariant.SETTLED, f"{world.gateway.waiting} texts wait for an answer"))
    down = [node.name for node in world.nodes if node.bank is None]
    if down:
        world.report(Broken(Invariant.SETTLED, f"{', '.join(down)} never came up again"))


def _outcome(world: World, seed: int, steps: int, mode: Mode) -> Outcome:
    rows = world.disk.watcher.execute("SELECT what, key, a, b, c, d FROM sim_log ORDER BY seq")
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(row).encode())
    digest.update("\n".join(world.trace).encode())
    at, broken = world.broken[0] if world.broken else (world.step, None)
    counts = Counter(
        operations=world.operations,
        words=world.told.words,
        intents=len(world.books.intents),
        posted=sum(shadow.posted is not None for shadow in world.books.intents.values()),
        crashes=world.crashes,
        power_cuts=world.power_cuts,
        changes=world.books.seq,
        virtual_s=int(world.loop.time()),
    )
    return Outcome(
        seed, steps, mode, broken, at, tuple(world.trace), digest.hexdigest()[:16], counts,
        world.faults.happened, world.faults.passed,
    )  # fmt: skip
