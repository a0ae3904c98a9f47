"""Cash without a card: an amount is held for a code, and booked when a machine asks for it with that code.

What is ordered is an intent like any other, held and not booked; the ledger decides between a machine that collects,
a customer who cancels and the time that runs out. A machine pays out only what it was answered ``ok`` for.
"""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass
from enum import StrEnum

import structlog

from core_client.domain.audit import AuditRecord
from core_client.domain.cash import CASH_ACCOUNT, CODE_DIGITS, CashOrder, CashState
from core_client.domain.limits import CancelWindow, LimitProfile, Which
from core_client.domain.money import Money
from core_client.domain.pins import weakness_of
from core_client.domain.secret import Secret
from core_client.domain.transfers import IN_FLIGHT, Intent, Purpose, TransferState
from core_client.errors import BankError
from core_client.ports.cash_orders import Collection
from core_client.ports.intents import Grant
from core_client.services.accounts import customer_of
from core_client.services.call import OperationResult, Ports, Request, ok, refused
from core_client.services.preparing import Destination, Preparing, described
from core_client.services.settlement import Auditor, Settlement

CASH_NAME = "无卡取现 cash machine"
_NOBODY_S_CODE = b"\x00" * 32
_REFERENCE_DIGITS = 10
_UNKNOWN = OperationResult("unknown")
_log = structlog.get_logger()


class Payout(StrEnum):
    """What a machine is told. Only ``PAY`` lets notes out."""

    PAY = "pay"
    REFUSED = "refused"  # no such order, a wrong code, or too late: which of them is not told
    UNKNOWN = "unknown"  # ask again under the same request id; pay nothing


@dataclass(frozen=True, slots=True)
class PayoutAnswer:
    """A machine's answer; ``amount`` and ``reference`` with ``PAY`` only."""

    payout: Payout
    amount: Money | None = None
    reference: str | None = None


_REFUSED = PayoutAnswer(Payout.REFUSED)


