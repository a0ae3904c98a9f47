"""Cheques: what became of one, and stopping it. Stopping is free: who fears a theft is not charged for saying so."""

from __future__ import annotations

from core_client.domain.cheques import Cheque
from core_client.services.accounts import customer_of
from core_client.services.call import OperationResult, Ports, Request, ok

_REFERENCE_DIGITS = 8


class ChequeDesk:
    """cheques.status, cheques.stop."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def status(self, request: Request, cheque: str) -> OperationResult:
        """Answer what became of a cheque, and since when."""
        found: Cheque = await self._ports.cheques.cheque(customer_of(request), cheque)
        since = self._ports.profile.limits.local_date(found.changed_at)
        return ok(cheque=found.number, state=found.state.value, since=since)

    async def stop(self, request: Request, cheque: str) -> OperationResult:
        """Stop a cheque, once."""
        ports, customer = self._ports, customer_of(request)
        reference = ports.randomness.digits(_REFERENCE_DIGITS)
        audit = request.audit("cheque.stopped", f"customer:{customer}", cheque=cheque[-4:], reference=reference)
        stopped = await ports.cheques.stop(customer, cheque, reference, request.now, audit)
        return ok(cheque=stopped.number, reference=stopped.reference or reference)
