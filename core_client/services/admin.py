"""What an operator may do on the command line: see and unlock a customer, and give the unknown a last word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core_client.domain.accounts import Account
from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Card, Customer, Payee
from core_client.domain.transfers import Intent, TransferState
from core_client.errors import BankError, Declined
from core_client.ports.audit import ChainReport
from core_client.ports.core_bank import HoldState
from core_client.services.appointments import AppointmentDesk
from core_client.services.billers import BillerDesk
from core_client.services.call import Ports
from core_client.services.callbacks import CallbackDesk
from core_client.services.freezing import FreezeDesk
from core_client.services.information import SheetDesk
from core_client.services.service_requests import RequestDesk
from core_client.services.settlement import Resolved, Settlement


class NotFoundError(BankError):
    """There is no such customer or intent; the message says which and how to look."""


class Resolution(StrEnum):
    """How an unknown intent gets its last word."""

    QUERY = "query"  # take the ledger's word
    POST = "post"  # a person says it shall be paid
    VOID = "void"  # a person says it shall not
    REVERSE = "reverse"  # it was paid: book it back


@dataclass(frozen=True, slots=True)
class CustomerView:
    """What an operator sees: no PIN, no whole number."""

    customer: Customer
    lines: tuple[str, ...]  # masked
    failures: int
    locked: bool
    accounts: tuple[Account, ...]
    payees: tuple[Payee, ...]
    cards: tuple[Card, ...]


def masked(e164: str) -> str:
    """Answer a number as an operator sees it: +86 139****0001."""
    return f"{e164[:6]}{'*' * max(0, len(e164) - 10)}{e164[-4:]}" if len(e164) > 10 else "*" * len(e164)


class BankAdmin:
    """An operator's hands. Every change is audited under the operator's name."""

    def __init__(self, ports: Ports, settlement: Settlement) -> None:
        self._ports = ports
        self._settlement = settlement
        self.callbacks = CallbackDesk(ports)
        self.requests = RequestDesk(ports)
        self.sheet = SheetDesk(ports)
        self.appointments = AppointmentDesk(ports)
        self.freezes = FreezeDesk(ports)
        self.billers = BillerDesk(ports)

    async def find_customer(self, wanted: str) -> Customer:
        """Find a customer by customer number or by registered number in E.164.

        Raises:
            NotFoundError: nobody has it.
        """
        registry = self._ports.registry
        find = registry.customer_by_line if wanted.startswith("+") else registry.customer_by_number
        found = await find(wanted)
        if found is None:
            raise NotFoundError(
                f"no customer has '{wanted}': give a customer number (8 digits) or a number as +8613900000001"
            )
        return found

    async def show(self, wanted: str) -> CustomerView:
        """Answer what an operator may see of a customer."""
        ports = self._ports
        customer = await self.find_customer(wanted)
        failures = await ports.credentials.failures(ports.keyed.subject(customer.number))
        return CustomerView(
            customer=customer,
            lines=tuple(masked(line) for line in await ports.registry.lines_of(customer.id)),
            failures=failures,
            locked=failures >= ports.profile.attempts.limit,
            accounts=tuple(await ports.bank.accounts(customer.id)),
            payees=tuple(await ports.registry.payees(customer.id)),
            cards=tuple(await ports.registry.cards(customer.id)),
        )

    async def unlock(self, wanted: str, operator: str) -> Customer:
        """Forget a customer's failures, after a person has checked who it is. The PIN stays what it was."""
        customer = await self.find_customer(wanted)
        record = self._record(operator, "customer.unlocked", f"customer:{customer.id}")
        await self._ports.credentials.unlock(self._ports.keyed.subject(customer.number), record)
        return customer

    async def set_language(self, wanted: str, language: str, operator: str) -> Customer:
        """Remember a customer's language."""
        customer = await self.find_customer(wanted)
        record = self._record(operator, "customer.language_set", f"customer:{customer.id}", language=language)
        await self._ports.registry.set_language(customer.id, language, record)
        return customer

    async def unknown(self) -> Sequence[Intent]:
        """Answer the intents without a last word, oldest first."""
        return await self._ports.intents.in_states(frozenset({TransferState.UNKNOWN}))

    async def resolve(self, intent_id: str, how: Resolution, operator: str, note: str = "") -> Resolved:
        """Give an intent its last word.

        Raises:
            NotFoundError: no such intent.
            Declined: it has its last word already, or what was asked contradicts the ledger.
            Unavailable: the bank does not answer; try again.
        """
        ports = self._ports
        intent = await ports.intents.get(intent_id)
        if intent is None:
            raise NotFoundError(f"there is no intent '{intent_id}': `bank unknown list` shows those that wait")
        await ports.audit.append(
            self._record(operator, "intent.resolution_asked", f"intent:{intent_id}", how=how.value, note=note[:200])
        )
        if how is Resolution.REVERSE:
            return await self._reverse(intent, operator)
        if intent.state is not TransferState.UNKNOWN:
            raise Declined("not_permitted", f"intent {intent_id} is {intent.state}, not unknown")
        if how is Resolution.QUERY:
            return await self._settlement.resolve(intent, f"cli:{operator}")
        return await (self._post if how is Resolution.POST else self._void)(intent, operator)

    async def _post(self, intent: Intent, operator: str) -> Resolved:
        state, posting = await self._ports.bank.query(intent.id)
        if posting is None:
            if state is HoldState.VOIDED:
                raise Declined("not_permitted", f"the ledger has voided intent {intent.id}: it can only be voided here")
            await self._ports.bank.hold(intent.order())
            posting = await self._ports.bank.post(intent.id)
        record = self._record(operator, "intent.posted", f"intent:{intent.id}", reference=posting.reference)
        await self._ports.intents.advance(intent.id, TransferState.POSTED, record, posting.reference)
        return Resolved(intent, "ok", posting.reference)

    async def _void(self, intent: Intent, operator: str) -> Resolved:
        await self._ports.bank.void(intent.id)
        record = self._record(operator, "intent.voided", f"intent:{intent.id}")
        await self._ports.intents.advance(intent.id, TransferState.VOIDED, record)
        return Resolved(intent, "refused")

    async def _reverse(self, intent: Intent, operator: str) -> Resolved:
        if intent.state is not TransferState.UNKNOWN:
            raise Declined(
                "not_permitted",
                f"intent {intent.id} is {intent.state}, not unknown: `tellerline bank reversal ask` books a posted one "
                "back, once somebody else approves",
            )
        posting = await self._ports.bank.reverse(intent.id)
        record = self._record(operator, "intent.posted", f"intent:{intent.id}")
        _, posted = await self._ports.bank.query(intent.id)
        reference = None if posted is None else posted.reference
        await self._ports.intents.advance(intent.id, TransferState.POSTED, record, reference)
        record = self._record(operator, "intent.reversed", f"intent:{intent.id}", reference=posting.reference)
        await self._ports.intents.advance(intent.id, TransferState.REVERSED, record)
        return Resolved(intent, "reversed", posting.reference)

    async def check_audit(self) -> ChainReport:
        """Walk the audit chain."""
        return await self._ports.audit.check()

    def _record(self, operator: str, action: str, subject: str, **detail: str | int | bool) -> AuditRecord:
        return AuditRecord(self._ports.clock.now(), f"cli:{operator}", action, subject, detail)