class Cash:
    """cash.prepare, cash.order, cash.cancel."""

    def __init__(self, ports: Ports, preparing: Preparing, settlement: Settlement, desk: CashDesk) -> None:
        self._ports = ports
        self._preparing = preparing
        self._settlement = settlement
        self._desk = desk

    async def prepare(self, request: Request, amount: Money, account: str | None = None) -> OperationResult:
        """Store an intent to put an amount aside. One order waits at a time."""
        ports = self._ports
        ports.profile.cash.check(amount, ports.profile.currency)
        waiting = await ports.cash_orders.waiting_of(customer_of(request))
        if waiting is not None:
            stands = await ports.intents.get(waiting.intent_id)
            again = stands is not None and (stands.request_id, stands.amount) == (request.id, amount)
            return described(stands) if stands is not None and again else refused("cash_waiting")
        if await self._party(request) is None:
            return refused("number_not_registered")
        number = CASH_ACCOUNT.format(currency=amount.currency)
        return await self._preparing.prepare(
            request, Destination(Purpose.CASH, CASH_NAME, number, text=CASH_NAME), amount, account
        )

    async def order(self, request: Request, intent: str, code: Secret | None = None) -> OperationResult:
        """Hold the amount and bind the code to it. Whoever asks again under the same request gets a new code."""
        ports, customer = self._ports, customer_of(request)
        found = await ports.intents.get(intent)
        party = await self._party(request)
        if found is None or found.customer_id != customer or found.purpose is not Purpose.CASH or party is None:
            return refused("intent_spent")
        if request.channel == "voice" and (code is None or await self._is_weak(customer, code)):
            return refused("code_weak")
        audit = request.audit("intent.authorised", f"intent:{intent}", by=request.id)
        held_as = ports.randomness.digits(_REFERENCE_DIGITS)
        limits = _waiting_as_long_as(ports.profile.limits, ports.profile.cash.life)
        taken = await self._settlement.take(intent, customer, request.id, request.now, limits, audit, held_as)
        if taken is None:
            return _UNKNOWN
        if taken.intent is None or taken.grant is Grant.SPENT:
            return refused("intent_spent")
        if taken.grant is Grant.EXPIRED:
            return refused("intent_expired")
        if taken.grant is Grant.GRANTED:
            ports.checkpoint("intent.authorised")
            word = await self._settlement.carry_out(taken.intent, request.audit)
            if word.outcome != "held":
                return OperationResult(word.outcome, reason=word.reason)
        elif taken.intent.state is not TransferState.HELD:  # not yet, or not any more: no code would be worth anything
            return _UNKNOWN if taken.intent.state in IN_FLIGHT else refused("intent_spent")
        return await self._keep(request, taken.intent, party, code)

    async def _keep(self, request: Request, intent: Intent, party: str, code: Secret | None) -> OperationResult:
        """Store what a machine asks for. Without it the hold is let go when its time is over."""
        ports = self._ports
        fresh = code or Secret(ports.randomness.digits(CODE_DIGITS))
        until = intent.cancel_until or request.now
        order = CashOrder(
            intent_id=intent.id,
            customer_id=intent.customer_id,
            party=party,
            amount=intent.amount,
            code_mac=ports.keyed.code(fresh, intent.binding()),
            expires_at=until,
        )
        audit = request.audit("cash.ordered", f"intent:{intent.id}", amount=str(intent.amount))
        if not await ports.cash_orders.create(order, audit):
            if await ports.cash_orders.of_intent(intent.id) is not None:
                return refused("intent_spent")  # a machine has asked for it meanwhile, or it was called off
            await self._settlement.call_off(intent, request.audit)
            return refused("cash_waiting")
        ports.checkpoint("cash.ordered")
        account = await ports.bank.account(intent.customer_id, intent.debtor_account)
        minutes = max(0, int((until - request.now).total_seconds()) // 60)
        told = ok(amount=intent.amount, available=account.available, minutes=minutes)
        return told if code is not None else dataclasses.replace(told, answer={**told.answer, "code": fresh})

    async def cancel(self, request: Request) -> OperationResult:
        """Let go of what waits. A machine that was quicker has it. The same request again gets the same answer."""
        ports, customer = self._ports, customer_of(request)
        order = await ports.cash_orders.waiting_of(customer)
        if order is None:
            last = await ports.cash_orders.last_of(customer)
            mine = last is not None and last.collected_by == request.id and last.terminal is None
            return ok(amount=last.amount) if last is not None and mine else refused("cash_none")
        if order.state is not CashState.WAITING:
            return refused("cancel_too_late")
        audit = request.audit("cash.cancelled", f"intent:{order.intent_id}")
        ended = dataclasses.replace(order, state=CashState.ENDED)
        if not await ports.cash_orders.advance(order.intent_id, order.state, ended.state, audit, by=request.id):
            return refused("cancel_too_late")
        ports.checkpoint("cash.ended")
        await self._desk.undo_soon(ended, request.audit)
        return ok(amount=order.amount)

    async def _party(self, request: Request) -> str | None:
        """Answer the line that is keyed at the machine: the one of this call, or the customer's first."""
        session = request.session
        if session.identified and session.party is not None:
            return session.party
        lines = await self._ports.registry.lines_of(customer_of(request))
        return self._ports.keyed.party(lines[0]) if lines else None

    async def _is_weak(self, customer_id: int, code: Secret) -> bool:
        customer = await self._ports.registry.customer(customer_id)
        lines = await self._ports.registry.lines_of(customer_id)
        birth_date = await self._ports.registry.birth_date(customer_id)
        born = "" if birth_date is None else f"{birth_date:%Y%m%d}"
        personal = (born, "" if customer is None else customer.number, *lines)
        digits = code.reveal()
        right = len(digits) == CODE_DIGITS and digits.isascii() and digits.isdigit()
        return not right or weakness_of(code, personal) is not None


class CashDesk:
    """What cash machines ask, and what looks after orders that nobody collects."""

    def __init__(self, ports: Ports, settlement: Settlement) -> None:
        self._ports = ports
        self._settlement = settlement

    async def collect(self, number: str, code: Secret, terminal: str, request_id: str) -> PayoutAnswer:
        """Answer whether a machine may pay out, and what.

        The same request again gets the same answer, so a machine that heard nothing asks again; it pays once.

        Args:
            number: the telephone number that was keyed, in E.164.
            code: the code that was keyed.
            terminal: which machine asks.
            request_id: of this attempt, the machine's own.

        Raises:
            BankError: nobody can say anything; ask again, pay nothing.
        """
        ports, now = self._ports, self._ports.clock.now()
        party = ports.keyed.party(number)
        order = await ports.cash_orders.waiting_at(party, terminal, request_id)
        intent = None if order is None else await ports.intents.get(order.intent_id)
        if order is None or intent is None:
            ports.keyed.code(code, _NOBODY_S_CODE)  # the same steps whether there is an order or not
            await ports.audit.append(AuditRecord(now, f"atm:{terminal}", "cash.refused", f"party:{party}"))
            return _REFUSED
        mac = ports.keyed.code(code, intent.binding())
        record = AuditRecord(now, f"atm:{terminal}", "cash.collecting", f"intent:{intent.id}")
        most = ports.profile.cash.most_tries
        taken = await ports.cash_orders.collect(intent.id, mac, request_id, terminal, now, most, record)
        if taken is Collection.ENDED:
            ended = dataclasses.replace(order, state=CashState.ENDED)
            await self.undo_soon(ended, self._auditor(f"atm:{terminal}"))
        if taken is not Collection.TAKEN:
            return _REFUSED
        ports.checkpoint("cash.collecting")
        return await self._book(order, intent, f"atm:{terminal}")

    async def _book(self, order: CashOrder, intent: Intent, actor: str) -> PayoutAnswer:
        ports = self._ports
        audit = self._auditor(actor)
        word = await self._settlement.collect(intent, audit)
        if word.outcome in ("refused", "down"):
            record = audit("cash.refused", f"intent:{intent.id}", reason=word.reason or word.outcome)
            await ports.cash_orders.advance(order.intent_id, CashState.COLLECTING, CashState.LET_GO, record)
            return _REFUSED
        if word.posting is None:
            return PayoutAnswer(Payout.UNKNOWN)
        ports.checkpoint("cash.booked")
        record = audit("cash.collected", f"intent:{intent.id}", reference=word.posting.reference)
        moved = await ports.cash_orders.advance(order.intent_id, CashState.COLLECTING, CashState.COLLECTED, record)
        if not moved:
            stands = await ports.cash_orders.of_intent(order.intent_id)
            if stands is None or stands.state is not CashState.COLLECTED:
                return _REFUSED  # it was too late, and is booked back
        ports.checkpoint("cash.collected")
        return PayoutAnswer(Payout.PAY, order.amount, word.posting.reference)

    async def not_paid_out(self, number: str, terminal: str, request_id: str) -> bool:
        """Take back what a machine could not pay out; answer whether it is booked back now. Safe to ask again."""
        ports, audit = self._ports, self._auditor(f"atm:{terminal}")
        order = await ports.cash_orders.waiting_at(ports.keyed.party(number), terminal, request_id)
        if order is None or order.collected_by != request_id or order.terminal != terminal:
            return False
        if order.state is CashState.COLLECTED:
            record = audit("cash.not_paid_out", f"intent:{order.intent_id}")
            await ports.cash_orders.advance(order.intent_id, order.state, CashState.ENDED, record)
            ports.checkpoint("cash.ended")
            order = dataclasses.replace(order, state=CashState.ENDED)
        if order.state is CashState.ENDED:
            return await self._undo(order, audit) is CashState.RETURNED
        return order.state is CashState.RETURNED

    async def look_after(self) -> int:
        """End what is too old, and undo what no machine gets any more; answer how many orders."""
        ended = 0
        for order in await self._ports.cash_orders.over(self._ports.clock.now()):
            try:
                ended += await self._end(order)
            except BankError as error:
                _log.warning("cash.not_looked_after", intent_id=order.intent_id, error=type(error).__name__)
        return ended

    async def _end(self, order: CashOrder) -> bool:
        audit = self._auditor("system")
        if order.state is not CashState.ENDED:
            record = audit("cash.ended", f"intent:{order.intent_id}")
            if not await self._ports.cash_orders.advance(order.intent_id, order.state, CashState.ENDED, record):
                return False  # a machine, or the customer, was quicker
            self._ports.checkpoint("cash.ended")
        await self._undo(order, audit)
        return True

    async def undo_soon(self, order: CashOrder, audit: Auditor) -> None:
        """Undo an ended order now, or with the next look after all: that no machine gets it stands already."""
        try:
            await self._undo(order, audit)
        except BankError as error:
            _log.warning("cash.not_undone", intent_id=order.intent_id, error=type(error).__name__)

    async def _undo(self, order: CashOrder, audit: Auditor) -> CashState:
        """Let go what an ended order holds, or book back what it booked: the ledger says which. Safe to do again.

        Raises:
            BankError: nobody can say, or it was booked just now; the next look says.
        """
        ports = self._ports
        _, booked = await ports.bank.query(order.intent_id)
        if booked is not None:
            return await self._book_back(order, booked.reference, audit)
        intent = await ports.intents.get(order.intent_id)
        if intent is not None:
            await self._settlement.call_off(intent, audit)
        record = audit("cash.let_go", f"intent:{order.intent_id}")
        await ports.cash_orders.advance(order.intent_id, CashState.ENDED, CashState.LET_GO, record)
        return CashState.LET_GO

    async def _book_back(self, order: CashOrder, booked_as: str, audit: Auditor) -> CashState:
        """Book it back; ``booked_as`` is the reference that the customer knows, and is told what became of."""
        ports = self._ports
        posting = await ports.bank.reverse(order.intent_id)
        ports.checkpoint("cash.booked_back")
        for state in (TransferState.POSTED, TransferState.REVERSED):
            intent = await ports.intents.get(order.intent_id)
            if intent is not None and intent.state is not TransferState.REVERSED:
                reference = booked_as if state is TransferState.POSTED else posting.reference
                record = audit(f"intent.{state.value}", f"intent:{order.intent_id}", reference=reference)
                await ports.intents.advance(order.intent_id, state, record, booked_as)
        record = audit("cash.returned", f"intent:{order.intent_id}", reference=posting.reference)
        await ports.cash_orders.advance(order.intent_id, CashState.ENDED, CashState.RETURNED, record)
        return CashState.RETURNED

    def _auditor(self, actor: str) -> Auditor:
        def audit(action: str, subject: str, **detail: str | int | bool) -> AuditRecord:
            return AuditRecord(self._ports.clock.now(), actor, action, subject, detail)

        return audit


def _waiting_as_long_as(limits: LimitProfile, life: datetime.timedelta) -> LimitProfile:
    """Answer the limits with the time to cancel that a cash code lives."""
    window = CancelWindow(Which(frozenset({Purpose.CASH})), life)
    return dataclasses.replace(limits, cancel_windows=(window,))
