"""The SMS channel as a whole: texts come in, each is taken to where it belongs, and its answer goes out.

Where a text belongs, in this order: six digits to the dialogue that waits for a code, else they are taken for a PIN
and refused; a command of the flow begins a dialogue; anything else goes to the dialogue that waits for a text; what
is left is answered with help, a few times an hour. Texts of one number are worked on one after another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from redis.asyncio import Redis

from core_client.adapters.sealing import Sealer
from core_client.adapters.together import raise_if_cancelled
from core_client.domain.secret import Secret
from core_client.ports.clock import Clock
from core_client.services.client import Arrival
from flows.dialogue import Channel, Party, Prompt, Reconnected, Resume, Say, TextReceived, Trigger
from flows.errors import SessionGone, SessionStoreDown
from flows.model import Flow
from flows.prompts import SMS_HELP, SMS_LOOKS_LIKE_PIN, SYSTEM_TROUBLE
from flows.runner import Ended, Flows, Line, Suspended
from flows.session import Session
from flows.sessions import SessionStore
from flows.vault import Vault
from sms import commands
from sms.binds.esme import Esme, EsmeConfig, Respond
from sms.lanes import Lanes
from sms.line import SmsLine, TextOf
from sms.numbers import e164, masked
from sms.receiving.inbox import DUPLICATE_WINDOW_S, MAX_BACKLOG, Inbound, Inbox
from sms.sending.outbox import Outbox, Outgoing
from sms.sending.receipts import Receipts, is_report
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


class Arrivals(Protocol):
    """What the gateway needs of :class:`core_client.services.client.CoreClient`."""

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """Begin an auth session; see ``CoreClient.arrive``."""
        ...


class Dialogues(Protocol):
    """What the gateway needs of :class:`flows.runner.Runner`."""

    async def start(self, trigger: Trigger, line: Line) -> Ended | Suspended:
        """Begin a dialogue; see ``Runner.start``."""
        ...

    async def resume(self, session_id: str, resume: Resume, line: Line) -> Ended | Suspended:
        """Go on with one; see ``Runner.resume``."""
        ...


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


@dataclass(slots=True)
class _Turn:
    """One text being worked on, and what is found out about it, for the log."""

    inbound: Inbound
    number: str
    kind: str = "unknown"
    step: str = ""
    characters: int = 0
    began: float = field(default_factory=time.monotonic)


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
        self._sealer = sealer
        self._runner = runner
        self._core = core
        self._flows = flows
        self._sessions = sessions
        self._vault = vault
        self._text_for = text_for
        self._clock = clock
        self._checkpoint = checkpoint
        self._on_handled = on_handled
        self._base = f"{config.prefix}:{{sms}}"
        self.journal = Journal(redis)
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
        self.receipts = Receipts(self.journal, config.prefix)
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
        number = e164(inbound.source, inbound.source_ton, self._config.region)
        turn = _Turn(inbound, number or "")
        pause_s = 0.1
        while True:
            raise_if_cancelled()
            try:
                outcome = await self._deal_with(turn)
            except (SessionStoreDown, JournalDown) as error:
                _log.error("sms.store_down", error=str(error), retry_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(MAX_STORE_PAUSE_S, pause_s * 2)
            else:
                break
        seconds = time.monotonic() - turn.began
        self._on_handled(turn.kind, seconds)
        _log.info(
            "sms.handled",
            id=inbound.id,
            number=masked(turn.number or inbound.source),
            kind=turn.kind,
            step=turn.step,
            outcome=outcome,
            answered=turn.characters,
            recovered=inbound.recovered,
            took_ms=round(seconds * 1000),
        )

    async def _deal_with(self, turn: _Turn) -> str:
        if not turn.number or turn.number == self._config.short_code:
            turn.kind = "unanswerable"  # a name or a machine; answering might never end
            await self._store_answer(turn, "")
            return "dropped"
        arrival = await self._core.arrive(Channel.SMS.value, turn.number)
        line = SmsLine(self._text_for, lambda text: self._store_answer(turn, text))
        try:
            await self._route(turn, arrival, line)
        except (SessionStoreDown, JournalDown):
            raise
        except Exception as error:  # noqa: BLE001 - one text that trips us must not stop the others
            # Only the kind of error: its text may hold what the customer wrote.
            _log.error("sms.failed", id=turn.inbound.id, error=type(error).__name__, where=_where(error))
            if not line.answered:
                line = SmsLine(self._text_for, lambda text: self._store_answer(turn, text))
                await self._say(line, SYSTEM_TROUBLE, self._language(turn, arrival))
            await line.flush()
            return "failed"
        await line.flush()
        return line.reason

    # --- where a text belongs ---

    async def _route(self, turn: _Turn, arrival: Arrival, line: SmsLine) -> None:
        text = turn.inbound.text
        if text is None:
            await self._help(turn, arrival, line, "unreadable")
            return
        code = commands.six_digits(text)
        if code is not None:
            await self._code(turn, arrival, line, code)
            return
        flow = self._flows.current(self._config.flow)
        command = commands.match(flow.sms_patterns, text, flow.currency, flow.country)
        if command is not None:
            turn.kind, turn.step = "command", command.step
            await self._runner.start(self._trigger(turn, arrival, flow, command), line)
            return
        session = await self._waiting(turn)
        if session is not None:
            turn.kind, turn.step = "reply", session.step
            if await self._resume(turn, session, TextReceived(text), line):
                return
        await self._help(turn, arrival, line, "unknown" if session is None else "late")

    async def _code(self, turn: _Turn, arrival: Arrival, line: SmsLine, code: str) -> None:
        session = await self._waiting(turn)
        # One that waits for neither was at the bank with this very code when its node died.
        if session is not None and not session.ended and (session.waits_for_code or not session.waits_for_text):
            turn.kind, turn.step = "code", session.step
            handle = self._vault.keep(Secret(code))
            try:
                if await self._resume(turn, session, TextReceived("", handle), line):
                    return
            finally:
                self._vault.forget(handle)
        turn.kind = "like_pin"
        if await self._under_limit(turn, "pin"):
            await self._say(line, SMS_LOOKS_LIKE_PIN, self._language(turn, arrival))

    async def _waiting(self, turn: _Turn) -> Session | None:
        session_id = await self._sessions.waiting(turn.number)
        return None if session_id is None else await self._sessions.get(session_id)

    async def _resume(self, turn: _Turn, session: Session, resume: Resume, line: SmsLine) -> bool:
        """Go on with a dialogue; False when it is over.

        A text that a former process had begun to work on may have moved the dialogue on already, and only its answer
        was lost: then the dialogue asks again what it asked, instead of taking the text for the answer to that.
        """
        mark = f"{self._base}:mark:{turn.inbound.id}"
        now = f"{session.id}:{session.turns}"
        if turn.inbound.recovered:
            before: bytes | None = await self.journal.write(_MARKED, (mark,))
            if before is not None and before.decode() != now and session.waits_for_text:
                resume = Reconnected()
        if not isinstance(resume, Reconnected):
            await self.journal.write(_MARK, (mark,), now, MARK_S)
        try:
            await self._runner.resume(session.id, resume, line)
        except SessionGone:
            return False
        return True

    def _trigger(self, turn: _Turn, arrival: Arrival, flow: Flow, command: commands.Command) -> Trigger:
        return Trigger(
            flow=flow.name,
            channel=Channel.SMS,
            party=Party(turn.number, arrival.identified, arrival.language),
            # Named by its text: worked on again after a crash, it asks the bank under the same request ids.
            session_id=f"sms-{self._config.node}-{turn.inbound.id}",
            auth_session_id=arrival.auth_session_id,
            at=self._clock.now(),
            step=command.step,
            slots=command.slots,
            language=command.language,
        )

    async def _help(self, turn: _Turn, arrival: Arrival, line: SmsLine, kind: str) -> None:
        turn.kind = kind
        if await self._under_limit(turn, "help"):
            await self._say(line, SMS_HELP, self._language(turn, arrival))

    async def _under_limit(self, turn: _Turn, what: str) -> bool:
        """Count one more; False when the number has had its share of this hour."""
        key = f"{self._base}:{what}:{self._sealer.fingerprint(turn.number.encode(), b'limit').hex()}"
        count = await self.journal.write(_COUNT, (key,), _HOUR_S)
        return int(count) <= self._config.help_per_hour

    def _language(self, turn: _Turn, arrival: Arrival) -> str:
        """The language of what was written where its letters tell, else the customer's, else the bank's first."""
        languages = self._flows.current(self._config.flow).languages
        text = turn.inbound.text or ""
        if any("\u4e00" <= character <= "\u9fff" for character in text) and "zh" in languages:
            return "zh"
        if arrival.language is not None and arrival.language in languages:
            return arrival.language
        latin = any(character.isascii() and character.isalpha() for character in text)
        return "en" if latin and "en" in languages else languages[0]

    # --- going out ---

    async def _say(self, line: SmsLine, prompt: str, language: str) -> None:
        await line.say(Say((Prompt(prompt),), language))

    async def _store_answer(self, turn: _Turn, text: str) -> None:
        """Store the answer and forget the text, both or neither; go on trying until it is done."""
        inbound = turn.inbound
        self._checkpoint("answer_ready")
        turn.characters = len(text)
        outgoing = self._outgoing(turn, text) if text else None
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

    def _outgoing(self, turn: _Turn, text: str) -> Outgoing:
        inbound = turn.inbound
        source = self._config.short_code or inbound.destination
        return self.outbox.outgoing(turn.number, source, text, link=inbound.link, copies=inbound.copies)

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
