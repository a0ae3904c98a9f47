"""The SMS side of a node: the bind to the SMSC and the dialogues by text."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import Store
from core_client.ports.clock import Clock
from flows.runner import Flows, Runner
from flows.sessions import SessionStore
from flows.vault import Vault
from flows.words import text_for
from sms.binds.esme import EsmeConfig
from sms.gateway import GatewayConfig, SmsGateway
from sms.messages import Purpose
from sounds.catalogue import Catalogue
from tellerline.config import Sms
from tellerline.door import Door
from tellerline.operators import operators_of
from tellerline.sms_figures import BindStanding, QueueStanding
from tellerline.sms_standing import Limits as AlarmLimits
from tellerline.sms_standing import SmsStanding
from tellerline.telemetry import Metrics


@dataclass(frozen=True, slots=True)
class Behind:
    """What the texts are answered by."""

    store: Store
    runner: Runner
    door: Door
    flows: Flows
    sessions: SessionStore
    vault: Vault
    catalogue: Catalogue
    clock: Clock
    metrics: Metrics


@contextlib.asynccontextmanager
async def open_texting(config: Sms, region: str, seal_key: bytes, behind: Behind) -> AsyncIterator[SmsGateway]:
    """Bind to the SMSC, and answer texts within."""
    gateway = SmsGateway(
        GatewayConfig(
            esme=_esme(config),
            flow=config.flow,
            short_code=config.short_code,
            region=region,
            node=config.node,
            help_per_hour=config.help_per_hour,
            duplicate_window_s=config.duplicate_window_s,
            max_backlog=config.max_backlog,
            receipts=config.receipts,
        ),
        redis=behind.store.redis,
        sealer=Sealer(seal_key),
        runner=behind.runner,
        core=behind.door,
        flows=behind.flows,
        sessions=behind.sessions,
        vault=behind.vault,
        text_for=lambda say, of_version: text_for(say, of_version or behind.catalogue, behind.vault.open),
        clock=behind.clock,
        on_handled=lambda kind, seconds: _handled(behind.metrics, kind, seconds),
    )
    behind.metrics.smsc_bound.set_function(lambda: float(gateway.bound))
    async with gateway.running():
        yield gateway


def _handled(metrics: Metrics, kind: str, seconds: float) -> None:
    metrics.texts.labels(kind).inc()
    metrics.sms.handled(kind, seconds)


def standing_of(config: Sms, gateway: SmsGateway, metrics: Metrics) -> SmsStanding:
    """Answer how the gateway stands, and let the figures ask it too."""
    watched = _Watched(gateway, config.window)
    alarms = config.alarms
    limits = AlarmLimits(alarms.queue_age_s, alarms.again_s, alarms.look_s)
    standing = SmsStanding(watched, limits, time.monotonic)
    metrics.sms.watched = watched
    metrics.sms.too_old = standing.too_old
    return standing


class _Watched:
    """What the gateway knows of its bind and its outbox."""

    def __init__(self, gateway: SmsGateway, window: int) -> None:
        self._gateway = gateway
        self._window = window

    def binds(self) -> Iterable[BindStanding]:
        return (BindStanding("main/main", self._gateway.bound, "transceiver", self._window),)

    def queues(self) -> Mapping[Purpose, QueueStanding]:
        return {Purpose.ANSWER: QueueStanding(len(self._gateway.outbox), 0.0)}

    def receipts(self) -> Mapping[str, int]:
        return {"recorded": self._gateway.receipts.recorded}

    def received(self) -> Mapping[str, int]:
        return {}


def _esme(config: Sms) -> EsmeConfig:
    bind = operators_of(config)[0].binds[0]
    return EsmeConfig(
        host=bind.host,
        port=bind.port,
        system_id=bind.system_id,
        password=bind.password,
        system_type=bind.system_type,
        limits=bind.limits,
        backoff_first_s=bind.backoff_first_s,
        backoff_max_s=bind.backoff_max_s,
        connect_timeout_s=bind.connect_timeout_s,
    )
