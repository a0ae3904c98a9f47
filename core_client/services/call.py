"""What channels hand in and get back, and what an operation's handler sees."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from core_client.domain.audit import AuditRecord
from core_client.domain.money import Money
from core_client.domain.profile import BankProfile
from core_client.domain.secret import Secret
from core_client.domain.values import Value
from core_client.operations import Security
from core_client.ports.appointments import Appointments
from core_client.ports.audit import Audit
from core_client.ports.auth_sessions import AuthSession
from core_client.ports.billers import Billers
from core_client.ports.callbacks import Callbacks
from core_client.ports.cash_orders import CashOrders
from core_client.ports.cheques import Cheques
from core_client.ports.clock import Clock
from core_client.ports.consents import Consents
from core_client.ports.core_bank import CoreBank
from core_client.ports.credentials import Credentials
from core_client.ports.freezes import Freezes
from core_client.ports.holders import Holders
from core_client.ports.information import InformationSheet
from core_client.ports.intents import Intents
from core_client.ports.loans import Loans
from core_client.ports.notices import Notices
from core_client.ports.payees import PayeeRequests
from core_client.ports.pin_hashing import PinHashing
from core_client.ports.randomness import Randomness
from core_client.ports.registry import Registry
from core_client.ports.reversals import Reversals
from core_client.ports.service_requests import ServiceRequests
from core_client.ports.sim_swaps import SimSwaps
from core_client.ports.staff import Staff
from core_client.services.held_sessions import HeldAuthSessions
from core_client.services.keyed import KeyedHashes

Checkpoints: TypeAlias = Callable[[str], None]


def no_checkpoints(label: str) -> None:
    """Do nothing at a labelled point; a crash proof passes one that dies there."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who arrived, as far as the line's number tells."""

    auth_session_id: str
    identified: bool
    language: str | None
    customer_name: str | None


@dataclass(frozen=True, slots=True)
class OperationCall:
    """One request of a channel. ``request_id`` is the same when the same request comes again."""

    operation: str
    arguments: Mapping[str, Value | Secret]
    auth_session_id: str
    request_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What came of it: an outcome of the registry (or ``unauthenticated``), and the answer of ``ok``."""

    outcome: str
    answer: Mapping[str, Value | Secret] = field(default_factory=dict)
    reason: str | None = None


OK = OperationResult("ok")


def ok(**answer: Value | Secret) -> OperationResult:
    """Answer ``ok`` with its fields."""
    return OperationResult("ok", answer)


def refused(reason: str | None = None, left: Money | None = None) -> OperationResult:
    """Answer ``refused``; ``reason`` is one of the registry's, ``left`` the highest amount that is still possible."""
    told = {"left": left} if left is not None and left.amount_minor > 0 else {}
    return OperationResult("refused", told, reason)


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that the services need of the world."""

    clock: Clock
    randomness: Randomness
    bank: CoreBank
    registry: Registry
    credentials: Credentials
    intents: Intents
    callbacks: Callbacks
    consents: Consents
    information: InformationSheet
    requests: ServiceRequests
    cheques: Cheques
    loans: Loans
    notices: Notices
    appointments: Appointments
    payee_requests: PayeeRequests
    holders: Holders
    freezes: Freezes
    billers: Billers
    cash_orders: CashOrders
    reversals: Reversals
    sim_swaps: SimSwaps
    staff: Staff
    auth_sessions: HeldAuthSessions
    audit: Audit
    pins: PinHashing
    keyed: KeyedHashes
    profile: BankProfile
    checkpoint: Checkpoints = no_checkpoints


@dataclass(frozen=True, slots=True)
class Request:
    """One operation call, with the session it came on, as a handler sees it."""

    id: str
    channel: str
    session: AuthSession
    level: Security
    now: datetime.datetime

    def audit(self, action: str, subject: str, **detail: str | int | bool) -> AuditRecord:
        """Answer the audit record of what this request does."""
        return AuditRecord(self.now, self._actor(), action, subject, detail)

    def _actor(self) -> str:
        session = self.session
        if session.customer_id is not None:
            return f"{self.channel}:customer:{session.customer_id}"
        return f"{self.channel}:{session.subject or session.party or 'withheld'}"
