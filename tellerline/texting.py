"""The SMS side of a node: the bind to the SMSC and the dialogues by text."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import Store
from core_client.domain.secret import Secret
from core_client.ports.clock import Clock
from flows.runner import Flows, Runner
from flows.sessions import SessionStore
from flows.vault import Vault
from flows.words import text_for
from sms.binds.esme import EsmeConfig
from sms.gateway import GatewayConfig, SmsGateway
from sms.smpp import Limits
from sounds.catalogue import Catalogue
from tellerline.config import Sms
from tellerline.door import Door
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
        on_handled=lambda kind, _seconds: behind.metrics.texts.labels(kind).inc(),
    )
    behind.metrics.smsc_bound.set_function(lambda: float(gateway.bound))
    async with gateway.running():
        yield gateway


def _esme(config: Sms) -> EsmeConfig:
    return EsmeConfig(
        host=config.host or "127.0.0.1",
        port=config.port,
        system_id=config.system_id,
        password=Secret(config.password.get_secret_value()),
        system_type=config.system_type,
        limits=Limits(
            window=config.window,
            response_timeout_s=config.response_timeout_s,
            session_init_timeout_s=config.bind_timeout_s,
            enquire_link_interval_s=config.enquire_link_s,
        ),
        backoff_first_s=config.reconnect_first_s,
        backoff_max_s=config.reconnect_most_s,
        connect_timeout_s=config.connect_timeout_s,
    )
