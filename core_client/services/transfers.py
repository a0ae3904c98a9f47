"""Transfers: an intent is stored, confirmed, authorised once, held, posted. Nothing else moves money."""

from __future__ import annotations

import datetime
from dataclasses import replace

from core_client.domain.cash import CashState
from core_client.domain.customers import find_payee
from core_client.domain.limits import UNREGISTERED
from core_client.domain.money import Money
from core_client.domain.transfers import IN_FLIGHT, Intent, Purpose, TransferState
from core_client.domain.values import Value
from core_client.errors import BankError, Declined
from core_client.ports.intents import Grant
from core_client.services.accounts import customer_of
from core_client.services.call import OK, OperationResult, Ports, Request, ok, refused
from core_client.services.preparing import Destination, Preparing
from core_client.services.settlement import Settlement, Word

NOBODY_S_NAME = "他行账户 another bank"  # of an account elsewhere: its holder is known there only
REFERENCE_DIGITS = 10  # of the number under which a transfer waits, as long as a booked one's
_JUST_BEGUN_S = 10  # of a minute that is called a whole one: "ten minutes" is said, not "nine"
_UNKNOWN = OperationResult("unknown")
_REFUSED_GRANTS = {
    Grant.SPENT: "intent_spent",
    Grant.EXPIRED: "intent_expired",
    Grant.STALE: "payee_unknown",
}


