"""Builds a node from its settings, and takes it down again: the only place where the parts meet.

    async with running(config) as node:
        await node.stopped()

Everything is built in the order in which it is needed and closed in the reverse one. :meth:`Node.drain` comes first:
new calls and texts are refused, what goes on is finished, up to a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ipaddress
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field

import structlog
from redis.asyncio import Redis

from core_client.adapters.auth_sessions import RedisAuthSessions
from core_client.adapters.clock import SystemClock
from core_client.adapters.embedded import EmbeddedBank, open_bank
from core_client.adapters.obeying_bank import ObeyingBank
from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.registry_stream import Follower, Relay
from core_client.adapters.sealing import Sealer
from core_client.adapters.seeding import seed
from core_client.adapters.sql.database import sqlite_url
from core_client.adapters.valkey import Store, open_store, reach_store
from core_client.domain.secret import Secret
from core_client.ports.clock import Clock
from core_client.services.call import Ports
from flows.figures import Figures
from flows.prompts import ALL_LINES_BUSY, TOO_LONG
from flows.releases.library import Library
from flows.releases.register import Releases
from flows.runner import Runner
from flows.sessions import RedisSessions
from flows.store import FlowStore
from flows.vault import Vault
from flows.words import files_for
from ivr.ami.client import AmiClient, AmiSettings
from ivr.call import CallSettings
from ivr.server import FastAgiServer, ServerLimits, ServerPrompts
from sms.gateway import SmsGateway
from sms.people.windows import Windows
from sounds.catalogue import Catalogue
from tellerline.bank_keeping import anchoring_of, keep_bank
from tellerline.config import Config
from tellerline.core import HttpCore, open_core
from tellerline.door import Door, MeteredDoor
from tellerline.errors import ConfigError
from tellerline.health import Check, Health, serving
from tellerline.late_results import LateResults
from tellerline.missed_calls import MissedCalls
from tellerline.notices import Notices
from tellerline.profile import profile_of
from tellerline.releasing import Served, keep_clean, keep_up, open_flows, open_served
from tellerline.state import Keys, open_state
from tellerline.telemetry import Metrics
from tellerline.texting import Behind, drain_texting, open_texting
from tellerline.texts.standing import SmsStanding
from tellerline.voice import CallFigures, DraftNumber, VoiceChannel

AMI_READY_S = 2.0  # the line answers without it: it is not waited for longer

_log = structlog.get_logger("tellerline")


def _as_it_is(door: Door) -> Door:
    return door


def _quietly(part: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Seams:
    """What the demo, the drivers and tests put in the place of the real thing."""

    clock: Clock = field(default_factory=SystemClock)
    wrap_door: Callable[[Door], Door] = _as_it_is
    pin_cost: PinCost | None = None
    progress: Callable[[str], None] = _quietly  # hears of each part before it is started


@dataclass(slots=True)
class Node:
    """A running node."""

    config: Config
    clock: Clock
    bank: EmbeddedBank
    door: Door
    catalogue: Catalogue
    served: Served
    runner: Runner
    store: Store
    metrics: Metrics
    server: FastAgiServer
    voice: VoiceChannel
    texting: SmsGateway | None = None
    standing: SmsStanding | None = None  # of the texts
    ami: AmiClient | None = None
    core: HttpCore | None = None  # of accounts and money, when they are elsewhere
    health_port: int | None = None
    draining: bool = False
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def flows(self) -> Library | FlowStore:
        """Where the runner's flows come from."""
        return self.served.flows

    @property
    def agi_port(self) -> int:
        """The port that calls come to."""
        return self.server.port

    def stop(self) -> None:
        """Ask the node to stop; :meth:`stopped` returns."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked the node to stop."""
        return self._stop.is_set()

    async def stopped(self) -> None:
        """Wait until somebody asks the node to stop."""
        await self._stop.wait()

    async def drain(self, deadline_s: float | None = None) -> bool:
        """Refuse what is new and finish what goes on; answer whether all of it was finished in time."""
        self.draining = True
        seconds = self.config.server.drain_s if deadline_s is None else deadline_s
        until = asyncio.get_running_loop().time() + seconds
        _log.info("node.drain_began", calls=self.server.calls, deadline_s=seconds)
        texts = asyncio.create_task(drain_texting(self.texting, seconds)) if self.texting else None
        left = await self.server.drain(seconds)
        if texts is not None:
            left += await texts
        left += await self.runner.drain(max(0.1, until - asyncio.get_running_loop().time()))
        _log.info("node.drained", unfinished=left)
        return left == 0


