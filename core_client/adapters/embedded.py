"""The embedded bank, put together: one database, one client, one administration."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from core_client.adapters.customer_cache import CustomerCache
from core_client.adapters.pin_hashing import Argon2Pins, PinCost
from core_client.adapters.randomness import SystemRandomness
from core_client.adapters.sim_swaps import NoSimSignal
from core_client.adapters.sql.appointments import SqlAppointments
from core_client.adapters.sql.audit import SqlAudit
from core_client.adapters.sql.billers import SqlBillers
from core_client.adapters.sql.callbacks import SqlCallbacks
from core_client.adapters.sql.cash_orders import SqlCashOrders
from core_client.adapters.sql.cheques import SqlCheques
from core_client.adapters.sql.consents import SqlConsents
from core_client.adapters.sql.credentials import SqlCredentials
from core_client.adapters.sql.customer_records import SqlCustomerRecords
from core_client.adapters.sql.database import Database, open_database
from core_client.adapters.sql.freezes import SqlFreezes
from core_client.adapters.sql.holders import SqlHolders
from core_client.adapters.sql.information import SqlInformation
from core_client.adapters.sql.intents import SqlIntents
from core_client.adapters.sql.ledger import SqlBank
from core_client.adapters.sql.loans import SqlLoans
from core_client.adapters.sql.notices import SqlNotices
from core_client.adapters.sql.payees import SqlPayeeRequests
from core_client.adapters.sql.personal import PersonalData, key_of_pepper
from core_client.adapters.sql.registry import SqlRegistry
from core_client.adapters.sql.resealing import seal_everything
from core_client.adapters.sql.reversals import SqlReversals
from core_client.adapters.sql.service_requests import SqlServiceRequests
from core_client.adapters.sql.staff import SqlStaff
from core_client.domain.profile import BankProfile
from core_client.errors import BankError
from core_client.ports.auth_sessions import AuthSessions
from core_client.ports.clock import Clock
from core_client.ports.core_bank import CoreBank
from core_client.ports.randomness import Randomness
from core_client.ports.sim_swaps import SimSwaps
from core_client.services.admin import BankAdmin
from core_client.services.call import Checkpoints, Ports, no_checkpoints
from core_client.services.client import CoreClient
from core_client.services.held_sessions import HeldAuthSessions
from core_client.services.keyed import KeyedHashes
from core_client.services.messaging import Messaging
from core_client.services.records import RecordDesk
from core_client.services.reversals import ReversalDesk
from core_client.services.staff import People


@dataclass(frozen=True, slots=True)
class EmbeddedBank:
    """What an open bank offers. ``client`` is for channels, ``admin`` for the operator's command line."""

    client: CoreClient
    admin: BankAdmin
    ports: Ports
    database: Database
    ledger: SqlBank
    people: People
    messaging: Messaging
    personal: PersonalData
    records: RecordDesk  # for staff
    cache: CustomerCache  # of this node; believed while somebody follows the change-log

    @property
    def reversals(self) -> ReversalDesk:
        """Where people ask for transfers to be booked back, and approve it."""
        return self.client.reversals

    async def is_ready(self) -> bool:
        """Answer whether the database and the store of auth sessions answer now."""
        try:
            await self.database.read(lambda tx: tx.control("SELECT 1"))
            await self.ports.auth_sessions.get("nobody's")
        except BankError:
            return False
        return True


def _as_it_is(bank: CoreBank) -> CoreBank:
    return bank


def _as_they_are(ports: Ports) -> Ports:
    return ports


@contextlib.asynccontextmanager
async def open_bank(
    database_url: str,
    *,
    pepper: bytes,
    personal_key: bytes | None = None,
    clock: Clock,
    auth_sessions: AuthSessions,
    profile: BankProfile | None = None,
    pin_cost: PinCost | None = None,
    randomness: Randomness | None = None,
    sim_swaps: SimSwaps | None = None,
    wrap_bank: Callable[[CoreBank], CoreBank] = _as_it_is,
    checkpoint: Checkpoints = no_checkpoints,
    recover: bool = True,
    opened: Callable[[str], AbstractAsyncContextManager[Database]] = open_database,
    arrange: Callable[[Ports], Ports] = _as_they_are,
) -> AsyncIterator[EmbeddedBank]:
    """Open the bank at ``database_url``: migrate, look after what a crash left, serve, and drain at the end.

    Args:
        database_url: ``sqlite:///path`` (see :func:`~core_client.adapters.sql.database.sqlite_url`) or
            ``postgresql+psycopg://...``.
        pepper: the key beside the configuration, never in the database; without it no PIN can be checked.
        personal_key: wraps the keys of personal data; it lies beside the configuration too. Without, one made of the
            pepper.
        clock: the one clock of everything here.
        auth_sessions: where proofs are kept; :class:`~core_client.adapters.auth_sessions.RedisAuthSessions`.
        profile: limits, delays and lives; without, the default ones.
        pin_cost: what a PIN's hash costs; only tests make it cheap.
        randomness: where ids and codes come from; without, the operating system.
        sim_swaps: who knows how fresh a number's SIM is; without, nobody does.
        wrap_bank: puts something between the services and the ledger, as a test's faulty bank.
        checkpoint: called at labelled points of a transfer; a crash proof dies there.
        recover: bring what a crash left behind to a last word; not for who only looks, beside a running server.
        opened: opens the database; a simulation's runs its transactions in virtual time.
        arrange: may put others in the place of some ports, before anything is made of them.
    """
    profile = profile or BankProfile()
    randomness = randomness or SystemRandomness()
    async with opened(database_url) as database:
        pins = await asyncio.to_thread(Argon2Pins, pepper, pin_cost or PinCost())
        try:
            personal = PersonalData(personal_key or key_of_pepper(pepper))
            await seal_everything(database, personal, clock.now())
            ledger = SqlBank(database, clock, randomness)
            cache = CustomerCache(asyncio.get_running_loop().time)
            registry = SqlRegistry(database, personal, cache)
            ports = arrange(
                Ports(
                    clock=clock,
                    randomness=randomness,
                    bank=wrap_bank(ledger),
                    registry=registry,
                    credentials=SqlCredentials(database, profile.attempts),
                    intents=SqlIntents(database),
                    callbacks=SqlCallbacks(database, personal),
                    consents=SqlConsents(database),
                    information=SqlInformation(database),
                    requests=SqlServiceRequests(database),
                    cheques=SqlCheques(database),
                    loans=SqlLoans(database),
                    notices=SqlNotices(database),
                    appointments=SqlAppointments(database),
                    payee_requests=SqlPayeeRequests(database, personal),
                    holders=SqlHolders(database, registry),
                    freezes=SqlFreezes(database),
                    billers=SqlBillers(database, personal),
                    cash_orders=SqlCashOrders(database),
                    reversals=SqlReversals(database),
                    sim_swaps=sim_swaps or NoSimSignal(),
                    staff=SqlStaff(database),
                    auth_sessions=HeldAuthSessions(auth_sessions),
                    audit=SqlAudit(database),
                    pins=pins,
                    keyed=KeyedHashes(pepper),
                    profile=profile,
                    checkpoint=checkpoint,
                )
            )
            client = CoreClient(ports)
            if recover:
                await client.recover()
            try:
                admin, people = BankAdmin(ports, client.settlement), People(ports)
                records = RecordDesk(SqlCustomerRecords(database, personal), clock)
                messaging = client.messaging
                yield EmbeddedBank(client, admin, ports, database, ledger, people, messaging, personal, records, cache)
            finally:
                await client.drain()
        finally:
            await asyncio.shield(asyncio.to_thread(pins.close))
