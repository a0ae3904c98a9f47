"""Texts of customers are answered: one after another for each number, each until its answer is stored."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import structlog

from core_client.adapters.together import raise_if_cancelled
from core_client.domain.filling import quick
from core_client.services.client import Arrival
from flows.errors import SessionStoreDown
from flows.prompts import SMS_PARTS_MISSING, SMS_TOO_MANY, SYSTEM_TROUBLE
from sms.ahead import HOLD_S, Ahead
from sms.answering import Answering, Asked
from sms.lanes import Lanes
from sms.line import SmsLine, TextOf
from sms.messages import Outgoing, Purpose
from sms.numbers import e164, masked
from sms.observing import Observer
from sms.people.floods import Answering as Flood
from sms.people.manners import Manners
from sms.people.verdicts import Reason
from sms.receiving.inbox import Inbound, Inbox
from sms.sending.queue import Outbox
from sms.store.journal import JournalDown
from sms.store.lives import FirstLine, Lives

PARALLEL_TEXTS = 64  # numbers worked on at once
MAX_STORE_PAUSE_S = 5.0
TRACED_AFTER_S = 2.0  # what is not answered by then can be looked up; before, its answer brings its life with it
DAY_S = 24 * 3600.0
EXPIRES_S: Mapping[Purpose, float] = (
    MappingProxyType(  # a text that could not be sent for so long says nothing any more
        {
            Purpose.CODE: 600.0,  # as long as a code is good for
            Purpose.ANSWER: DAY_S,
            Purpose.RESULT: DAY_S,
            Purpose.ALERT: DAY_S,
            Purpose.CAMPAIGN: DAY_S,
        }
    )
)

_outgoing = quick(Outgoing)
_log = structlog.get_logger("sms.gateway")


@dataclass(frozen=True, slots=True)
class ReplySettings:
    """How texts are answered."""

    short_code: str = ""  # where answers come from; empty: from where the customer texted to
    region: str = "CN"  # of numbers that come without their country
    hold_s: float = HOLD_S  # how long a text may be held from the store while it is answered; 0: never
    expires_s: Mapping[Purpose, float] = field(default_factory=lambda: EXPIRES_S)


class Replies:
    """Works on whole texts, on texts that parts are missing of, and on calls that are answered by a text."""

    def __init__(
        self,
        settings: ReplySettings,
        answering: Answering,
        outbox: Outbox,
        lives: Lives,
        manners: Manners,
        text_for: TextOf,
        observer: Observer,
        *,
        checkpoint: Callable[[str], None] = lambda _: None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Its inbox, which hands texts to :meth:`take`, comes with :meth:`running`."""
        self._settings = settings
        self._answering = answering
        self._inbox: Inbox
        self._outbox = outbox
        self._lives = lives
        self._manners = manners
        self._text_for = text_for
        self._observer = observer
        self._checkpoint = checkpoint
        self._wall_clock = wall_clock
        self._references = itertools.count(secrets.randbelow(1 << 16))
        self._lanes = Lanes(self._work, PARALLEL_TEXTS, "sms")
        self._logged_by: object = None
        self._bound_log: Any = None
        self._notices: set[asyncio.Task[None]] = set()
        self._untraced: dict[str, tuple[float, str, Inbound]] = {}  # since, number: the oldest first
        self.ahead = Ahead(
            answering,
            outbox,
            self,
            manners,
            text_for,
            region=settings.region,
            own_number=settings.short_code,
            hold_s=settings.hold_s,
            checkpoint=checkpoint,
        )

    @asynccontextmanager
    async def running(self, inbox: Inbox) -> AsyncIterator[None]:
        """Answer the texts of ``inbox`` inside the block."""
        self._inbox = inbox
        tracing = asyncio.create_task(self._trace(), name="begin lives of texts that wait")
        try:
            async with self._lanes.running(), self.ahead.running(inbox):
                yield
        finally:
            tracing.cancel()
            await asyncio.gather(tracing, return_exceptions=True)
            for task in self._notices:
                task.cancel()
            await asyncio.gather(*self._notices, return_exceptions=True)

    async def drain(self, deadline_s: float) -> int:
        """Answer the texts that are in, at most for ``deadline_s``; answer how many are left."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        await self.ahead.drain(deadline_s)
        return await self._lanes.drain(max(0.0, until - loop.time()))

    # --- texts ---

    def take(self, inbound: Inbound) -> None:
        """Answer a text that is stored."""
        self._checkpoint("text_stored")
        number = e164(inbound.source, inbound.source_ton, self._settings.region) or inbound.source
        if self.ahead.passes(number, inbound):
            self.put(number, inbound)

    def put(self, number: str, inbound: Inbound) -> None:
        """Work on a stored text after those of its number that are worked on."""
        self._untraced[inbound.name] = (time.monotonic(), number, inbound)
        self._lanes.put(number, inbound)

    def works_for(self, number: str) -> bool:
        """Answer whether a text of ``number`` is being worked on."""
        return number in self._lanes

    async def _work(self, inbound: Inbound) -> None:
        """Deal with one text until its answer is stored. Ends only so, or by being cancelled: the text stays stored."""
        began = time.monotonic()
        number = e164(inbound.source, inbound.source_ton, self._settings.region)
        asked = Asked(number or "", inbound.text, inbound.name, inbound.recovered)
        flood = Flood.AS_EVER if not number or inbound.recovered else self._manners.answering(number)
        pause_s = 0.1
        while True:
            raise_if_cancelled()
            try:
                outcome, characters = await self._deal_with(inbound, asked, flood)
            except (SessionStoreDown, JournalDown) as error:
                _log.error("sms.store_down", error=str(error), retry_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(MAX_STORE_PAUSE_S, pause_s * 2)
            except Exception as error:  # noqa: BLE001 - not even our trouble can be told; others must not wait for it
                _log.error("sms.unanswerable", id=inbound.name, error=type(error).__name__, where=_where(error))
                outcome, characters = "failed", 0
                try:
                    await self._settle(inbound, asked, "")
                except Exception as again:  # noqa: BLE001 - it stays stored, for the next start
                    _log.error("sms.unsettled", id=inbound.name, error=type(again).__name__, where=_where(again))
                break
            else:
                break
        self._untraced.pop(inbound.name, None)
        self.handled(inbound, asked, outcome, characters, began)

    async def _trace(self) -> None:
        """Begin the lives of texts that wait for long, so that somebody who looks a number up finds them."""
        while True:
            raise_if_cancelled()
            await asyncio.sleep(TRACED_AFTER_S / 2)
            for number, inbound in self._late():
                try:
                    await self._lives.begin(self._waits(number, inbound))
                except JournalDown:
                    break  # looked at again
                self._untraced.pop(inbound.name, None)

    def _late(self) -> list[tuple[str, Inbound]]:
        since = time.monotonic() - TRACED_AFTER_S
        late = itertools.takewhile(lambda one: one[0] <= since, self._untraced.values())
        return [(number, inbound) for _, number, inbound in late]

    def _line(self) -> Any:
        """Answer the log, bound once for as long as logs go the same way: each text has a line."""
        way = structlog.get_config()["processors"]
        if way is not self._logged_by:
            self._logged_by, self._bound_log = way, _log.bind()
        return self._bound_log

    def handled(self, inbound: Inbound, asked: Asked, outcome: str, characters: int, began: float) -> None:
        """Tell that a text is dealt with: its one canonical line, and a figure."""
        seconds = time.monotonic() - began
        self._observer.handled(asked.kind, seconds)
        self._line().info(
            "sms.handled",
            id=inbound.name,
            number=masked(asked.number or inbound.source),
            kind=asked.kind,
            step=asked.step,
            outcome=outcome,
            answered=characters,
            recovered=inbound.recovered,
            took_ms=round(seconds * 1000),
        )

    async def _deal_with(self, inbound: Inbound, asked: Asked, flood: Flood) -> tuple[str, int]:
        """Answer what came of it, and how many characters were answered."""
        characters = 0

        async def store(text: str) -> None:
            nonlocal characters
            characters = len(text)
            self._manners.forget(asked.number)  # it may have said STOP: that counts before it reads so
            await self._settle(inbound, asked, text)

        if not asked.number or asked.number == self._settings.short_code:
            asked.kind = "unanswerable"  # a name or a machine; answering might never end
            await store("")
            return "dropped", 0
        urgent = flood is not Flood.AS_EVER and self._answering.is_urgent(asked.text)
        if flood is Flood.NOT_AT_ALL and not urgent:
            asked.kind = "flood"
            await store("")
            return "dropped", 0
        arrival = await self._answering.arrive(asked.number)
        try:
            line = SmsLine(self._text_for, store)
            try:
                if flood is Flood.AS_EVER:
                    await self._answering.answer(asked, arrival, line)
                elif urgent:  # carried out, and not answered
                    await self._answering.answer(asked, arrival, SmsLine(self._text_for, _to_nobody))
                if flood is Flood.WARNED:
                    await self._answering.say(line, SMS_TOO_MANY, asked, arrival)
                if flood is not Flood.AS_EVER:
                    asked.kind = "flood"
            except (SessionStoreDown, JournalDown):
                raise
            except Exception as error:  # noqa: BLE001 - one text that trips us must not stop the others
                # Only the kind of error: its text may hold what the customer wrote.
                _log.error("sms.failed", id=inbound.name, error=type(error).__name__, where=_where(error))
                if not line.answered:
                    line = SmsLine(self._text_for, store)
                    await self._answering.say(line, SYSTEM_TROUBLE, asked, arrival)
                await line.flush()
                return "failed", characters
            await line.flush()
            return line.reason, characters
        finally:
            self._answering.let_go(arrival)

    async def _settle(self, inbound: Inbound, asked: Asked, text: str) -> None:
        """Store the answer and forget the text, both or neither; go on trying until it is done."""
        self._checkpoint("answer_ready")
        answers: list[Outgoing] = []
        if text:
            outgoing, life = self.reply(inbound, asked, text)
            answers.append(outgoing)
        else:
            life = self._life(inbound, asked, ())
        lives = [life]
        pause_s = 0.1
        while True:
            raise_if_cancelled()
            try:
                await self._inbox.settle(inbound, self._outbox, answers, lives)
            except JournalDown as error:
                _log.error("sms.answer_not_stored", id=inbound.name, error=str(error), retry_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(MAX_STORE_PAUSE_S, pause_s * 2)
            else:
                break
        self._checkpoint("answer_stored")

    def reply(self, inbound: Inbound, asked: Asked, text: str) -> tuple[Outgoing, FirstLine]:
        """Make the answer to a text, and what the text's life says of that."""
        outgoing = self._outgoing(asked, text, self._settings.short_code or inbound.destination, inbound)
        return outgoing, self._life(inbound, asked, (outgoing.id,))

    def _outgoing(self, asked: Asked, text: str, source: str, inbound: Inbound | None = None) -> Outgoing:
        now = self._wall_clock()
        purpose = Purpose.CODE if asked.code else Purpose.ANSWER
        return _outgoing(
            f"{asked.name}.1",  # made again after a crash, it is the same text
            source,
            asked.number,
            text,
            purpose,
            next(self._references) & 0xFFFF,
            now,
            now + self._settings.expires_s[purpose],
            0.0,
            "",
            asked.name,
            "" if inbound is None else inbound.link,
            () if inbound is None else inbound.copies,
        )

    def _waits(self, number: str, inbound: Inbound) -> FirstLine:
        bind = bind_of(inbound.link)
        return self._lives.received(
            inbound.name, number, inbound.destination, inbound.at, parts=inbound.parts, bind=bind
        )

    def _life(self, inbound: Inbound, asked: Asked, answers: tuple[str, ...]) -> FirstLine:
        return self._lives.received(
            inbound.name,
            asked.number or inbound.source,
            inbound.destination,
            inbound.at,
            parts=inbound.parts,
            bind=bind_of(inbound.link),
            kind=asked.kind,
            handled_at=self._wall_clock(),
            answers=answers,
        )

    # --- what no text asked for ---

    def outgoing(self, number: str, text: str, name: str, purpose: Purpose) -> Outgoing:
        """Make a text that answers none."""
        now, life_s = self._wall_clock(), self._settings.expires_s[purpose]
        reference = next(self._references) & 0xFFFF
        return Outgoing(name, self._settings.short_code, number, text, purpose, reference, now, now + life_s)

    async def begin(self, number: str, step: str, name: str) -> None:
        """Begin a dialogue at ``step`` and text ``number`` what it says, as a missed call does.

        ``name`` is unique to this beginning: begun again, it texts nothing twice.

        Raises:
            JournalDown, SessionStoreDown: it is not known whether the text is stored.
        """
        asked = Asked(number, None, name)

        async def begin(line: SmsLine, arrival: Arrival) -> None:
            await self._answering.begin(asked, arrival, step, line)

        await self._unasked(asked, begin)

    def missing(self, source: str, destination: str, operator: str, have: int, total: int) -> None:
        """Tell whoever wrote a text of which parts never came, a few times an hour, to write it again."""
        number = e164(source, 0, self._settings.region) or e164(source, 1, self._settings.region)
        if number is None or number == self._settings.short_code:
            return
        asked = Asked(number, None, f"missing-{secrets.token_hex(8)}")
        _log.info("sms.parts_missing", number=masked(number), have=have, total=total)
        self._tell_soon(asked, "missing", SMS_PARTS_MISSING)

    def refused(self, outgoing: Outgoing, reason: Reason) -> None:
        """Tell whoever waits for a code that none comes, a few times an hour; why is not told."""
        asked = Asked(outgoing.destination, None, f"{outgoing.id}-refused")
        self._tell_soon(asked, "refused", reason.prompt or SYSTEM_TROUBLE)

    def _tell_soon(self, asked: Asked, share: str, prompt: str) -> None:
        task = asyncio.get_running_loop().create_task(self._tell(asked, share, prompt), name=f"tell {share}")
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def _tell(self, asked: Asked, share: str, prompt: str) -> None:
        async def tell(line: SmsLine, arrival: Arrival) -> None:
            if await self._answering.share(asked.number, share):
                await self._answering.say(line, prompt, asked, arrival)

        try:
            await self._unasked(asked, tell)
        except (SessionStoreDown, JournalDown) as error:
            _log.error("sms.untold", number=masked(asked.number), what=share, error=str(error))
        except Exception as error:  # noqa: BLE001 - asyncio would log its text, which may hold anything
            _log.error("sms.untold", number=masked(asked.number), what=share, error=type(error).__name__)

    async def _unasked(self, asked: Asked, speak: Callable[[SmsLine, Arrival], Awaitable[None]]) -> None:
        """Store what ``speak`` says as a text of its own."""
        text = ""

        async def keep(said: str) -> None:
            nonlocal text
            text = said

        line = SmsLine(self._text_for, keep)
        arrival = await self._answering.arrive(asked.number)
        try:
            await speak(line, arrival)
            await line.flush()
        finally:
            self._answering.let_go(arrival)
        if text:
            await self._outbox.put([self._outgoing(asked, text, self._settings.short_code)])


async def _to_nobody(text: str) -> None:
    """Answer nothing."""


def bind_of(link: str) -> str:
    """Answer ``operator/bind`` of a connection's name."""
    return link.rpartition("/")[0].rpartition("/")[0]


def _where(error: BaseException) -> str:
    """Answer the place that raised, without its words."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return "" if place is None else f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}"
