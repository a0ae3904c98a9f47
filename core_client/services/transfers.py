"""Transfers: an intent is stored, confirmed, authorised once, held, posted. Nothing else moves money."""

from __future__ import annotations

from core_client.domain.audit import AuditRecord
from core_client.domain.customers import find_payee
from core_client.domain.money import Money
from core_client.domain.transfers import Intent, Purpose, TransferState
from core_client.ports.intents import Grant
from core_client.services.accounts import customer_of
from core_client.services.call import OK, OperationResult, Ports, Request, ok, refused
from core_client.services.preparing import Destination, Preparing
from core_client.services.settlement import Settlement, Word

_UNKNOWN = OperationResult("unknown")
_REFUSED_GRANTS = {
    Grant.SPENT: "intent_spent",
    Grant.EXPIRED: "intent_expired",
    Grant.STALE: "payee_unknown",
}


class Transfers:
    """transfers.prepare, transfers.authorise, transfers.cancel."""

    def __init__(self, ports: Ports, settlement: Settlement) -> None:
        self._ports = ports
        self._settlement = settlement
        self._preparing = Preparing(ports)

    async def prepare(self, request: Request, payee: str, amount: Money, account: str | None = None) -> OperationResult:
        """Store an intent and answer who would get what. Moves nothing."""
        found = find_payee(await self._ports.registry.payees(customer_of(request)), payee)
        to = Destination(Purpose.PAYEE, found.name, found.account_number, found.id, found.added_at)
        return await self._preparing.prepare(request, to, amount, account)

    async def authorise(self, request: Request, intent: str) -> OperationResult:
        """Carry an intent out: take its one authorisation, hold, post.

        The same request again gets the answer of the first. Another request of an intent that is under way is told
        ``unknown``: no last word yet, neither done nor refused.
        """
        ports, customer = self._ports, customer_of(request)
        limits = ports.profile.limits
        audit = request.audit("intent.authorised", f"intent:{intent}", by=request.id)
        taken = await self._settlement.take(intent, customer, request.id, request.now, limits, audit)
        if taken is None:
            return _UNKNOWN
        if taken.intent is None:
            return refused("intent_spent")
        if taken.grant is Grant.GRANTED:
            ports.checkpoint("intent.authorised")
            return _result(await self._settlement.carry_out(taken.intent, request.audit))
        if taken.grant in (Grant.REPLAY, Grant.SPENT):
            return await self._of_before(taken.grant, taken.intent)
        if taken.intent.state is TransferState.PREPARED and taken.grant is Grant.EXPIRED:
            await ports.intents.advance(
                intent, TransferState.EXPIRED, request.audit("intent.expired", f"intent:{intent}")
            )
        return refused(_REFUSED_GRANTS[taken.grant])

    async def _of_before(self, grant: Grant, intent: Intent) -> OperationResult:
        if intent.state in (TransferState.AUTHORISED, TransferState.HELD, TransferState.UNKNOWN):
            return _UNKNOWN
        if grant is Grant.REPLAY and intent.state is TransferState.POSTED:
            _, posting = await self._ports.bank.query(intent.id)
            if posting is not None:
                return ok(reference=posting.reference, available=posting.available)
        return refused("intent_spent")

    async def cancel(self, request: Request, intent: str) -> OperationResult:
        """Void an intent that nobody authorised."""
        found = await self._ports.intents.get(intent)
        if found is None or found.customer_id != customer_of(request):
            return refused("intent_spent")
        if found.state is TransferState.VOIDED:
            return OK
        if found.state is TransferState.EXPIRED:
            return refused("intent_expired")
        if found.state is not TransferState.PREPARED:
            return refused("intent_spent")
        audit: AuditRecord = request.audit("intent.cancelled", f"intent:{intent}")
        if not await self._ports.intents.cancel(intent, audit):
            return refused("intent_spent")
        return OK


def _result(word: Word) -> OperationResult:
    if word.posting is not None:
        return ok(reference=word.posting.reference, available=word.posting.available)
    return OperationResult(word.outcome, reason=word.reason)
