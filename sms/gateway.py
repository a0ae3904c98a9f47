"""The SMS channel as a whole: texts come in, are answered one after another for each number, and answers go out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis

from core_client.adapters.sealing import Sealer
from core_client.ports.clock import Clock
from flows.runner import Flows
from flows.sessions import SessionStore
from flows.vault import Vault
from sms.ahead import HOLD_S
from sms.answering import Answering, Arrivals, Dialogues
from sms.binds.esme import Respond
from sms.binds.leases import Leases
from sms.binds.pool import Binds
from sms.line import TextOf
from sms.messages import Kept, Purpose
from sms.observing import Nobody, Observer
from sms.operators import Operator
from sms.people.manners import BankWord, Manners
from sms.people.settings import MannersSettings
from sms.receiving.inbox import DUPLICATE_WINDOW_S, MAX_BACKLOG, PARTS_EXPIRY_S, Inbox
from sms.replying import EXPIRES_S, Replies, ReplySettings, bind_of
from sms.sending.dispatcher import Dispatcher
from sms.sending.ports import Manners as Judge
from sms.sending.queue import Outbox
from sms.sending.receipts import Receipts
from sms.smpp import Message, Status
from sms.store.journal import Journal
from sms.store.lives import KEEP_S, Lives
from sms.store.nodes import Nodes

HELP_PER_HOUR = 3
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


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """How the bank texts."""

    operators: tuple[Operator, ...]
    manners: MannersSettings = field(default_factory=MannersSettings)
    flow: str = "retail"
    short_code: str = ""  # where answers come from; empty: from where the customer texted to
    region: str = "CN"  # of numbers that come without their country
    node: str = "main"  # names this process's streams: two that run at once have different ones
    prefix: str = "tellerline"  # of every key in the store
    help_per_hour: int = HELP_PER_HOUR
    duplicate_window_s: float = DUPLICATE_WINDOW_S
    max_backlog: int = MAX_BACKLOG
    parts_expiry_s: float = PARTS_EXPIRY_S
    busy_status: int = Status.RX_T_APPN  # to a message centre that brings too much
    keep_s: float = KEEP_S  # how long what became of a text is known
    hold_s: float = HOLD_S  # how long a text may be held from the store while it is answered; 0: never
    expires_s: Mapping[Purpose, float] = field(default_factory=lambda: EXPIRES_S)  # then a text is sent no more


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
    """All binds to all operators, the texts that come and go over them, and the dialogues behind."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        redis: Redis,
        sealer: Sealer,
        runner: Dialogues,
        core: Arrivals,
        bank: BankWord,
        flows: Flows,
        sessions: SessionStore,
        vault: Vault,
        text_for: TextOf,
        clock: Clock,
        checkpoint: Callable[[str], None] = lambda _: None,
        observer: Observer | None = None,
        judged_by: Callable[[Manners], Judge] = lambda manners: manners,
    ) -> None:
        """Wire the channel.

        Args:
            redis: with retries off; answers bytes.
            bank: knows who said STOP and whose SIM is fresh.
            text_for: turns what the engine says into text, and opens the secrets in it.
            checkpoint: called at labelled points; a crash proof passes one that dies there.
            observer: hears what happens, for figures.
            judged_by: puts something before people's rules: what staff ordered of single texts.
        """
        observer = observer or Nobody()
        node, prefix = config.node, config.prefix
        self._operators = {operator.name: operator for operator in config.operators}
        self.journal = journal = Journal(redis)
        silent = [operator.name for operator in config.operators if not operator.receipts]
        self.lives = Lives(journal, sealer, prefix, config.keep_s, silent=silent)
        self.manners = Manners(config.manners, config.operators, bank, journal, sealer, prefix=prefix)
        self.receipts = Receipts(self.lives, observer=observer)
        self.binds = Binds(config.operators, self._receive, Leases(redis, node, prefix=prefix), observer=observer)
        self.outbox = Outbox(
            journal,
            sealer,
            self._send,
            node=node,
            prefix=prefix,
            names=self.lives,
            parts_of=self.lives.parts,
            unwritten=self.lives.waits,
        )
        base = f"{prefix}:{{sms}}"
        self.answering = Answering(
            core=core,
            runner=runner,
            flows=flows,
            flow=config.flow,
            sessions=sessions,
            vault=vault,
            clock=clock,
            shares=_Shares(journal, sealer, base, config.help_per_hour),
            marks=_Marks(journal, base),
        )
        self.replies = Replies(
            ReplySettings(config.short_code, config.region, config.hold_s, config.expires_s),
            self.answering,
            self.outbox,
            self.lives,
            self.manners,
            text_for,
            observer,
            checkpoint=checkpoint,
        )
        self.manners.on_refused = self.replies.refused
        self.inbox = Inbox(
            journal,
            sealer,
            self.replies.take,
            node=node,
            prefix=prefix,
            duplicate_window_s=config.duplicate_window_s,
            max_backlog=config.max_backlog,
            parts_expiry_s=config.parts_expiry_s,
            busy_status=config.busy_status,
            on_missing=self.replies.missing,
            hold=self.replies.ahead.take,
            on_dropped=self.replies.ahead.dropped,
        )
        self.nodes = Nodes(journal, node, self.inbox, self.outbox, prefix=prefix, on_sure=self._trust)
        self.dispatcher = Dispatcher(
            self.binds,
            config.operators,
            self.outbox,
            self.lives,
            judged_by(self.manners),
            nodes=self.nodes,
            is_sure=lambda: self.nodes.sure,
            observer=observer,
        )

    @property
    def bound(self) -> bool:
        """Whether texts come and go over one bind at least."""
        return self.binds.bound

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SmsGateway]:
        """Answer texts inside the block, first those that a former process left.

        Raises:
            NameTaken: another process has this node's name.
        """
        async with (
            self.journal.running(),
            self.lives.running(),
            self.nodes.running(),
            self.replies.running(self.inbox),
            self.dispatcher.running(),
            self.outbox.running(),
            self.inbox.running(),
            self.binds.running(),
        ):
            yield self

    async def drain(self, deadline_s: float) -> int:
        """Take no more texts, answer those that are in, send what can be sent; answer how many are left stored.

        The operators keep what is refused meanwhile, and a restart goes on with what is left.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        self.binds.refuse_new()
        left = await self.replies.drain(deadline_s)
        return left + await self.dispatcher.drain(max(0.0, until - loop.time()))

    def _receive(self, operator: str, message: Message, link: str, respond: Respond) -> None:
        if not self.receipts.concerns(message):
            self.inbox.accept(message, link, respond, operator)
            return
        self.receipts.accept(
            self._operators[operator],
            message,
            respond,
            bind=bind_of(link),
            otherwise=lambda: self.inbox.accept(message, link, respond, operator),
        )

    def _send(self, kept: Kept) -> None:
        self.dispatcher.take(kept)

    def _trust(self, sure: bool) -> None:
        """Send only while it is sure that our texts are ours: another node may have adopted them."""
        self.dispatcher.allow(sure)

    async def begin(self, number: str, step: str, name: str) -> None:
        """Begin a dialogue at ``step`` and text ``number`` what it says; see :meth:`Replies.begin`."""
        await self.replies.begin(number, step, name)

    async def send(self, number: str, text: str, name: str, purpose: Purpose = Purpose.RESULT) -> None:
        """Text a customer unasked. ``name`` is unique to this text: sent again under it, it is sent once.

        Raises:
            JournalDown: not known whether it is stored. Doing it again is safe.
        """
        await self.outbox.put([self.replies.outgoing(number, text, name, purpose)])
