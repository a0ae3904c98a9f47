"""Who sends texts, between doubles: operators that do as they are told, a store in memory, and people's rules."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core_client.domain.secret import Secret
from sms.binds.esme import Submitted
from sms.binds.pacing import Pace
from sms.binds.pool import BindWay
from sms.errors import LinkClosed
from sms.messages import Change, Kept, Outgoing, Purpose, State
from sms.operators import BindSettings, Mode, Operator
from sms.people.verdicts import SEND, Verdict
from sms.sending.dispatcher import Dispatcher
from sms.smpp import Limits, Message, WindowFull
from sms.store.journal import JournalDown
from sms.store.lifelines import Life

EPOCH = 1_800_000_000.0  # the wall clock when a test begins
ANSWER_S = 0.01  # an operator's, where nothing else is said
LONG = "All parts of this text go by one operator. " * 8  # three parts

_numbers = itertools.count(1)


def wall() -> float:
    """The wall clock of a test: its loop's time."""
    return EPOCH + asyncio.get_running_loop().time()


def operator(name: str, *binds: str, **more: Any) -> Operator:
    """An operator with transceivers of these names."""
    window = more.pop("window", 10)
    per_second = more.pop("per_second", 0.0)
    single = more.pop("single", False)
    mode = more.pop("mode", Mode.TRANSCEIVER)
    settings = tuple(
        BindSettings(
            bind,
            "127.0.0.1",
            1,
            "bank",
            Secret("demo"),
            mode=mode,
            single=single,
            limits=Limits(window=window),
            per_second=per_second,
        )
        for bind in binds or ("a",)
    )
    return Operator(name, settings, **more)


def outgoing(text: str = "hello", to: str = "", purpose: Purpose = Purpose.ANSWER, **more: Any) -> Outgoing:
    """A text, to somebody else each time where nobody is named."""
    number = next(_numbers)
    at = more.pop("at", None) or wall()
    return Outgoing(
        more.pop("id", f"text-{number}"),
        more.pop("source", "95500"),
        to or f"+86139{number:08}",
        text,
        purpose,
        number & 0xFFFF,
        at,
        more.pop("expires_at", at + 600.0),
        **more,
    )


@dataclass
class Written:
    """One submit_sm that reached an operator."""

    at: float
    bind: str
    message: Message
    done: Callable[[Submitted], None]

    @property
    def to(self) -> str:
        return self.message.destination.digits

    @property
    def body(self) -> bytes:
        return self.message.short_message


Script = Callable[[Written], "tuple[float, int | None] | None"]


class ScriptedEsme:
    """A bind that is up when it is told to be, and answers by a script: after how long, and with which status."""

    def __init__(self, way: BindWay, script: Script | None = None) -> None:
        self.way = way
        self.name = way.name
        self.script: Script = script or (lambda written: (ANSWER_S, 0))
        self.written: list[Written] = []
        self.on_change: Callable[[], None] = lambda: None
        self.allowed = True
        self.bind_error = None
        self._open: dict[int, Written] = {}
        self._count = itertools.count()
        self._link = 0
        self.bound = False

    @property
    def link_name(self) -> str:
        return f"{self.name}/test/{self._link}"

    @property
    def in_flight(self) -> int:
        return len(self._open)

    @property
    def room(self) -> int:
        return self.way.settings.limits.window - len(self._open) if self.bound else 0

    def submit_now(self, message: Message, done: Callable[[Submitted], None]) -> None:
        if not self.bound:
            raise LinkClosed("not bound")
        if self.room <= 0:
            raise WindowFull("full")
        loop = asyncio.get_running_loop()
        written = Written(loop.time(), self.name, message, done)
        self.written.append(written)
        number = next(self._count)
        self._open[number] = written
        answer = self.script(written)
        if answer is not None:
            loop.call_later(answer[0], self.answer, number, answer[1])

    def answer(self, number: int, status: int | None) -> None:
        written = self._open.pop(number, None)
        if written is None:
            return  # late: nobody waits for it any more
        now = asyncio.get_running_loop().time()
        id_ = f"{self.name}-{number}" if status == 0 else ""
        written.done(Submitted(status, id_, "" if status == 0 else "said so", now - written.at))
        self.on_change()

    def up(self) -> None:
        self._link += 1
        self.bound = True
        self.on_change()

    def down(self) -> None:
        self.bound = False
        lost, self._open = list(self._open.values()), {}
        now = asyncio.get_running_loop().time()
        for written in lost:
            written.done(Submitted(None, "", "the link went", now - written.at))
        self.on_change()

    @property
    def open(self) -> list[int]:
        return list(self._open)


