"""The SMS side of a node: the binds to the operators, the dialogues by text, and how all of it stands."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from core_client.adapters.sealing import Sealer
from core_client.adapters.together import raise_if_cancelled
from core_client.adapters.valkey import Store
from core_client.ports.clock import Clock
from flows.runner import Flows, Runner
from flows.sessions import SessionStore
from flows.vault import Vault
from flows.words import text_for
from sms.gateway import GatewayConfig, SmsGateway
from sms.messages import Purpose
from sms.people.manners import BankWord, Manners
from sms.smpp import Status
from sounds.catalogue import Catalogue
from tellerline.config import Sms
from tellerline.config_people import manners_of
from tellerline.door import Door
from tellerline.operators import operators_of
from tellerline.telemetry import Metrics
from tellerline.texts.figures import BindStanding, QueueStanding
from tellerline.texts.orders import Obedient
from tellerline.texts.shelf import Shelf
from tellerline.texts.standing import Limits as AlarmLimits
from tellerline.texts.standing import SmsStanding
from tellerline.texts.status import TELL_S, StatusBoard

_BUSY = MappingProxyType({"rx_t_appn": Status.RX_T_APPN, "rmsgqful": Status.RMSGQFUL})
DRAIN_TOLD_S = 5.0  # while texts are finished, what is left is told that often

_log = structlog.get_logger("tellerline.texting")


@dataclass(frozen=True, slots=True)
class Behind:
    """What the texts are answered by."""

    store: Store
    runner: Runner
    door: Door
    bank: BankWord
    flows: Flows
    sessions: SessionStore
    vault: Vault
    catalogue: Catalogue
    clock: Clock
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Texting:
    """The gateway of a node, and what is known of how it stands."""

    gateway: SmsGateway
    standing: SmsStanding


async def drain_texting(gateway: SmsGateway, deadline_s: float) -> int:
    """Take no more texts and finish those that are there; answer how many are left. Tells how far it is."""
    draining = asyncio.create_task(gateway.drain(deadline_s), name="drain texts")
    try:
        while not draining.done():
            _log.info("sms.draining", unanswered=len(gateway.inbox), unsent=len(gateway.dispatcher))
            await asyncio.wait([draining], timeout=DRAIN_TOLD_S)
        left = await draining
    finally:
        draining.cancel()
    _log.info("sms.drained", left=left)
    return left


@contextlib.asynccontextmanager
async def open_texting(config: Sms, region: str, seal_key: bytes, behind: Behind) -> AsyncIterator[Texting]:
    """Bind to the operators, and answer texts within.

    Raises:
        NameTaken: another process has this node's name.
    """
    sealer = Sealer(seal_key)
    shelf = Shelf(behind.store.redis, sealer, keep_s=config.keep_s)
    judges: list[Obedient] = []

    def judged_by(manners: Manners) -> Obedient:
        judges.append(Obedient(manners, shelf.orders))
        return judges[-1]

    gateway = SmsGateway(
        GatewayConfig(
            operators=operators_of(config),
            manners=manners_of(config.people, config.short_code),
            flow=config.flow,
            short_code=config.short_code,
            region=region,
            node=config.node,
            help_per_hour=config.help_per_hour,
            duplicate_window_s=config.duplicate_window_s,
            max_backlog=config.max_backlog,
            keep_s=config.keep_s,
            parts_expiry_s=config.parts_expiry_s,
            busy_status=_BUSY[config.busy_status],
            expires_s=config.expires_s,
            hold_s=config.hold_s,
        ),
        redis=behind.store.redis,
        sealer=sealer,
        runner=behind.runner,
        core=behind.door,
        bank=behind.bank,
        flows=behind.flows,
        sessions=behind.sessions,
        vault=behind.vault,
        text_for=lambda say, of_version: text_for(say, of_version or behind.catalogue, behind.vault.open),
        clock=behind.clock,
        observer=behind.metrics.sms,
        judged_by=judged_by,
    )
    standing = standing_of(config, gateway, behind.metrics)
    async with gateway.running(), _beside(config, judges, standing, StatusBoard(behind.store.redis)):
        yield Texting(gateway, standing)


@contextlib.asynccontextmanager
async def _beside(
    config: Sms, judges: Iterable[Obedient], standing: SmsStanding, board: StatusBoard
) -> AsyncIterator[None]:
    """Look at the queues, read what staff ordered, and tell other processes how this node stands."""
    jobs = {"watch queues of texts": standing.watch(), "tell how texts stand": _tell(config.node, standing, board)}
    jobs |= {f"read orders {number}": judge.watch() for number, judge in enumerate(judges)}
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job, name=name) for name, job in jobs.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
        with contextlib.suppress(Exception):  # the store may be gone; what was said last lapses by itself
            await board.tell(config.node, {"stopped": True})


async def _tell(node: str, standing: SmsStanding, board: StatusBoard) -> None:
    while True:
        raise_if_cancelled()
        try:
            await board.tell(node, standing.told())
        except Exception as error:  # noqa: BLE001 - whatever the store says, the next time may go well
            _log.warning("sms.standing_untold", error=type(error).__name__)
        await asyncio.sleep(TELL_S)


def standing_of(config: Sms, gateway: SmsGateway, metrics: Metrics) -> SmsStanding:
    """Answer how the gateway stands, and let the figures ask it too."""
    watched = Watching(gateway)
    alarms = config.alarms
    standing = SmsStanding(watched, AlarmLimits(alarms.queue_age_s, alarms.again_s, alarms.look_s), time.monotonic)
    metrics.sms.watched = watched
    metrics.sms.too_old = standing.too_old
    metrics.smsc_bound.set_function(lambda: float(gateway.bound))
    return standing


class Watching:
    """What the gateway knows of its binds, its queue, what came in; see :class:`tellerline.texts.figures.Watched`."""

    def __init__(self, gateway: SmsGateway) -> None:
        self._gateway = gateway

    def binds(self) -> Iterable[BindStanding]:
        """Answer the binds of this node."""
        return tuple(
            BindStanding(
                name=bind.name,
                bound=bind.bound,
                mode=bind.mode.value,
                window=bind.window,
                in_flight=bind.in_flight,
                per_second=bind.limit,
                held=bind.held,
                since=bind.since,
                rate=round(bind.rate, 2),
                throttled_s=round(bind.throttled_s, 1),
                downs=bind.downs,
                holder=bind.holder,
                last_error=bind.last_error,
            )
            for bind in self._gateway.binds.health()
        )

    def queues(self) -> Mapping[Purpose, QueueStanding]:
        """Answer what waits to be sent, by purpose."""
        found: dict[Purpose, QueueStanding] = {}
        for depth in self._gateway.dispatcher.figures():
            before = found.get(depth.purpose, QueueStanding(0, 0.0))
            oldest_s = max(before.oldest_s, depth.oldest_s)
            found[depth.purpose] = QueueStanding(before.depth + depth.texts, oldest_s)
        return found

    def receipts(self) -> Mapping[str, int]:
        """Answer what became of receipts."""
        return {outcome: count for outcome, count in self._gateway.receipts.counts.items() if outcome != "recorded"}

    def received(self) -> Mapping[str, int]:
        """Answer what came in besides whole texts."""
        return self._gateway.inbox.counts
