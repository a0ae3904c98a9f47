"""The customer's own freeze: no PIN to stop everything, people to start it again."""

from __future__ import annotations

from collections.abc import Sequence

from core_client.domain.audit import AuditRecord
from core_client.domain.service_requests import RequestKind
from core_client.ports.freezes import Freeze
from core_client.services.accounts import customer_of
from core_client.services.call import OperationResult, Ports, Request, ok, refused
from core_client.services.service_requests import RequestsOfCustomers

_REFERENCE_DIGITS = 8


class Freezing:
    """accounts.freeze, accounts.request_unfreeze."""

    def __init__(self, ports: Ports, requests: RequestsOfCustomers) -> None:
        self._ports = ports
        self._requests = requests

    async def freeze(self, request: Request, account: str | None = None) -> OperationResult:
        """Freeze one account, or all. A bank that does not answer hinders nothing: all are frozen without it."""
        ports, customer = self._ports, customer_of(request)
        found = None if account is None else await ports.bank.account(customer, account)
        reference = ports.randomness.digits(_REFERENCE_DIGITS)
        what = "all" if found is None else found.last4
        audit = request.audit("account.frozen", f"customer:{customer}", account=what, reference=reference)
        wanted = None if found is None else found.id
        frozen = await ports.freezes.freeze(customer, wanted, reference, request.now, audit)
        ports.checkpoint("account.frozen")
        known = await ports.freezes.of_customer(customer)
        return ok(reference=frozen.reference, count=sum(1 for one in known if one.account is not None))

    async def request_unfreeze(self, request: Request) -> OperationResult:
        """Ask people to lift the freeze; they check who it is first."""
        if not await self._ports.freezes.of_customer(customer_of(request)):
            return refused("nothing_frozen")
        stands = await self._requests.ask(request, RequestKind.UNFREEZE, {})
        return ok(reference=stands.reference, due=stands.due)


class FreezeDesk:
    """What staff do with freezes."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def lift(self, customer_id: int, operator: str) -> Sequence[Freeze]:
        """Lift what a customer froze, after a person has checked who it is; what the bank froze stays."""
        record = AuditRecord(
            self._ports.clock.now(), f"cli:{operator}", "account.freeze_lifted", f"customer:{customer_id}"
        )
        return await self._ports.freezes.lift(customer_id, record)

    async def unblock_card(self, customer_id: int, last4: str, operator: str) -> bool:
        """Have a blocked card pay again, after a person has checked who asks; False when none is blocked."""
        now = self._ports.clock.now()
        record = AuditRecord(now, f"cli:{operator}", "card.unblocked", f"customer:{customer_id}", {"last4": last4})
        return await self._ports.freezes.unblock_card(customer_id, last4, now, record)