@contextlib.asynccontextmanager
async def running(config: Config, seams: Seams | None = None) -> AsyncIterator[Node]:
    """Start a node, and stop it at the end.

    Raises:
        ConfigError: a setting cannot be used on this machine.
        StoreError: the store cannot be had.
        FlowError: a flow does not load.
    """
    seams = seams or Seams()
    metrics = Metrics()
    keys = open_state(config.server.state_dir)
    async with contextlib.AsyncExitStack() as stack:
        seams.progress("the store")
        store = await stack.enter_async_context(open_store(store_url(config), config.server.state_dir))
        seams.progress("the flows and what they say")
        catalogue = Catalogue.load(overlay=config.sounds.dir)
        served = await open_served(config, catalogue, store.redis, seams.clock)
        seams.progress("the bank")
        core = await stack.enter_async_context(_core(config, keys))
        bank = await stack.enter_async_context(_open_bank(config, keys, store.redis, seams, core))
        if config.bank.demo:
            await seed(bank)
        door = MeteredDoor(seams.wrap_door(bank.client), metrics)
        vault = Vault()
        sessions = RedisSessions(store.redis, Sealer(keys.seal))
        figures = await stack.enter_async_context(Figures(store.redis).counting())
        runner = Runner(
            served.flows, sessions, door, vault, seams.clock, observer=figures, notices=served.board.notices
        )
        voice = VoiceChannel(
            runner,
            door,
            vault,
            seams.clock,
            lambda say, of_version: files_for(say, of_version or catalogue),
            flow=config.agi.flow,
            region=config.bank.region,
            settings=CallSettings(sound_prefix=config.agi.sound_prefix, record_prefix=config.agi.record_prefix),
            drafts=_drafts(config, served),
            missed_number=config.missed_call.number,
        )
        server = _server(config, voice, catalogue, metrics)
        node = Node(config, seams.clock, bank, door, catalogue, served, runner, store, metrics, server, voice)
        node.core = core
        left_behind = await bank.client.recover()  # by a crash; before anybody calls or texts
        if config.sms.on:
            behind = Behind(
                store, runner, door, bank.messaging, served.flows, sessions, vault, catalogue, seams.clock, metrics
            )
            opened = open_texting(config.sms, config.bank.region, keys.seal, behind)
            texting = await stack.enter_async_context(opened)
            node.texting, node.standing = texting.gateway, texting.standing
            voice.missed = _missed_calls(node, keys)
        late = LateResults(bank, catalogue, node.texting, vault)
        if config.ami.host is not None:
            node.ami = await stack.enter_async_context(_ami(config))
        seams.progress("the telephone line")
        await _listen(stack, node)
        anchoring = anchoring_of(config, keys, bank, store.redis)
        keeping = keep_bank(bank, anchoring, config.bank.anchor_s)
        await stack.enter_async_context(
            _beside_the_calls(node, late.watch(config.bank.recover_s, left_behind), keeping)
        )
        _log.info("node.started", agi_port=node.agi_port, health_port=node.health_port, sms=node.texting is not None)
        yield node


def _following(group: asyncio.TaskGroup, node: Node) -> list[asyncio.Task[None]]:
    """Relay the registry's changes, when this node's turn it is, and follow them."""
    redis, bank = node.store.redis, node.bank
    relay = Relay(redis, bank.records, bank.ports.randomness)
    follower = Follower(redis, bank.cache, bank.records)
    return [
        group.create_task(relay.run(), name="relay the registry's changes"),
        group.create_task(follower.run(), name="follow the registry's changes"),
    ]


