"""A ready bank on a temporary SQLite file with the demo bank's customers, in milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from core_client.adapters import demo_world
from core_client.adapters.demo_world import DemoCustomer
from core_client.adapters.embedded import EmbeddedBank, open_bank
from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.seeding import seed
from core_client.adapters.sql.database import sqlite_url
from core_client.domain.profile import BankProfile
from core_client.domain.secret import Secret
from core_client.domain.values import Value
from core_client.ports.core_bank import CoreBank
from core_client.services.call import Checkpoints, OperationCall, OperationResult, no_checkpoints
from core_client.services.client import CoreClient
from core_client.testing.auth_sessions import MemoryAuthSessions
from core_client.testing.clock import ManualClock
from core_client.testing.faulty_bank import FaultyBank
from core_client.testing.sim_swaps import ScriptedSims

PEPPER = b"a pepper for tests, 32 bytes long"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - private folders: no test waits for a disk
CHEAP = PinCost(memory_kib=64, passes=1)  # argon2's least: a test proves the counting, not the cost


@dataclass(slots=True)
class World:
    """A bank, its clock, its faults, and short ways to talk to it."""

    bank: EmbeddedBank
    clock: ManualClock
    faulty: FaultyBank
    auth_sessions: MemoryAuthSessions
    sims: ScriptedSims
    _requests: int = 0

    @property
    def core(self) -> CoreClient:
        """The client that channels use."""
        return self.bank.client

    async def perform(
        self,
        session: str,
        operation: str,
        channel: str = "voice",
        request_id: str | None = None,
        **arguments: Value | Secret,
    ) -> OperationResult:
        """Perform one operation; ``pin="..."`` and ``code="..."`` become secrets."""
        self._requests += 1
        given = {
            name: Secret(value) if name in ("pin", "code") and isinstance(value, str) else value
            for name, value in arguments.items()
        }
        request = request_id or f"request-{self._requests}"
        return await self.core.perform(OperationCall(operation, given, session, request, channel))

    async def authenticated(self, line: str = "+8613900000001") -> str:
        """Answer the auth session of a demo customer who called and gave the PIN."""
        arrival = await self.core.arrive("voice", line)
        who = demo_world.customer_of_line(line)
        result = await self.perform(arrival.auth_session_id, "auth.verify_pin", pin=who.pin)
        if result.outcome != "ok":
            raise AssertionError(f"the demo customer's own PIN was {result.outcome}")
        return arrival.auth_session_id


_template: TemporaryDirectory[str] | None = None


async def seeded_file() -> Path:
    """Answer a database with the demo customers, made once per process: every world begins with a copy."""
    global _template  # noqa: PLW0603 - a cache of the process
    if _template is None:
        folder = TemporaryDirectory(prefix="tellerline-world-", dir=MEMORY)
        clock = ManualClock()
        url = sqlite_url(Path(folder.name) / "bank.db")
        sessions = MemoryAuthSessions(clock)
        async with open_bank(url, pepper=PEPPER, clock=clock, auth_sessions=sessions, pin_cost=CHEAP) as bank:
            await seed(bank)
        with contextlib.closing(sqlite3.connect(Path(folder.name) / "bank.db")) as whole:
            busy = whole.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]  # what is copied is the file alone
        assert not busy, "somebody still has the new database open"  # noqa: S101 - a copy of less would be no bank
        _template = folder
    return Path(_template.name) / "bank.db"


@contextlib.asynccontextmanager
async def world(
    *,
    clock: ManualClock | None = None,
    profile: BankProfile | None = None,
    folder: Path | None = None,
    database_url: str | None = None,
    checkpoint: Checkpoints = no_checkpoints,
    more_customers: Sequence[DemoCustomer] = (),
) -> AsyncIterator[World]:
    """Open a bank with the demo customers on a SQLite file of its own.

    Args:
        clock: moved by the test; without, one that starts at a fixed moment.
        profile: limits and delays; without, the default ones.
        folder: where the file lies; without, a temporary one. A file that is there is opened as it is.
        database_url: another database, seeded if it is empty; without, SQLite in ``folder``.
        checkpoint: see :func:`~core_client.adapters.embedded.open_bank`.
        more_customers: for example :func:`~core_client.adapters.demo_world.crowd`.
    """
    clock = clock or ManualClock()
    faulty: list[FaultyBank] = []

    def wrap(bank: CoreBank) -> CoreBank:
        faulty.append(FaultyBank(bank))
        return faulty[0]

    with contextlib.ExitStack() as stack:
        if database_url is None:
            place = folder or Path(stack.enter_context(TemporaryDirectory(prefix="tellerline-bank-", dir=MEMORY)))
            database_url = sqlite_url(place / "bank.db")
            if not (place / "bank.db").exists():
                await asyncio.to_thread(shutil.copyfile, await seeded_file(), place / "bank.db")
        sessions, sims = MemoryAuthSessions(clock), ScriptedSims()
        async with open_bank(
            database_url,
            pepper=PEPPER,
            clock=clock,
            auth_sessions=sessions,
            profile=profile,
            pin_cost=CHEAP,
            sim_swaps=sims,
            wrap_bank=wrap,
            checkpoint=checkpoint,
        ) as bank:
            await seed(bank, (*demo_world.CUSTOMERS, *more_customers))
            yield World(bank, clock, faulty[0], sessions, sims)
