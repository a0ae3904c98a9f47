"""One node of the bank: the product's own wiring in a process that may die at any point and begins again."""

from __future__ import annotations

import contextlib
import datetime
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from core_client.adapters.embedded import EmbeddedBank, open_bank
from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.sql.ledger import SqlBank
from core_client.domain.secret import Secret
from core_client.ports.core_bank import CoreBank
from core_client.ports.pin_hashing import PinHashing
from core_client.services.call import Ports
from core_client.testing.clock import DEFAULT_START
from core_client.testing.sim_swaps import ScriptedSims
from core_client.testing.world import PEPPER
from flows.vault import Vault
from sms.gateway import SmsGateway
from tellerline.late_results import LateResults
from tellerline.simulating.core import RemoteBank
from tellerline.simulating.disk import turning
from tellerline.simulating.loop import CHANCE, Died, Place

if TYPE_CHECKING:
    from tellerline.simulating.world import World

CHEAP = PinCost(memory_kib=8, passes=1)  # argon2's least: what is counted is counted all the same
WATCH_S = 60.0  # how often a node asks about transfers without a last word


class VirtualClock:
    """The wall clock: the loop's time, and how far somebody has set it wrong."""

    def __init__(self, passed_s: Callable[[], float]) -> None:
        self._passed_s = passed_s
        self.skew_s = 0.0

    def now(self) -> datetime.datetime:
        """Answer the moment."""
        return DEFAULT_START + datetime.timedelta(seconds=self._passed_s() + self.skew_s)


class SeededRandomness:
    """:class:`~core_client.ports.randomness.Randomness` of the event that is playing out."""

    def token(self) -> str:
        """Answer 128 bits in hex."""
        return f"{CHANCE.get().getrandbits(128):032x}"

    def digits(self, count: int) -> str:
        """Answer ``count`` digits."""
        return f"{CHANCE.get().randrange(10**count):0{count}d}"

    def urlsafe(self, count: int) -> str:
        """Answer ``count`` bytes as text."""
        return CHANCE.get().randbytes(count).hex()


class WatchedPins:
    """Counts what reaches the hash, whatever the bank has counted itself."""

    def __init__(self, pins: PinHashing, world: World, place: Place) -> None:
        self._pins = pins
        self._world = world
        self._place = place

    def admit(self) -> None:
        """As the real one."""
        self._pins.admit()

    async def hashed(self, subject: str, pin: Secret) -> str:
        """As the real one."""
        return await self._pins.hashed(subject, pin)

    async def fits(self, subject: str, pin: Secret, pin_hash: str | None) -> bool:
        """As the real one; it takes its time, and the process may die meanwhile."""
        await self._world.pause(0.02, 0.2)
        if self._world.faults.at("pin", self._place) == "crash":
            self._world.crash(self._place)
            raise Died(self._place.name)
        fits = await self._pins.fits(subject, pin, pin_hash)
        self._world.guessed(subject, fits)
        return fits


@dataclass(slots=True)
class Node:
    """A node, up or down."""

    name: str
    world: World
    place: Place
    bank: EmbeddedBank | None = None
    lives: int = 0
    late: LateResults | None = None

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[EmbeddedBank]:
        """Open the bank as a node does."""
        world, place = self.world, self.place

        def wrap(bank: CoreBank) -> CoreBank:
            if world.core is None:
                return bank
            world.remote[self.name] = RemoteBank(world, place)
            return world.remote[self.name]

        def arrange(ports: Ports) -> Ports:
            pins = WatchedPins(ports.pins, world, place)
            return world.plant.arrange(replace(ports, pins=pins))

        async with open_bank(
            world.disk.url,
            pepper=PEPPER,
            clock=world.clock,
            auth_sessions=world.auth_sessions,
            pin_cost=CHEAP,
            randomness=SeededRandomness(),
            sim_swaps=ScriptedSims(),
            wrap_bank=wrap,
            checkpoint=lambda label: world.passed(f"checkpoint.{label}", place),
            recover=False,
            opened=lambda _url: turning(world.disk, place, world.faults, world),
            arrange=arrange,
        ) as bank:
            yield bank

    async def live(self) -> None:
        """Live until the process dies: look after what was left behind, serve, and watch."""
        self.lives += 1
        async with self.opened() as bank:
            left_behind = await bank.client.recover()
            self.bank = bank
            late = LateResults(bank, self.world.catalogue, cast(SmsGateway, self.world.texting_of(self.place)), Vault())
            self.late = late
            await late.watch(WATCH_S, left_behind)

    async def sweep(self) -> None:
        """Ask about transfers without a last word now, and tell what came of it."""
        if self.bank is not None and self.late is not None:
            await self.late.look()


@contextlib.asynccontextmanager
async def remote_core(world: World, place: Place) -> AsyncIterator[SqlBank]:
    """Open the core bank's own process on the same books."""
    async with turning(world.disk, place, world.faults, world) as database:
        yield SqlBank(database, world.clock, SeededRandomness())


def chance_of(*parts: Any) -> random.Random:
    """Answer a chance that depends on these alone."""
    return random.Random(" ".join(str(part) for part in parts))
