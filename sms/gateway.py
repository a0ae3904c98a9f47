"""The SMS channel as a whole: texts come in, are answered one after another for each number, and answers go out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis

from core_client.adapters.sealing import Sealer
from core_client.adapters.together import raise_if_cancelled
from core_client.ports.clock import Clock
from flows.errors import SessionStoreDown
from flows.prompts import SYSTEM_TROUBLE
from flows.runner import Flows
from flows.sessions import SessionStore
from flows.vault import Vault
from sms.answering import Answering, Arrivals, Asked, Dialogues
from sms.binds.esme import Esme, EsmeConfig, Respond
from sms.lanes import Lanes
from sms.line import SmsLine, TextOf
from sms.numbers import e164, masked
from sms.receiving.inbox import DUPLICATE_WINDOW_S, MAX_BACKLOG, Inbound, Inbox
from sms.sending.outbox import Outbox, Outgoing
from sms.sending.receipt_reading import is_report
from sms.sending.recorded import RecordedReceipts
from sms.smpp import Message
from sms.store.journal import Journal, JournalDown

HELP_PER_HOUR = 3
PARALLEL_TEXTS = 64  # numbers worked on at once
MAX_STORE_PAUSE_S = 5.0
MARK_S = 24 * 3600  # how long a text may lie half done before it is taken up again
_HOUR_S = 3600

# KEYS: counter. ARGV: expiry s. Answers how many there were in the running hour, this one included.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""
_MARKED = "return redis.call('GET', KEYS[1])"
_MARK = "return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])"

_log = structlog.get_logger("sms.gateway")


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """How the bank texts."""

    esme: EsmeConfig
    flow: str = "retail"
    short_code: str = ""  # where answers come from; empty: from where the customer texted to
    region: str = "CN"  # of numbers that come without their country
    node: str = "main"  # names this process's streams: two that run at once have different ones
    prefix: str = "tellerline"  # of every key in the store
    help_per_hour: int = HELP_PER_HOUR
    duplicate_window_s: float = DUPLICATE_WINDOW_S
    max_backlog: int = MAX_BACKLOG
    receipts: bool = False  # ask the SMSC for a receipt of every answer


class _Shares:
    """Counts in the store what a number was given in this hour, whichever node gave it."""

    def __init__(self, journal: Journal, sealer: Sealer, base: str, per_hour: int) -> None:
        self._journal, self._sealer, self._base, self._per_hour = journal, sealer, base, per_hour

    async def left(self, number: str, what: str) -> bool:
        key = f"{self._base}:{what}:{self._sealer.fingerprint(number.encode(), b'limit').hex()}"
        return int(await self._journal.write(_COUNT, (key,), _HOUR_S)) <= self._per_hour


class _Marks:
    """Marks in the store, under the names of texts."""

    def __init__(self, journal: Journal, base: str) -> None:
        self._journal, self._base = journal, base

    async def before(self, name: str) -> str | None:
        mark: bytes | None = await self._journal.write(_MARKED, (f"{self._base}:mark:{name}",))
        return None if mark is None else mark.decode()

    async def put(self, name: str, mark: str) -> None:
        await self._journal.write(_MARK, (f"{self._base}:mark:{name}",), mark, MARK_S)


class SmsGateway:
    """One bind to one SMSC, and the dialogues behind it."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        redis: Redis,
        sealer: Sealer,
        runner: Dialogues,
        core: Arrivals,
        flows: Flows,
        sessions: SessionStore,
        vault: Vault,
        text_for: TextOf,
        clock: Clock,
        checkpoint: Callable[[str], None] = lambda _: None,
        on_handled: Callable[[str, float], None] = lambda kind, seconds: None,
    ) -> None:
        """Wire the channel.

        Args:
            redis: with retries off; answers bytes.
            text_for: turns what the engine says into text, and opens the secrets in it.
            checkpoint: called at labelled points; a crash proof passes one that dies there.
            on_handled: hears the kind of every text that was dealt with and how long it took.
        """
        self._config = config
        self._text_for = text_for
        self._checkpoint = checkpoint
        self._on_handled = on_handled
        self.journal = Journal(redis)
        base = f"{config.prefix}:{{sms}}"
        self.answering = Answering(
            core=core,
            runner=runner,
            flows=flows,
            flow=config.flow,
            sessions=sessions,
            vault=vault,
            clock=clock,
            shares=_Shares(self.journal, sealer, base, config.help_per_hour),
            marks=_Marks(self.journal, base),
        )
        self._lanes = Lanes(self._work, PARALLEL_TEXTS, "sms")
        self.inbox = Inbox(
            self.journal,
            sealer,
            self._take,
            node=config.node,
            prefix=config.prefix,
            duplicate_window_s=config.duplicate_window_s,
            max_backlog=config.max_backlog,
        )
        self.receipts = RecordedReceipts(self.journal, config.prefix)
        self.esme = Esme(config.esme, self._receive)
        self.outbox = Outbox(
            self.journal,
            sealer,
            self.esme,
            node=config.node,
            prefix=config.prefix,
            registered_delivery=int(config.receipts),
        )

    @property
    def bound(self) -> bool:
        """Whether the SMSC has let us in and texts flow."""
        return self.esme.bound

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SmsGateway]:
        """Answer texts inside the block, first those that a former process left."""
        async with (
            self.journal.running(),
            self._lanes.running(),
            self.outbox.running(),
            self.inbox.running(),
            self.esme.running(),
        ):
            yield self

    async def drain(self, deadline_s: float) -> int:
        """Take no more texts, answer those that are in, send what is ready; answer how many are left stored.

        The SMSC keeps what is refused meanwhile, and a restart goes on with what is left.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        self.esme.refuse_new()
        left = await self._lanes.drain(deadline_s)
        if self.esme.bound:
            left += await self.outbox.drain(max(0.0, until - loop.time()))
        return left

    # --- coming in ---

    def _receive(self, message: Message, link: str, respond: Respond) -> None:
        if is_report(message):
            self.receipts.accept(message, respond)
        else:
            self.inbox.accept(message, link, respond)

    def _take(self, inbound: Inbound) -> None:
        self._checkpoint("text_stored")
        number = e164(inbound.source, inbound.source_ton, self._config.region)
        self._lanes.put(number or inbound.source, inbound)

    async def _work(self, inbound: Inbound) -> None:
        """Deal with one text until its answer is stored. Ends only so, or by being cancelled: the text stays stored."""
        began = time.monotonic()
        number = e164(inbound.source, inbound.source_ton, self._config.region)
        asked = Asked(number or "", inbound.text, f"{self._config.node}-{inbound.id}", inbound.recovered)
        pause_s = 0.1
        while True:
            raise_if_cancelled()
            try:
                outcome, characters = await self._deal_with(inbound, asked)
            except (SessionStoreDown, JournalDown) as error:
                _log.error("sms.store_down", error=str(error), retry_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(MAX_STORE_PAUSE_S, pause_s * 2)
            else:
                break
        seconds = time.monotonic() - began
        self._on_handled(asked.kind, seconds)
        _log.info(
            "sms.handled",
            id=inbound.id,
            number=masked(number or inbound.source),
            kind=asked.kind,
            step=asked.step,
            outcome=outcome,
            answered=characters,
            recovered=inbound.recovered,
            took_ms=round(seconds * 1000),
        )

    async def _deal_with(self, inbound: Inbound, asked: Asked) -> tuple[str, int]:
        """Answer what came of it, and how many characters were answered."""
        characters = 0

        async def store(text: str) -> None:
            nonlocal characters
            characters = len(text)
            await self._store_answer(inbound, asked.number, text)

        if not asked.number or asked.number == self._config.short_code:
            asked.kind = "unanswerable"  # a name or a machine; answering might never end
            await store("")
            return "dropped", 0
        arrival = await self.answering.arrive(asked.number)
        try:
            line = SmsLine(self._text_for, store)
            try:
                await self.answering.answer(asked, arrival, line)
            except (SessionStoreDown, JournalDown):
                raise
            except Exception as error:  # noqa: BLE001 - one text that trips us must not stop the others
                # Only the kind of error: its text may hold what the customer wrote.
                _log.error("sms.failed", id=inbound.id, error=type(error).__name__, where=_where(error))
                if not line.answered:
                    line = SmsLine(self._text_for, store)
                    await self.answering.say(line, SYSTEM_TROUBLE, asked, arrival)
                await line.flush()
                return "failed", characters
            await line.flush()
            return line.reason, characters
        finally:
            self.answering.let_go(arrival)

    # --- going out ---

    async def _store_answer(self, inbound: Inbound, number: str, text: str) -> None:
        """Store the answer and forget the text, both or neither; go on trying until it is done."""
        self._checkpoint("answer_ready")
        outgoing = self._outgoing(inbound, number, text) if text else None
        answers = [] if outgoing is None else [self.outbox.sealed(outgoing, f"{inbound.id}/1")]
        pause_s = 0.1
        while True:
            raise_if_cancelled()
            try:
                ids = await self.inbox.answer(inbound, self.outbox.stream, answers)
            except JournalDown as error:
                _log.error("sms.answer_not_stored", id=inbound.id, error=str(error), retry_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(MAX_STORE_PAUSE_S, pause_s * 2)
            else:
                break
        self._checkpoint("answer_stored")
        if ids and outgoing is not None:
            self.outbox.stored(ids[0].decode(), outgoing)

    def _outgoing(self, inbound: Inbound, number: str, text: str) -> Outgoing:
        source = self._config.short_code or inbound.destination
        return self.outbox.outgoing(number, source, text, link=inbound.link, copies=inbound.copies)

    async def send(self, number: str, text: str, name: str) -> None:
        """Text a customer unasked. ``name`` is unique to this text and seals it.

        Raises:
            JournalDown: not known whether it is stored.
        """
        outgoing = self.outbox.outgoing(number, self._config.short_code, text)
        await self.outbox.put(outgoing, f"notice/{name}")


def _where(error: BaseException) -> str:
    """Answer the place that raised, without its words."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return "" if place is None else f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}"
