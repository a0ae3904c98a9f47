"""The one way to make an intent: whatever moves money is prepared here, read back, and authorised afterwards."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace

from core_client.domain.accounts import Account
from core_client.domain.limits import Movement
from core_client.domain.money import Money
from core_client.domain.transfers import Intent, Purpose, TransferState
from core_client.errors import BankError, Declined
from core_client.services.accounts import customer_of
from core_client.services.call import OperationResult, Ports, Request, ok


@dataclass(frozen=True, slots=True)
class Destination:
    """Where money would go. ``name`` is read back; ``text`` is what the entries say, without one the name."""

    purpose: Purpose
    name: str
    number: str
    payee_id: int | None = None
    added_at: datetime.datetime | None = None  # when it was registered: limits and cooling look at its age
    text: str = ""


class Preparing:
    """Checks an order as far as it can be checked without moving anything, and stores it as an intent."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def prepare(
        self, request: Request, to: Destination, amount: Money, account: str | None = None
    ) -> OperationResult:
        """Store an intent and answer who would get what. Moves nothing.

        Args:
            request: of a customer that passed the security check. The same request again answers the same intent.
            to: who would get it.
            amount: in the currency of the account that pays.
            account: which account pays, by id or last four digits; without, the default one.

        Returns:
            ``ok`` with the fields of ``operations.fields.INTENT``.

        Raises:
            Declined: what would be refused; ``left`` says how much would not.
        """
        ports = self._ports
        if amount.amount_minor <= 0:
            raise Declined("amount_invalid")
        debtor = await ports.bank.account(customer_of(request), account)
        fee = await self._check(request, debtor, to, amount)
        intent = self._intent(request, debtor, to, amount, fee)
        audit = request.audit(
            "intent.prepared", f"intent:{intent.id}", amount=str(amount), payee_last4=intent.payee_last4,
            purpose=to.purpose.value, fee=str(fee),
        )  # fmt: skip
        stored = await ports.intents.create(intent, audit)
        ports.checkpoint("intent.prepared")
        return described(stored)

    def _intent(self, request: Request, debtor: Account, to: Destination, amount: Money, fee: Money) -> Intent:
        return Intent(
            id=self._ports.randomness.token(),
            request_id=request.id,
            customer_id=customer_of(request),
            channel=request.channel,
            state=TransferState.PREPARED,
            debtor_account=debtor.id,
            debtor_last4=debtor.last4,
            payee_id=to.payee_id,
            payee_name=to.name,
            creditor_number=to.number,
            amount=amount,
            prepared_at=request.now,
            expires_at=request.now + self._ports.profile.intent_life,
            purpose=to.purpose,
            fee_minor=fee.amount_minor,
            payee_added_at=to.added_at,
            text=to.text,
        )

    async def _check(self, request: Request, debtor: Account, to: Destination, amount: Money) -> Money:
        """Answer the fee of an order that nothing speaks against."""
        limits = self._ports.profile.limits
        if debtor.frozen:
            raise Declined("account_frozen")
        if amount.currency != debtor.available.currency:
            raise Declined("amount_invalid")
        if to.number == debtor.number:
            raise Declined("same_account")
        age = None if to.added_at is None else request.now - to.added_at
        if age is not None and age < limits.payee_cooling:
            raise Declined("payee_cooling")
        since = limits.day_began(request.now)
        spent = await self._ports.intents.spent(customer_of(request), amount.currency, since)
        movement = Movement(amount, request.channel, to.purpose, age, spent.customer_class)
        try:
            limits.check(movement, spent, request.now)
        except Declined as over:
            if over.left is None:
                raise
            left = limits.possible(movement, spent, request.now, debtor.available)
            raise Declined(over.reason, left=left) from None
        fee = limits.fee(movement)
        if amount + fee > debtor.available:
            left = limits.possible(movement, spent, request.now, debtor.available)
            raise Declined("insufficient_funds", left=left)
        return fee

    async def still_possible(self, intent: Intent) -> Money | None:
        """Answer the highest amount that an order like a refused one could still move; None when nobody can say."""
        ports, now = self._ports, self._ports.clock.now()
        limits = ports.profile.limits
        try:
            account = await ports.bank.account(intent.customer_id, intent.debtor_account)
            spent = await ports.intents.spent(intent.customer_id, intent.amount.currency, limits.day_began(now))
        except BankError:
            return None
        age = None if intent.payee_added_at is None else now - intent.payee_added_at
        movement = Movement(intent.amount, intent.channel, intent.purpose, age, spent.customer_class)
        return limits.possible(movement, spent, now, account.available)


def described(intent: Intent) -> OperationResult:
    """Answer an intent as it is read back."""
    answer = ok(
        id=intent.id,
        amount=intent.amount,
        payee_name=intent.payee_name,
        payee_last4=intent.payee_last4,
        from_last4=intent.debtor_last4,
    )
    return replace(answer, answer={**answer.answer, "fee": intent.fee}) if intent.fee_minor else answer
