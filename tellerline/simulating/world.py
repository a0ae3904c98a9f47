"""The world of one run: its disk, its processes, its customers, and everything that goes wrong with them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from core_client.adapters import demo_world
from core_client.adapters.demo_world import DemoCustomer
from core_client.adapters.sql.ledger import SqlBank
from core_client.services.keyed import KeyedHashes
from core_client.testing.auth_sessions import MemoryAuthSessions
from core_client.testing.world import PEPPER
from sounds.catalogue import Catalogue
from tellerline.simulating.books import Books, Broken, Invariant
from tellerline.simulating.core import RemoteBank
from tellerline.simulating.disk import Disk
from tellerline.simulating.faults import FaultBook
from tellerline.simulating.gateway import Gateway, Texting
from tellerline.simulating.loop import CHANCE, Died, Place, spawn
from tellerline.simulating.node import Node, VirtualClock, chance_of, remote_core
from tellerline.simulating.people import Person
from tellerline.simulating.plan import Setting
from tellerline.simulating.plants import Plant
from tellerline.simulating.told import Told

DOWN_S = (0.2, 45.0)  # how long a process that died is away
OPEN_AGAIN_S = 5.0
FAILURE_LIMIT = 5
MAX_TRACE = 400  # lines kept of what happened


class World:
    """Everything of one run. ``broken`` fills with what did not hold."""

    def __init__(self, setting: Setting, folder: Path, template: Path, catalogue: Catalogue, plant: Plant) -> None:
        self.setting = setting
        self.loop = asyncio.get_running_loop()
        self.clock = VirtualClock(self.loop.time)
        self.catalogue = catalogue
        self.plant = plant
        self.broken: list[tuple[int, Broken]] = []
        self.step = 0
        self.trace: list[str] = []
        self.faults = FaultBook(self.note)
        self.disk = Disk(folder, template)
        self.books = Books(self.report, self.loop.time)
        self.books.adopt(self.disk.watcher)
        self.told = Told(self.books, self.report, self.loop.time)
        self.books.may_reverse = lambda intent: (
            intent in self.told.may_reverse or (intent in self.cash_intents and intent not in self.told.paid)
        )
        self.auth_sessions = MemoryAuthSessions(self.clock)
        self.gateway = Gateway(self)
        self.nodes = [Node(f"node {n + 1}", self, Place(f"node {n + 1}")) for n in range(setting.nodes)]
        self.remote: dict[str, RemoteBank] = {}
        self.core: SqlBank | None = None
        self.core_place = Place("core")
        self.core_down = False
        self.crashes = self.power_cuts = self.operations = 0
        self.people = [Person(self, n, who) for n, who in enumerate(demo_world.CUSTOMERS)]
        keyed = KeyedHashes(PEPPER)
        self._subjects = {keyed.subject(person.who.number): person.n for person in self.people}
        self._failures = dict.fromkeys(range(len(self.people)), 0)
        self._may_forget: set[int] = set()
        self.books.counted = self._counted
        rows = self.disk.watcher.execute("SELECT number, id FROM accounts").fetchall()
        self._accounts: dict[str, int] = dict(rows)
        self._stopping = False
        self.cash_intents: dict[str, None] = {}

    # --- telling ---

    def note(self, line: str) -> None:
        """Write down what happened, for who reads a failure."""
        if len(self.trace) < MAX_TRACE:
            self.trace.append(f"step {self.step}, {self.loop.time():.3f} s: {line}")

    def report(self, broken: Broken) -> None:
        """An invariant did not hold."""
        self.note(f"BROKEN {broken.invariant.value}: {broken.detail}")
        self.broken.append((self.step, broken))

    def failed(self, what: str) -> None:
        """Something failed that nobody awaited."""
        self.report(Broken(Invariant.FAILED, what))

    async def pause(self, least_s: float, most_s: float) -> None:
        """Let some time pass."""
        await asyncio.sleep(CHANCE.get().uniform(least_s, most_s))

    def account_of(self, who: DemoCustomer, last4: str) -> int:
        """Answer the id of a customer's account by the end of its number."""
        return next(self._accounts[each.number] for each in who.accounts if each.number.endswith(last4))

    # --- processes ---

    def spawn(self, work: Any, place: Place | None, name: str, *salt: object) -> asyncio.Task[Any]:
        """Run ``work``; whatever it draws depends on ``salt`` alone."""
        return spawn(work, place=place, chance=chance_of(self.setting.seed, name, *salt), name=name)

    async def start(self) -> None:
        """Bring the core bank and the nodes up."""
        if self.setting.remote:
            self.spawn(self._keep_core_up(), None, "the core's keeper")
        for node in self.nodes:
            self.spawn(self._keep_up(node), None, "a node's keeper", node.name)
        await asyncio.sleep(1.0)

    async def _keep_up(self, node: Node) -> None:
        while not self._stopping:
            if self.setting.remote and self.core is None:
                await asyncio.sleep(0.1)
                continue
            life = self.spawn(node.live(), node.place, "a node's life", node.name, node.lives)
            await asyncio.wait([life])
            node.bank = None
            if not life.cancelled() and life.exception() is not None:
                self.note(f"{node.name} did not start: {life.exception()!r}")
                await asyncio.sleep(OPEN_AGAIN_S)
            else:
                await self.pause(*DOWN_S)
            node.place.die()
            node.place = Place(node.name)

    async def _keep_core_up(self) -> None:
        lives = 0
        while not self._stopping:
            lives += 1
            life = self.spawn(self._core_lives(), self.core_place, "the core's life", lives)
            await asyncio.wait([life])
            self.core = None
            await self.pause(*DOWN_S)
            self.core_place.die()
            self.core_place = Place("core")

    async def _core_lives(self) -> None:
        async with remote_core(self, self.core_place) as core:
            self.core = core
            await asyncio.Event().wait()

    def up(self, choice: int) -> Node | None:
        """Answer one of the nodes that are up."""
        standing = [node for node in self.nodes if node.bank is not None]
        return standing[choice % len(standing)] if standing else None

    def crash(self, place: Place) -> None:
        """A process dies: everything in its memory is gone."""
        if place.dead:
            return
        self.crashes += 1
        self.note(f"{place.name} dies")
        for node in self.nodes:
            if node.place is place:
                node.bank = None
        if place is self.core_place:
            self.core = None
        place.die()

    def cut_power(self, wal_bytes: int | None = None) -> None:
        """Every process dies, and the disk keeps what it had."""
        self.power_cuts += 1
        self.note(f"the power goes, the log is left {'whole' if wal_bytes is None else f'at {wal_bytes} bytes'}")
        for node in self.nodes:
            node.bank = None
            node.place.die()
        self.core = None
        self.core_place.die()
        self.disk.cut_power(wal_bytes)
        self.books.after_power_cut(self.disk.watcher)
        self.books.look(self.disk.watcher)
        self.told.recheck()

    def committed(self, place: Place) -> None:
        """A batch is durable, and nobody was answered yet: look at the books."""
        self.books.look(self.disk.watcher)

    def passed(self, label: str, place: Place) -> None:
        """A labelled point of the product's own."""
        place.check()
        kind = self.faults.at(label, place)
        if kind == "crash":
            self.crash(place)
        elif kind == "power":
            self.cut_power()
        if kind is not None:
            raise Died(label)

    def outage(self, what: str, for_s: float) -> None:
        """The core bank, or the store of auth sessions, is out of reach for a while."""
        self.note(f"the {what} is out of reach for {for_s:.0f} s")
        self._out(what, True)
        self.loop.call_later(for_s, self._out, what, False)

    def _out(self, what: str, out: bool) -> None:
        if what == "store":
            self.auth_sessions.down = out
        else:
            self.core_down = out

    def sweep(self, choice: int) -> None:
        """A node asks at once about transfers without a last word, as its watch does every minute."""
        node = self.up(choice)
        if node is not None and node.bank is not None:
            self.spawn(node.sweep(), node.place, "a sweep", self.loop.time())

    def texting_of(self, place: Place) -> Texting:
        """Answer what a node texts with."""
        return Texting(self, place)

    # --- guesses ---

    def guessed(self, subject: str, fits: bool) -> None:
        """A PIN was held against its hash."""
        person = self._subjects.get(subject)
        if person is None:
            return
        if not fits:
            self.wrong(person)
        elif self._failures[person] >= FAILURE_LIMIT:
            self.report(Broken(Invariant.COUNTER, f"a locked customer's PIN was accepted ({person})"))
        else:
            self._may_forget.add(person)

    def wrong(self, person: int) -> None:
        """A customer's PIN or code was found wrong."""
        self._failures[person] += 1
        if self._failures[person] > FAILURE_LIMIT:
            found = f"{self._failures[person]} wrong PINs and codes of one customer were checked in a row"
            self.report(Broken(Invariant.COUNTER, found))

    def unlocking(self, person: int) -> None:
        """Staff unlock a customer: their failures may be forgotten now."""
        self._may_forget.add(person)

    def _counted(self, subject: str, failures: int, under_way: int) -> None:
        """The books count so many failures; that they count none is believed only when there is a reason.

        Guesses that were under way then had their slots before: they are not of the next five.
        """
        person = self._subjects.get(subject)
        if person is None:
            return
        if failures >= FAILURE_LIMIT:
            self.told.locked_since.setdefault(person, self.loop.time())
        elif failures == 0 and person in self._may_forget:
            self._may_forget.discard(person)
            self._failures[person] = -under_way
            self.told.locked_since.pop(person, None)

    # --- the end ---

    def calm_down(self) -> None:
        """From now on nothing goes wrong."""
        self.faults.disarm()
        self.core_down = self.auth_sessions.down = False

    def stop(self) -> None:
        """Let no process begin again."""
        self._stopping = True

    def chance(self, *parts: object) -> random.Random:
        """Answer a chance of this run that depends on ``parts`` alone."""
        return chance_of(self.setting.seed, *parts)