class Transfers:
    """transfers.prepare, prepare_own, prepare_account, authorise, pending, cancel."""

    def __init__(self, ports: Ports, settlement: Settlement) -> None:
        self._ports = ports
        self._settlement = settlement
        self._preparing = Preparing(ports)

    async def prepare(self, request: Request, payee: str, amount: Money, account: str | None = None) -> OperationResult:
        """Store an intent to pay a registered payee and answer who would get what. Moves nothing."""
        found = find_payee(await self._ports.registry.payees(customer_of(request)), payee)
        elsewhere = await self._ports.holders.name_of(found.account_number) is None
        purpose = Purpose.INTERBANK if elsewhere else Purpose.PAYEE
        to = Destination(purpose, found.name, found.account_number, found.id, found.added_at)
        return await self._preparing.prepare(request, to, amount, account)

    async def prepare_own(
        self, request: Request, to: str, amount: Money, account: str | None = None
    ) -> OperationResult:
        """Store an intent to move money between the customer's own accounts."""
        creditor = await self._ports.bank.account(customer_of(request), to)
        name = await self._own_name(request)
        return await self._preparing.prepare(request, Destination(Purpose.OWN, name, creditor.number), amount, account)

    async def prepare_account(
        self, request: Request, number: str, amount: Money, account: str | None = None
    ) -> OperationResult:
        """Store an intent to pay an account by its number. Its holder's name is read out so often a day at most."""
        ports, customer = self._ports, customer_of(request)
        if any(own.number == number for own in await ports.bank.accounts(customer)):
            to = Destination(Purpose.OWN, await self._own_name(request), number)
            return await self._preparing.prepare(request, to, amount, account)
        limits = ports.profile.limits
        asked = await ports.intents.prepared_since(customer, UNREGISTERED, limits.day_began(request.now))
        if asked >= limits.names_per_day:
            raise Declined("not_permitted")
        name = await ports.holders.name_of(number)
        purpose = Purpose.INTERBANK if name is None else Purpose.THIRD_PARTY
        to = Destination(purpose, name or NOBODY_S_NAME, number)
        prepared = await self._preparing.prepare(request, to, amount, account)
        return prepared if name is not None else replace(prepared, answer={**prepared.answer, "unchecked": True})

    async def _own_name(self, request: Request) -> str:
        customer = await self._ports.registry.customer(customer_of(request))
        if customer is None:
            raise Declined("not_permitted")
        return customer.name

    async def authorise(
        self, request: Request, intent: str, cancellable: bool = False
    ) -> OperationResult:  # fmt: skip
        """Carry an intent out: take its one authorisation, hold, post.

        The same request again gets the answer of the first. Another request of an intent that is under way is told
        ``unknown``: no last word yet, neither done nor refused.
        """
        ports, customer = self._ports, customer_of(request)
        limits = ports.profile.limits
        audit = request.audit("intent.authorised", f"intent:{intent}", by=request.id)
        held_as = ports.randomness.digits(REFERENCE_DIGITS) if cancellable else None
        taken = await self._settlement.take(intent, customer, request.id, request.now, limits, audit, held_as)
        if taken is None:
            return _UNKNOWN
        if taken.intent is None:
            return refused("intent_spent")
        if taken.grant is Grant.GRANTED:
            ports.checkpoint("intent.authorised")
            if taken.intent.purpose is Purpose.CASH:  # held for a code that nobody has: cash.order makes both
                await self._settlement.call_off(taken.intent, request.audit)
                return refused("not_permitted")
            word = await self._settlement.carry_out(taken.intent, request.audit)
            if (
                word.reason == "insufficient_funds"
            ):  # somebody else was quicker: there may be less left, and not nothing
                return refused(word.reason, await self._preparing.still_possible(taken.intent))
            return await self._held(taken.intent) if word.outcome == "held" else _result(word)
        if taken.grant in (Grant.REPLAY, Grant.SPENT):
            return await self._of_before(taken.grant, taken.intent)
        if taken.intent.state is TransferState.PREPARED and taken.grant is Grant.EXPIRED:
            await ports.intents.advance(
                intent, TransferState.EXPIRED, request.audit("intent.expired", f"intent:{intent}")
            )
        return refused(_REFUSED_GRANTS[taken.grant])

    async def _of_before(self, grant: Grant, intent: Intent) -> OperationResult:
        if intent.state is TransferState.HELD and self._settlement.may_be_cancelled(intent):
            return await self._held(intent) if grant is Grant.REPLAY else refused("intent_spent")
        if intent.state in IN_FLIGHT:
            return _UNKNOWN
        if intent.state is TransferState.VOIDED:  # nothing moved, and nothing will: "carried out already" were a lie
            return refused("intent_expired")
        if grant is Grant.REPLAY and intent.state is TransferState.POSTED:
            _, posting = await self._ports.bank.query(intent.id)
            if posting is not None:
                return ok(reference=posting.reference, available=posting.available)
        return refused("intent_spent")

    async def _held(self, intent: Intent) -> OperationResult:
        """Answer a transfer that waits. What is left to spend is told where the bank answers it."""
        told = ok(reference=intent.reference, cancel_minutes=_minutes_left(intent, self._ports.clock.now()))
        try:
            account = await self._ports.bank.account(intent.customer_id, intent.debtor_account)
        except BankError:
            return told
        return replace(told, answer={**told.answer, "available": account.available})

    async def pending(self, request: Request) -> OperationResult:
        """Answer what is held and can still be called off."""
        found = await self._ports.intents.cancellable(customer_of(request), request.now)
        told: tuple[Value, ...] = tuple(
            {
                "id": intent.id,
                "amount": intent.amount,
                "payee_name": intent.payee_name,
                "payee_last4": intent.payee_last4,
                "number": intent.reference or "",
                "cancel_minutes": _minutes_left(intent, request.now),
            }
            for intent in found
        )
        return ok(transfers=told, count=len(told))

    async def cancel(self, request: Request, intent: str) -> OperationResult:
        """Void an intent that nobody authorised, or let go what is held and can still be called off."""
        found = await self._ports.intents.get(intent)
        if found is None or found.customer_id != customer_of(request):
            return refused("intent_spent")
        if found.state is TransferState.VOIDED:
            return OK
        if found.state is TransferState.EXPIRED:
            return refused("intent_expired")
        if found.state is not TransferState.PREPARED:
            return await self._call_off(request, found)
        if not await self._ports.intents.cancel(intent, request.audit("intent.cancelled", f"intent:{intent}")):
            return refused("intent_spent")
        return OK

    async def _call_off(self, request: Request, intent: Intent) -> OperationResult:
        if intent.cancel_until is None:
            return refused("intent_spent")
        if intent.state not in IN_FLIGHT or not self._settlement.may_be_cancelled(intent):
            return refused("cancel_too_late")
        try:
            await self._settlement.call_off(intent, request.audit)
        except Declined:
            return refused("cancel_too_late")
        if intent.purpose is Purpose.CASH:  # its code is worth nothing now, and another one may be ordered
            record = request.audit("cash.cancelled", f"intent:{intent.id}")
            await self._ports.cash_orders.advance(intent.id, CashState.WAITING, CashState.LET_GO, record, request.id)
        return OK


def _result(word: Word) -> OperationResult:
    if word.posting is not None:
        return ok(reference=word.posting.reference, available=word.posting.available)
    return OperationResult(word.outcome, reason=word.reason)


def _minutes_left(intent: Intent, now: datetime.datetime) -> int:
    """Answer how many minutes an intent can still be called off; one that has just begun counts as whole."""
    until = intent.cancel_until or now
    return max(0, int((until - now).total_seconds() + _JUST_BEGUN_S) // 60)
