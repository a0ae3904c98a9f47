"""The SMS channel with the demo bank behind it and a fake message centre before it: all but the wires is real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core_client.adapters.sealing import KEY_BYTES, Sealer
from core_client.adapters.valkey import Store, open_store
from core_client.domain.secret import Secret
from core_client.ports.clock import Clock
from core_client.services.client import CoreClient
from core_client.testing.world import World
from core_client.testing.world import world as open_world
from flows.runner import Runner
from flows.sessions import RedisSessions
from flows.store import FlowStore
from flows.vault import Vault
from flows.words import text_for
from sms.gateway import GatewayConfig, SmsGateway
from sms.operators import BindSettings, Operator
from sms.people.quiet import NEVER, QuietHours
from sms.people.settings import MannersSettings
from sms.smpp import Limits
from sms.testing.fake_smsc import FakeSmsc
from sounds.catalogue import Catalogue

AWAKE = MannersSettings(quiet=QuietHours(NEVER))
KEY = bytes(range(KEY_BYTES))
WANG = "+8613900000001"  # writes Chinese, 12,345.67 CNY
ENGLISH = "+8613900000002"
STRANGER = "+8613911112222"
BANK = "95500"
_catalogue = Catalogue.load()
_flows = FlowStore(catalogue=_catalogue)


class Behind(Protocol):
    """A bank to answer from."""

    @property
    def core(self) -> CoreClient: ...

    @property
    def clock(self) -> Clock: ...


@dataclass
class SmsWorld:
    """What a test may look into."""

    smsc: FakeSmsc
    gateway: SmsGateway
    bank: World
    store: Store
    state_dir: Path

    async def text(self, body: str, number: str = WANG, **how: Any) -> None:
        await self.smsc.deliver(number, BANK, body, **how)

    async def ask(self, body: str, number: str = WANG, **how: Any) -> str:
        """Text the bank and answer what it answers."""
        await self.text(body, number, **how)
        return (await self.smsc.receive(to=number)).text

    def stored_bytes(self) -> bytes:
        """Everything that the store has on the disk."""
        return b"".join(file.read_bytes() for file in (self.state_dir / "valkey").rglob("*") if file.is_file())


def bind_to(port: int, **more: Any) -> BindSettings:
    """One bind to a centre on ``port``, which comes back quickly."""
    more.setdefault("limits", Limits(window=10))
    return BindSettings(
        "main", "127.0.0.1", port, "tellerline", Secret("demo"), backoff_first_s=0.02, backoff_max_s=0.1, **more
    )


def operator(port: int, name: str = "main", *, receipts: bool = False, **more: Any) -> Operator:
    """One operator with one such bind."""
    return Operator(name, (bind_to(port, **more),), senders=(BANK,), receipts=receipts)


@asynccontextmanager
async def gateway_on(
    store: Store, bank: Behind, port: int, *, checkpoint: Callable[[str], None] = lambda _: None, **config: Any
) -> AsyncIterator[SmsGateway]:
    vault = Vault()
    sessions = RedisSessions(store.redis, Sealer(KEY))
    runner = Runner(_flows, sessions, bank.core, vault, bank.clock)
    gateway = SmsGateway(
        GatewayConfig(
            config.pop("operators", None) or (operator(port, receipts=config.pop("receipts", False)),),
            **{"manners": AWAKE, **config},
        ),
        redis=store.redis,
        sealer=Sealer(KEY),
        runner=runner,
        core=bank.core,
        bank=bank.core.messaging,
        flows=_flows,
        sessions=sessions,
        vault=vault,
        text_for=lambda say, of_version: text_for(say, of_version or _catalogue, vault.open),
        clock=bank.clock,
        checkpoint=checkpoint,
    )
    async with gateway.running():
        yield gateway


@asynccontextmanager
async def sms_world(state_dir: Path, **config: Any) -> AsyncIterator[SmsWorld]:
    async with (
        open_world() as bank,
        open_store(None, state_dir) as store,
        FakeSmsc() as smsc,
        gateway_on(store, bank, smsc.port, **config) as gateway,
    ):
        await gateway.binds.wait_bound(5)
        yield SmsWorld(smsc, gateway, bank, store, state_dir)
