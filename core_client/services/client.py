"""The way into the bank for every channel: arrive, perform, leave. Security classes are enforced here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeAlias

import structlog

from core_client.domain.money import Money
from core_client.domain.registry_changes import Bar
from core_client.domain.secret import Secret
from core_client.domain.values import Value
from core_client.errors import BankError, Declined, IntentConflict, OutcomeUnknown, Unavailable
from core_client.operations import REASONS, REGISTRY, UNAUTHENTICATED, Kind, Operation, Security, Type
from core_client.ports.auth_sessions import AuthSession
from core_client.services.accounts import Accounts
from core_client.services.alerts import Alerts
from core_client.services.appointments import AppointmentDesk
from core_client.services.bills import Bills, TopUps
from core_client.services.call import Arrival, OperationCall, OperationResult, Ports, Request, refused
from core_client.services.callbacks import CallbackRequests
from core_client.services.cards import Cards
from core_client.services.cash import Cash, CashDesk
from core_client.services.cheques import ChequeDesk
from core_client.services.credentials import Factors
from core_client.services.freezing import Freezing
from core_client.services.identity import Identity
from core_client.services.information import InformationDesk
from core_client.services.loans import LoanDesk
from core_client.services.messaging import Messaging
from core_client.services.payees import Payees
from core_client.services.preparing import Preparing
from core_client.services.reversals import ReversalDesk
from core_client.services.service_requests import RequestsOfCustomers
from core_client.services.settlement import Resolved, Settlement
from core_client.services.telling import Telling
from core_client.services.transfers import Transfers

__all__ = ["Arrival", "CoreClient", "OperationCall", "OperationResult"]

Handler: TypeAlias = Callable[..., Awaitable[OperationResult]]
_log = structlog.get_logger()
_TOUCH_PARTS = 10  # a proof's last use is stored anew after a tenth of the idle time: it may fade that much early
_UNAUTHENTICATED = OperationResult(UNAUTHENTICATED)
_SHAPES: Mapping[Type, tuple[type, str]] = MappingProxyType(
    {
        Type.MONEY: (Money, "amount_invalid"),
        Type.ACCOUNT: (str, "account_unknown"),
        Type.PAYEE: (str, "payee_unknown"),
        Type.DIGITS: (str, "not_permitted"),
        Type.SECRET: (Secret, "not_permitted"),
        Type.INTENT: (str, "intent_spent"),
        Type.LANGUAGE: (str, "not_permitted"),
        Type.FLAG: (bool, "not_permitted"),
        Type.PHONE: (str, "number_invalid"),
        Type.TEXT: (str, "not_permitted"),
        Type.NUMBER: (int, "not_permitted"),
    }
)
MAX_TEXT = 128  # of any text argument: names and numbers are shorter, and what is longer is no name


class CoreClient:
    """One bank behind one door. Make one per process; it is safe for any number of parties at once."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._identity = Identity(ports)
        self.messaging = Messaging(ports)
        self._factors = Factors(ports, self.messaging)
        self.settlement = Settlement(ports)
        self.cash = CashDesk(ports, self.settlement)
        self.telling = Telling(ports)
        self.reversals = ReversalDesk(ports)
        self._running: set[asyncio.Task[OperationResult]] = set()
        self.handlers: Mapping[str, Handler] = MappingProxyType(self._dispatch())

    def _dispatch(self) -> dict[str, Handler]:
        accounts = Accounts(self._ports)
        transfers = Transfers(self._ports, self.settlement)
        return {
            "identity.claim": self._identity.claim,
            "auth.verify_pin": self._factors.verify_pin,
            "auth.issue_code": self._factors.issue_code,
            "auth.verify_code": self._factors.verify_code,
            "customer.set_language": self._identity.set_language,
            "customer.stop_messages": self._identity.stop_messages,
            "customer.missed_call_balance": self.messaging.missed_call_balance,
            "accounts.list": accounts.list,
            "accounts.balance": accounts.balance,
            "accounts.recent": accounts.recent,
            "transfers.prepare": transfers.prepare,
            "transfers.prepare_own": transfers.prepare_own,
            "transfers.prepare_account": transfers.prepare_account,
            "transfers.authorise": transfers.authorise,
            "transfers.pending": transfers.pending,
            "transfers.cancel": transfers.cancel,
            **self._payments(),
            **self._services(),
        }

    def _payments(self) -> dict[str, Handler]:
        """Payees, bills, top-up and cash codes."""
        preparing, payees = Preparing(self._ports), Payees(self._ports)
        bills = Bills(self._ports, preparing)
        cash = Cash(self._ports, preparing, self.settlement, self.cash)
        return {
            "payees.list": payees.list,
            "payees.prepare_add": payees.prepare_add,
            "payees.add": payees.add,
            "payees.prepare_remove": payees.prepare_remove,
            "payees.remove": payees.remove,
            "payees.drop": payees.drop,
            "bills.billers": bills.billers,
            "bills.due": bills.due,
            "bills.prepare": bills.prepare,
            "top_up.prepare": TopUps(self._ports, preparing).prepare,
            "cash.prepare": cash.prepare,
            "cash.order": cash.order,
            "cash.cancel": cash.cancel,
        }

    def _services(self) -> dict[str, Handler]:
        """What needs no money to move."""
        information, requests = InformationDesk(self._ports), RequestsOfCustomers(self._ports)
        cheques, loans, alerts = ChequeDesk(self._ports), LoanDesk(self._ports), Alerts(self._ports)
        appointments = AppointmentDesk(self._ports)
        cards, freezing = Cards(self._ports, requests), Freezing(self._ports, requests)
        return {
            "cards.block": cards.block,
            "cards.request_unblock": cards.request_unblock,
            "accounts.freeze": freezing.freeze,
            "accounts.request_unfreeze": freezing.request_unfreeze,
            "accounts.request_statement": requests.statement,
            "cheques.status": cheques.status,
            "cheques.stop": cheques.stop,
            "cheques.order_book": requests.cheque_book,
            "rates.deposit": information.deposit_rates,
            "rates.exchange": information.exchange_rates,
            "products.list": information.products,
            "branches.find": information.find,
            "branches.text": information.text,
            "loans.list": loans.list,
            "loans.quote": loans.quote,
            "alerts.show": alerts.show,
            "alerts.set": alerts.set,
            "appointments.offer": appointments.offer,
            "appointments.slots": appointments.slots,
            "appointments.book": appointments.book,
            "appointments.next": appointments.next,
            "appointments.cancel": appointments.cancel,
            "service.complain": requests.complain,
            "service.request_callback": CallbackRequests(self._ports).request,
        }

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """Begin an auth session for a party. One of a text lives in this process until :meth:`keep` or a proof.

        Args:
            channel: ``voice`` or ``sms``.
            number: the party's number in E.164; None when withheld.
        """
        return await self._identity.arrive(channel, number)

    async def leave(self, auth_session_id: str) -> None:
        """Forget an auth session. A store that does not answer forgets by itself, in time."""
        try:
            await self._ports.auth_sessions.delete(auth_session_id)
        except Unavailable:
            _log.warning("auth_session.not_deleted")

    async def keep(self, auth_session_id: str) -> None:
        """Have an auth session outlive the text that began it: its dialogue waits for another one.

        Raises:
            Unavailable: the store did not answer.
        """
        await self._ports.auth_sessions.keep(auth_session_id)

    def let_go(self, auth_session_id: str) -> None:
        """Forget an auth session that nothing has kept: its text is answered."""
        self._ports.auth_sessions.let_go(auth_session_id)

    async def perform(self, call: OperationCall) -> OperationResult:
        """Carry one operation out. What a customer can cause is an outcome, never an exception.

        What changes something runs to its end even when the caller is cancelled: a hangup ends a dialogue, never an
        operation in flight.

        Raises:
            KeyError: the registry has no such operation.
        """
        operation = REGISTRY[call.operation]
        if operation.kind is Kind.ENQUIRY:
            return await self._guarded(operation, call)
        return await self._to_its_end(self._guarded(operation, call), call.operation)

    async def drain(self) -> None:
        """Wait for the operations that run on although nobody waits for them."""
        while self._running:
            await asyncio.wait(self._running)
        await self.telling.drain()

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        """Note that a channel took what :meth:`perform` answered: whose transfer it was is not texted it again."""
        self.telling.heard(call.operation, call.arguments, result)

    async def recover(self, older_than_s: float = 0) -> Sequence[Resolved]:
        """Bring what a crash or a silence left behind to a last word.

        Run it at start, and now and then with ``older_than_s`` so that it leaves alone what calls carry out just now.
        Whoever is in the answer was told ``unknown``, or nothing: :attr:`telling` has them as owed until they are.
        """
        resolved = await self.settlement.recover(older_than_s)
        try:
            await self.cash.look_after()
        except BankError as error:  # nobody is paid out meanwhile: a code's time is over for whoever asks
            _log.warning("cash.not_looked_after", error=type(error).__name__)
        try:
            return [*resolved, *await self.reversals.carry_on()]
        except BankError as error:  # what was resolved is told all the same
            _log.warning("reversals.not_carried_on", error=type(error).__name__)
            return resolved

    async def _to_its_end(self, work: Coroutine[Any, Any, OperationResult], name: str) -> OperationResult:
        task = asyncio.get_running_loop().create_task(work, name=f"bank:{name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _guarded(self, operation: Operation, call: OperationCall) -> OperationResult:
        try:
            return await self._checked(operation, call)
        except Declined as declined:
            reason = declined.reason if declined.reason in REASONS else "not_permitted"
            return _within(operation, refused(reason, declined.left))
        except IntentConflict:
            return _within(operation, refused("intent_spent"))
        except Unavailable:
            return await self._out_of_reach(operation, call)
        except OutcomeUnknown:
            return OperationResult("unknown" if operation.kind is Kind.MONEY else "down")
        except BankError as error:
            _log.error("operation.failed", operation=operation.name, error=type(error).__name__, detail=str(error))
            return OperationResult("unknown" if operation.kind is Kind.MONEY else "down")

    async def _out_of_reach(self, operation: Operation, call: OperationCall) -> OperationResult:
        """Answer ``down`` unless this money may have been ordered before.

        A text that is worked on again after a crash, or a customer who orders once more, must not hear that nothing
        was done while the first order is carried out.
        """
        intent = call.arguments.get("intent")
        if operation.kind is Kind.MONEY and isinstance(intent, str):
            try:
                found = await self._ports.intents.get(intent)
            except BankError:
                return _within(operation, OperationResult("unknown"))
            if found is not None and found.authorised_by is not None:
                return _within(operation, OperationResult("unknown"))
        return OperationResult("down")

    async def _checked(self, operation: Operation, call: OperationCall) -> OperationResult:
        """Check shape, session and security class, then carry out."""
        wrong = _wrong_shape(operation, call.arguments)
        if wrong is not None:
            return _within(operation, refused(wrong))
        session = await self._ports.auth_sessions.get(call.auth_session_id)
        if session is None or session.channel != call.channel or not operation.allowed_on(call.channel):
            return _UNAUTHENTICATED
        now, idle = self._ports.clock.now(), self._ports.profile.idle
        request = Request(call.request_id, call.channel, session, session.level(now, idle), now)
        required = operation.security_on(call.channel)
        if required is Security.AUTHENTICATED:
            if not await self._is_authenticated(request, call.arguments.get("intent")):
                return _UNAUTHENTICATED
        elif request.level < required:
            return _UNAUTHENTICATED
        if request.level >= Security.IDENTIFIED:  # below it, customers that there are and are not go the same steps
            bars = await self._bars(operation, session)
            if bars is None:
                return _UNAUTHENTICATED
            if any(bar.covers(call.channel, operation.name) for bar in bars):
                return _within(operation, refused("not_permitted"))
        handler = self.handlers[operation.name]
        return await handler(await self._touched(request), **call.arguments)

    async def _bars(self, operation: Operation, session: AuthSession) -> frozenset[Bar] | None:
        """Answer what the customer may not use; None: the number that they were known by is theirs no longer.

        What is committed before an operation begins is obeyed, so it is read from SQL. An enquiry by text begins when
        the text arrives: what was read then stands, and nothing is read twice.
        """
        if (
            session.bars is not None
            and operation.kind is Kind.ENQUIRY
            and self._ports.auth_sessions.is_held(session.id)
        ):
            return session.bars
        if session.customer_id is None:
            return frozenset()
        line = session.line if session.identified else None
        standing = await self._ports.registry.standing(session.customer_id, line)
        return standing.bars if standing.line_is_theirs else None

    async def _is_authenticated(self, request: Request, intent: Value | Secret) -> bool:
        """A fresh PIN, or the code of this very intent; and nobody has locked the customer since."""
        idle = self._ports.profile.idle
        proved = request.level >= Security.AUTHENTICATED
        if not proved and isinstance(intent, str):
            proved = request.session.may_authorise(intent, request.now, idle)
        return proved and not await self._factors.is_locked(request)

    async def _touched(self, request: Request) -> Request:
        """Let a proof that was relied on last for another idle time."""
        session, idle = request.session, self._ports.profile.idle
        at = session.pin_at
        if at is None or request.level < Security.AUTHENTICATED or request.now - at < idle / _TOUCH_PARTS:
            return request
        touched = replace(session, pin_at=request.now)
        await self._ports.auth_sessions.put(touched)
        return replace(request, session=touched)


def _wrong_shape(operation: Operation, arguments: Mapping[str, Value | Secret]) -> str | None:
    """Answer the reason to refuse arguments that are not what the registry declares, or None."""
    if unknown := set(arguments) - set(operation.parameters):
        raise TypeError(f"{operation.name} has no parameter {sorted(unknown)}")
    for name, parameter in operation.parameters.items():
        if arguments.get(name) is None:
            if parameter.required:
                return _SHAPES[parameter.type][1]
            continue
        kind, reason = _SHAPES[parameter.type]
        value = arguments[name]
        if isinstance(value, bool) and kind is not bool:  # Python takes a flag for a number
            return reason
        if not isinstance(value, kind) or (isinstance(value, str) and not 0 < len(value) <= MAX_TEXT):
            return reason
    return None


def _within(operation: Operation, result: OperationResult) -> OperationResult:
    """Keep to the outcomes that the registry declares."""
    return result if result.outcome in operation.outcomes else OperationResult("down")
