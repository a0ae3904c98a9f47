"""One bank's numbers in one place: limits, delays, lives. Configuration, never constants in the code that uses them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from core_client.domain.appointments import AppointmentPolicy
from core_client.domain.billers import TopUpPolicy
from core_client.domain.callbacks import CallbackPolicy
from core_client.domain.cash import CashPolicy
from core_client.domain.limits import LimitProfile
from core_client.domain.payees import PayeePolicy
from core_client.domain.pins import AttemptPolicy
from core_client.domain.service_requests import RequestPolicy
from core_client.domain.sims import SimPolicy


@dataclass(frozen=True, slots=True)
class BankProfile:
    """Everything that differs from bank to bank or country to country."""

    limits: LimitProfile = field(default_factory=LimitProfile)
    attempts: AttemptPolicy = field(default_factory=AttemptPolicy)
    idle: datetime.timedelta = datetime.timedelta(minutes=5)  # PSD2 RTS art. 4: five minutes
    session_life: datetime.timedelta = datetime.timedelta(hours=1)  # an AuthSession that nobody used for that long
    intent_life: datetime.timedelta = datetime.timedelta(minutes=10)  # unconfirmed: then it expires
    code_life: datetime.timedelta = datetime.timedelta(minutes=10)  # NIST SP 800-63B-4 §3.1.3.2
    recent_entries: int = 5
    most_entries: int = 20  # of a mini statement whose length the customer says: nobody listens to more
    alert_threshold_minor: int = 10_000  # in ``currency``, when a customer names none
    requests: RequestPolicy = field(default_factory=RequestPolicy)
    appointments: AppointmentPolicy = field(default_factory=AppointmentPolicy)
    callbacks: CallbackPolicy = field(default_factory=CallbackPolicy)
    payees: PayeePolicy = field(default_factory=PayeePolicy)
    top_ups: TopUpPolicy = field(default_factory=TopUpPolicy)
    cash: CashPolicy = field(default_factory=CashPolicy)
    sims: SimPolicy = field(default_factory=SimPolicy)
    missed_call_number: str = "95501"  # that brings the balance by text; empty: there is none
    currency: str = "CNY"  # of an amount that was keyed without one
