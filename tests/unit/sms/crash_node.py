"""A node with the demo bank that dies by SIGKILL at a labelled point: ``python -m ... FOLDER PORT [LABEL TIMES]``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from core_client.adapters.auth_sessions import RedisAuthSessions
from core_client.adapters.clock import SystemClock
from core_client.adapters.embedded import open_bank
from core_client.adapters.sealing import Sealer
from core_client.adapters.seeding import seed
from core_client.adapters.sql.database import sqlite_url
from core_client.adapters.valkey import open_store
from core_client.domain.profile import BankProfile
from core_client.ports.clock import Clock
from core_client.services.client import CoreClient
from core_client.testing.world import CHEAP, PEPPER
from tests.unit.sms.sms_world import KEY, gateway_on


@dataclass(frozen=True, slots=True)
class Bank:
    """What the gateway answers from."""

    core: CoreClient
    clock: Clock


async def main(folder: Path, port: int, label: str, times: int) -> None:
    """Serve until killed."""
    reached = 0

    def checkpoint(here: str) -> None:
        nonlocal reached
        reached += here == label
        if here == label and reached == times:
            os.kill(os.getpid(), signal.SIGKILL)

    clock, profile = SystemClock(), BankProfile()
    async with (
        open_store(None, folder) as store,
        open_bank(
            sqlite_url(folder / "bank.db"),
            pepper=PEPPER,
            clock=clock,
            auth_sessions=RedisAuthSessions(store.redis, profile.session_life, Sealer(KEY)),
            pin_cost=CHEAP,
            checkpoint=checkpoint,
        ) as bank,
    ):
        await seed(bank)
        held = {"hold_s": 0.0} if label == "text_stored" else {}  # an answered one is never stored itself
        async with gateway_on(store, Bank(bank.client, clock), port, checkpoint=checkpoint, **held):
            await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
