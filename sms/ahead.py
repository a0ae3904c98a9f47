"""Enquiries that are answered before their text is stored: text and answer then reach the store in one step.

Most texts ask for a balance. Stored, then answered, such a text costs two round trips to the store with an fsync each.
An enquiry changes nothing, so it may be carried out while its text is only received: its answer is stored in the place
of the text, and then the text is acknowledged and the answer sent. What turns out to be more than an enquiry, or takes
too long, is stored like any other text and begun anew. Texts of one number keep their order.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from sms.answering import Answering, Asked
from sms.commands import Command
from sms.in_turn import InTurn
from sms.line import SmsLine, TextOf
from sms.messages import Outgoing
from sms.numbers import e164
from sms.people.manners import Manners
from sms.receiving.inbox import Inbound, Inbox
from sms.sending.queue import Outbox
from sms.store.lives import FirstLine

HOLD_S = 0.05  # then a text is stored as it is: a bank this slow is waited for with the text acknowledged
LOOK_S = 0.01
MAX_AHEAD = 512  # at once: what comes beyond them is stored first

_log = structlog.get_logger("sms.gateway")


class Replying(Protocol):
    """What is needed of :class:`sms.replying.Replies`."""

    def works_for(self, number: str) -> bool:
        """Answer whether a text of ``number`` is being worked on."""
        ...

    def put(self, number: str, inbound: Inbound) -> None:
        """Work on a stored text."""
        ...

    def reply(self, inbound: Inbound, asked: Asked, text: str) -> tuple[Outgoing, FirstLine]:
        """Make the answer to a text, and what its life says of that."""
        ...

    def handled(self, inbound: Inbound, asked: Asked, outcome: str, characters: int, began: float) -> None:
        """Tell that a text is dealt with."""
        ...


@dataclass(slots=True)
class _Held:
    """A text that is received, and those of its number that came after it."""

    inbound: Inbound
    number: str
    command: Command
    since: float  # the loop's time
    stored: bool = False  # on its way to the store: what is found out now comes too late
    waiting: list[Inbound] = field(default_factory=list)


class Ahead:
    """Carries enquiries out while their texts are held back from the store."""

    def __init__(
        self,
        answering: Answering,
        outbox: Outbox,
        replying: Replying,
        manners: Manners,
        text_for: TextOf,
        *,
        region: str,
        own_number: str,
        hold_s: float = HOLD_S,
        checkpoint: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare it. ``hold_s`` 0: nothing is held."""
        self._answering = answering
        self._outbox = outbox
        self._replying = replying
        self._manners = manners
        self._text_for = text_for
        self._region = region
        self._own_number = own_number
        self._hold_s = hold_s
        self._checkpoint = checkpoint
        self._inbox: Inbox
        self._held: dict[str, _Held] = {}  # by number
        self._oldest: deque[_Held] = deque()
        self._came: list[_Held] = []  # in this tick
        self._tasks: dict[asyncio.Task[None], list[_Held]] = {}  # those of one tick are worked on by one
        self._timer: asyncio.TimerHandle | None = None
        self._let_go = asyncio.Event()
        self._open = False

    def __len__(self) -> int:
        return len(self._held)

    @asynccontextmanager
    async def running(self, inbox: Inbox) -> AsyncIterator[None]:
        """Hold texts of ``inbox`` inside the block. What is held at its end was never acknowledged: it comes again."""
        self._inbox = inbox
        self._open = self._hold_s > 0
        try:
            yield
        finally:
            self._open = False
            if self._timer is not None:
                self._timer.cancel()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self, deadline_s: float) -> None:
        """Hold nothing more, and finish what is held."""
        self._open = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while self._held:
                    self._let_go.clear()
                    await self._let_go.wait()

    def take(self, inbound: Inbound) -> bool:
        """Hear of a text that was received and is not stored: True to have it held back."""
        if not self._open or inbound.text is None or len(self._held) >= MAX_AHEAD:
            return False
        number = e164(inbound.source, inbound.source_ton, self._region)
        if number is None or number == self._own_number or number in self._held or self._replying.works_for(number):
            return False
        command = self._answering.enquiry(inbound.text)
        if command is None:
            return False
        if not self._manners.calm(number):
            return False  # it is counted when it is stored: what comes again because the store is away is no flood
        loop = asyncio.get_running_loop()
        held = self._held[number] = _Held(inbound, number, command, loop.time())
        self._oldest.append(held)
        if not self._came:
            loop.call_soon(self._begin)
        self._came.append(held)
        if self._timer is None:
            self._timer = loop.call_later(LOOK_S, self._look)
        return True

    def _begin(self) -> None:
        """Work on the texts of this tick."""
        came, self._came = self._came, []
        task = asyncio.get_running_loop().create_task(self._enquire_in_turn(came), name="enquiries ahead")
        self._tasks[task] = came
        task.add_done_callback(self._tasks.pop)

    async def _enquire_in_turn(self, came: list[_Held]) -> None:
        await InTurn(map(self._enquire, came))

    def passes(self, number: str, inbound: Inbound) -> bool:
        """Answer whether a stored text may be worked on now; what must wait for another is put later."""
        held = self._held.get(number)
        if held is None:
            return True
        if held.inbound is inbound:
            del self._held[number]
            self._replying.put(number, inbound)
            self._let_through(number, held)
        else:
            held.waiting.append(inbound)
        return False

    def dropped(self, inbound: Inbound) -> None:
        """Hear that a text which was held is not stored after all: it was a copy, or the store did not take it."""
        number = e164(inbound.source, inbound.source_ton, self._region) or inbound.source
        held = self._held.get(number)
        if held is not None and held.inbound is inbound:
            del self._held[number]
            self._let_through(number, held)

    def _let_through(self, number: str, held: _Held) -> None:
        self._let_go.set()
        for waiting in held.waiting:
            self._replying.put(number, waiting)

    def _look(self) -> None:
        """Store as they are the texts that were held for too long."""
        self._timer = None
        loop = asyncio.get_running_loop()
        until = loop.time() - self._hold_s
        while self._oldest and (self._oldest[0].stored or self._oldest[0].since <= until):
            self._store(self._oldest.popleft())
        for task, came in self._tasks.items():
            if all(held.stored for held in came):
                task.cancel()  # what it finds out changes nothing, and comes too late
        if self._oldest:
            self._timer = loop.call_later(LOOK_S, self._look)

    def _store(self, held: _Held) -> None:
        if not held.stored:
            held.stored = True
            self._inbox.store(held.inbound)

    async def _enquire(self, held: _Held) -> None:
        began = time.monotonic()
        inbound, number = held.inbound, held.number
        asked = Asked(number, inbound.text, inbound.name)
        said = ""

        async def keep(text: str) -> None:
            nonlocal said
            said = text

        line = SmsLine(self._text_for, keep)
        answered = False
        try:
            arrival = await self._answering.arrive(number)
            try:
                answered = await self._answering.enquire(asked, arrival, held.command, line)
            finally:
                self._answering.let_go(arrival)
            await line.flush()
        except Exception as error:  # noqa: BLE001 - stored and begun anew, it fails where failures are dealt with
            _log.warning("sms.enquiry_failed", id=inbound.name, error=type(error).__name__)
            answered = False
        if held.stored:
            return
        if not answered or not said:
            self._store(held)
            return
        held.stored = True
        self._checkpoint("answer_ready")

        def done(stored: bool) -> None:
            if stored:
                self._checkpoint("answer_stored")
                self._manners.answering(number)
            self.dropped(inbound)
            if stored:
                self._replying.handled(inbound, asked, "done", len(said), began)

        try:
            outgoing, life = self._replying.reply(inbound, asked, said)
            self._inbox.store_answered(inbound, self._outbox, outgoing, life, done)
        except Exception as error:  # noqa: BLE001 - held for ever, it would never be acknowledged, nor those behind it
            _log.error("sms.enquiry_failed", id=inbound.name, error=type(error).__name__)
            self._inbox.store(inbound)
