"""Transfers: an intent is stored, confirmed, authorised once, held, posted. Nothing else moves money."""

from __future__ import annotations

from core_client.domain.accounts import Account
from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Payee, find_payee
from core_client.domain.money import Money
from core_client.domain.transfers import Intent, TransferState
from core_client.errors import Declined
from core_client.ports.intents import Grant
from core_client.services.accounts import customer_of
from core_client.services.call import OK, OperationResult, Ports, Request, ok, refused
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

    async def prepare(self, request: Request, payee: str, amount: Money, account: str | None = None) -> OperationResult:
        """Store an intent and answer who would get what. Moves nothing."""
        ports, customer = self._ports, customer_of(request)
        if amount.amount_minor <= 0:
            return refused("amount_invalid")
        debtor = await ports.bank.account(customer, account)
        found = find_payee(await ports.registry.payees(customer), payee)
        await self._check(request, debtor, found, amount)
        intent = Intent(
            id=ports.randomness.token(),
            request_id=request.id,
            customer_id=customer,
            channel=request.channel,
            state=TransferState.PREPARED,
            debtor_account=debtor.id,
            debtor_last4=debtor.last4,
            payee_id=found.id,
            payee_name=found.name,
            creditor_number=found.account_number,
            amount=amount,
            prepared_at=request.now,
            expires_at=request.now + ports.profile.intent_life,
        )
        audit = request.audit("intent.prepared", f"intent:{intent.id}", amount=str(amount), payee_last4=found.last4)
        stored = await ports.intents.create(intent, audit)
        return ok(
            id=stored.id,
            amount=stored.amount,
            payee_name=stored.payee_name,
            payee_last4=stored.payee_last4,
            from_last4=stored.debtor_last4,
        )

    async def _check(self, request: Request, debtor: Account, payee: Payee, amount: Money) -> None:
        limits = self._ports.profile.limits
        if debtor.frozen:
            raise Declined("account_frozen")
        if amount.currency != debtor.available.currency:
            raise Declined("amount_invalid")
        if request.now < payee.cooling_until(limits.payee_cooling):
            raise Declined("payee_cooling")
        since = limits.day_began(request.now)
        spent = await self._ports.intents.spent(customer_of(request), amount.currency, since)
        limits.check(amount, spent, by_sms=request.channel == "sms")
        if amount > debtor.available:
            raise Declined("insufficient_funds")

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