class ScriptedBinds:
    """Binds of :class:`ScriptedEsme`, as :class:`sms.binds.pool.Binds` has them."""

    def __init__(self, operators: Sequence[Operator]) -> None:
        self.on_change: list[Callable[[], None]] = []
        self.esmes: dict[str, ScriptedEsme] = {}
        self._ways: dict[str, tuple[BindWay, ...]] = {}
        for one in operators:
            made = []
            for settings in one.binds:
                way = BindWay(one, settings, EPOCH)
                way.pace = Pace(settings.per_second)
                esme = ScriptedEsme(way)
                way.esme = esme  # type: ignore[assignment]  # as much of an Esme as is used
                self.esmes[way.name] = esme
                esme.on_change = lambda way=way, esme=esme: self._changed(way, esme)  # type: ignore[misc]  # bound early
                if settings.mode.sends:
                    made.append(way)
            self._ways[one.name] = tuple(made)

    @property
    def ways(self) -> dict[str, tuple[BindWay, ...]]:
        return self._ways

    def _changed(self, way: BindWay, esme: ScriptedEsme) -> None:
        if esme.bound is not way.bound:
            way.bound = esme.bound
            now = asyncio.get_running_loop().time()
            if esme.bound:
                way.trust.up(now)
            else:
                way.trust.down(now)
        for hear in self.on_change:
            hear()


@dataclass
class Store:
    """Outbox and lives in memory: durable after ``delay_s``, in order; with ``down`` it takes nothing."""

    delay_s: float = 0.0
    down: bool = False
    lines: dict[str, list[Change]] = field(default_factory=dict)
    finished: dict[str, bool] = field(default_factory=dict)  # proven, by the text's id
    accepted: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)  # part, of, remote id
    waiting: deque[Callable[[], None]] = field(default_factory=deque)
    on_finish: Callable[[], None] = lambda: None

    def _later(self, work: Callable[[], None]) -> None:
        self.waiting.append(work)
        asyncio.get_running_loop().call_later(self.delay_s, self._next)

    def _next(self) -> None:
        if self.waiting:
            self.waiting.popleft()()

    def tell(self, id_: str, change: Change, of: int = 0, done: Callable[[Any], None] | None = None) -> None:
        down = self.down

        def stored() -> None:
            if not down:
                self.lines.setdefault(id_, []).append(change)
            if done is not None:
                done(JournalDown("down") if down else [])

        self._later(stored)

    def soon(self, id_: str, change: Change, of: int = 0) -> None:
        self.tell(id_, change, of)

    def tell_accepted(
        self, text: Outgoing, part: int, of: int, by: Operator, bind: str, remote_id: str, at: float
    ) -> None:
        def stored() -> None:
            self.lines.setdefault(text.id, []).append(Change(at, State.ACCEPTED, part, bind, remote_id))
            self.accepted.setdefault(text.id, []).append((part, of, remote_id))

        self._later(stored)

    async def life(self, id_: str) -> Life | None:
        changes = tuple(self.lines.get(id_, ()))
        return Life(id_, False, "", "", 0.0, changes=changes) if changes else None

    def finish(self, kept: Kept, *, proven: bool) -> None:
        self.on_finish()

        def stored() -> None:
            assert kept.id not in self.finished, "a text ends once"
            self.finished[kept.id] = proven

        self._later(stored)

    def states(self, id_: str, part: int | None = None) -> list[State]:
        return [line.state for line in self.lines.get(id_, []) if part is None or line.part == part]


class Rules:
    """People's rules that say what a test tells them to."""

    def __init__(self, verdict: Callable[[Outgoing, float], Verdict] = lambda text, now: SEND) -> None:
        self.verdict = verdict
        self.asked: list[tuple[str, float]] = []
        self.delay_s = 0.0

    async def judge(self, text: Outgoing, now: float) -> Verdict:
        self.asked.append((text.id, now))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return self.verdict(text, now)


@dataclass
class Bench:
    """A dispatcher on doubles."""

    binds: ScriptedBinds
    store: Store
    rules: Rules
    dispatcher: Dispatcher
    taken: list[Outgoing] = field(default_factory=list)

    def esme(self, name: str) -> ScriptedEsme:
        return self.binds.esmes[name]

    def up(self, *names: str) -> None:
        for name in names or self.binds.esmes:
            self.esme(name).up()

    def send(self, text: Outgoing, parts: dict[int, State] | None = None) -> Outgoing:
        self.taken.append(text)
        self.dispatcher.take(Kept(f"{len(self.taken)}-0", text, parts or {}))
        return text

    def say(self, *arguments: Any, **more: Any) -> Outgoing:
        return self.send(outgoing(*arguments, **more))

    @property
    def written(self) -> list[Written]:
        """All that was written, over all binds, in order."""
        return sorted((one for esme in self.binds.esmes.values() for one in esme.written), key=lambda one: one.at)


def bench(*operators: Operator, store: Store | None = None, rules: Rules | None = None, **more: Any) -> Bench:
    """Make a dispatcher on doubles; ``async with it.dispatcher.running()``."""
    binds = ScriptedBinds(operators)
    store = store or Store()
    rules = rules or Rules()
    dispatcher = Dispatcher(binds, operators, store, store, rules, wall_clock=wall, **more)
    return Bench(binds, store, rules, dispatcher)