@contextlib.asynccontextmanager
async def _beside_the_calls(
    node: Node, recovering: Coroutine[None, None, None], keeping: Coroutine[None, None, None]
) -> AsyncIterator[None]:
    """Run what runs as long as the node does; one that fails ends it."""
    async with asyncio.TaskGroup() as group:
        keeping_up = keep_up(node.served, node.metrics, node.config.flows.reload_s)
        tasks = [
            group.create_task(keeping_up, name="keep up with releases"),
            group.create_task(keep_clean(node.config, node.served, node.store.redis), name="sweep releases"),
            group.create_task(recovering, name="recover intents"),
            group.create_task(keeping, name="keep the bank"),
            *_following(group, node),
        ]
        if node.texting is not None:
            notices = Notices(node.bank.ports, node.catalogue, node.texting.send)
            tasks.append(group.create_task(notices.watch(), name="text notices"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@contextlib.asynccontextmanager
async def open_releases(config: Config) -> AsyncIterator[Releases]:
    """Open the register of flows, beside a running server or without one: for the operator's commands.

    Without a server the embedded store is started for as long as the block lasts: keep it short.

    Raises:
        ConfigError: the state folder cannot be used.
        StoreError: the store cannot be reached.
    """
    open_state(config.server.state_dir)
    async with reach_store(store_url(config), config.server.state_dir) as store:
        yield Releases(store.redis)


def store_url(config: Config) -> str | None:
    """Answer where the store is; None: the embedded one."""
    return config.store.url.get_secret_value() if config.store.url is not None else None


def bank_url(config: Config) -> str:
    """Answer where the bank's database is."""
    url = config.bank.database_url
    return url.get_secret_value() if url is not None else sqlite_url(config.server.state_dir / "bank.db")


@contextlib.asynccontextmanager
async def open_bank_only(config: Config, *, make: bool = False) -> AsyncIterator[EmbeddedBank]:
    """Open the embedded bank without a line, beside a running server or without one: for the operator's commands.

    Args:
        config: the server's settings.
        make: make the bank where there is none yet, as before the first start.

    Raises:
        ConfigError: there is no bank where the settings say.
    """
    file = config.server.state_dir / "bank.db"
    if config.bank.database_url is None and not make and not file.exists():
        mend = "Name the server's settings with -c, or start it once."
        raise ConfigError("server.state_dir", f"there is no bank at {file}", mend)
    nobody = Redis()  # connects when it is used; an operator has no auth session
    keys = open_state(config.server.state_dir)
    try:
        async with _core(config, keys) as core, _open_bank(config, keys, nobody, Seams(), core) as bank:
            yield bank
    finally:
        await nobody.aclose()


@contextlib.asynccontextmanager
async def _open_bank(
    config: Config, keys: Keys, redis: Redis, seams: Seams, core: HttpCore | None = None
) -> AsyncIterator[EmbeddedBank]:
    profile = profile_of(config)
    where = bank_url(config)
    async with open_bank(
        where,
        pepper=keys.pepper,
        personal_key=keys.personal,
        clock=seams.clock,
        auth_sessions=RedisAuthSessions(redis, profile.session_life, Sealer(keys.seal)),
        profile=profile,
        pin_cost=seams.pin_cost,
        wrap_bank=(lambda ledger: ledger) if core is None else core.in_place_of,
        arrange=(lambda ports: ports) if core is None else _obeying,
        recover=False,  # the node does when it can text the results; an operator's command only looks
    ) as bank:
        if core is not None:
            core.customers = bank.ports.registry
        yield bank


def _obeying(ports: Ports) -> Ports:
    """A core elsewhere knows nothing of a customer's own freeze: it is obeyed on the way there."""
    return dataclasses.replace(ports, bank=ObeyingBank(ports.bank, ports.intents, ports.freezes))


@contextlib.asynccontextmanager
async def _core(config: Config, keys: Keys) -> AsyncIterator[HttpCore | None]:
    """Open the way to the core bank; None: the embedded one has the accounts."""
    if config.core.kind == "embedded":
        yield None
        return
    async with open_core(config.core, keys.seal) as core:
        yield core


def _drafts(config: Config, served: Served) -> DraftNumber | None:
    """Answer the number for drafts. With a folder served there are none: what is saved there is live."""
    number = config.flows.draft_number
    if number is None or not isinstance(served.flows, Library):
        return None
    return DraftNumber(number, frozenset(config.flows.draft_callers), served.flows.trial)


def _missed_calls(node: Node, keys: Keys) -> MissedCalls | None:
    if node.texting is None:
        return None
    return MissedCalls(
        node.config.missed_call,
        node.bank.messaging,
        node.texting,
        Windows(node.texting.journal, "tellerline:{sms}"),
        Sealer(keys.seal),
        node.clock,
        region=node.config.bank.region,
        on_outcome=lambda outcome: node.metrics.missed_calls.labels(outcome).inc(),
    )


def _server(config: Config, voice: VoiceChannel, catalogue: Catalogue, metrics: Metrics) -> FastAgiServer:
    return FastAgiServer(
        voice,
        host=config.agi.host,
        port=config.agi.port,
        limits=_limits(config),
        prompts=_prompts(config, catalogue),
        allow=tuple(ipaddress.ip_network(network) for network in config.agi.allow),
        observer=CallFigures(metrics),
    )


def _limits(config: Config) -> ServerLimits:
    agi = config.agi
    return ServerLimits(
        max_calls=agi.max_calls,
        max_waiting=agi.max_waiting,
        header_timeout_s=agi.header_timeout_s,
        command_timeout_s=agi.command_timeout_s,
        call_limit_s=agi.call_limit_s,
        after_left_s=agi.after_left_s,
    )


def _prompts(config: Config, catalogue: Catalogue) -> ServerPrompts:
    language = "zh" if "zh" in catalogue.languages else catalogue.languages[0]
    prefix = config.agi.sound_prefix.rstrip("/")

    def file(prompt: str) -> str:
        return f"{prefix}/{catalogue.audio_id(prompt, language)}" if prefix else catalogue.audio_id(prompt, language)

    return ServerPrompts(busy=file(ALL_LINES_BUSY) if config.agi.say_busy else "", limit=file(TOO_LONG))


@contextlib.asynccontextmanager
async def _ami(config: Config) -> AsyncIterator[AmiClient]:
    ami = config.ami
    settings = AmiSettings(
        username=ami.username,
        secret=Secret(ami.secret.get_secret_value()),
        host=ami.host or "127.0.0.1",
        port=ami.port,
        connect_timeout_s=ami.connect_timeout_s,
        action_timeout_s=ami.action_timeout_s,
        ping_interval_s=ami.ping_interval_s,
        pong_timeout_s=ami.pong_timeout_s,
        backoff_initial_s=ami.reconnect_first_s,
        backoff_longest_s=ami.reconnect_most_s,
    )
    async with AmiClient(settings) as client:
        yield client


async def _listen(stack: contextlib.AsyncExitStack, node: Node) -> None:
    """Open the ports last, when everything behind them is there."""
    config = node.config
    try:
        await stack.enter_async_context(node.server)
    except OSError as error:
        place = f"{config.agi.host}:{config.agi.port}"
        mend = "Stop what listens there (ss -ltnp), or set agi.port."
        raise ConfigError("agi.port", f"cannot listen on {place}: {error.strerror}", mend) from None
    if config.health.port is None:
        return
    parts = {"sms": node.standing} if node.standing is not None else {}
    health = Health(_checks(node), node.metrics, node.served.told, parts)
    try:
        node.health_port = await stack.enter_async_context(serving(health, config.health.host, config.health.port))
    except OSError as error:
        place = f"{config.health.host}:{config.health.port}"
        mend = "Stop what listens there, or set health.port."
        raise ConfigError("health.port", f"cannot listen on {place}: {error.strerror}", mend) from None


def _checks(node: Node) -> dict[str, Check]:
    async def store() -> str | None:
        return None if await node.store.redis.ping() else "no answer"

    async def bank() -> str | None:
        await node.bank.admin.unknown()
        return None

    async def calls() -> str | None:
        if node.draining:
            return "draining"
        return None if node.server.accepting else "not listening"

    async def texts() -> str | None:
        return node.standing.down() if node.standing is not None else None

    async def core() -> str | None:
        return await node.core.down() if node.core is not None else None

    return {"store": store, "bank": bank, "core": core, "calls": calls, "texts": texts}


__all__ = ["Node", "Seams", "bank_url", "open_bank_only", "open_flows", "open_releases", "running", "store_url"]
