"""What customers ask the bank's people for: statements, cheque books, complaints; and the desk that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core_client.domain.audit import AuditRecord
from core_client.domain.service_requests import MAX_OUTCOME, RequestKind, RequestState, ServiceRequest
from core_client.errors import BankError, InvariantBroken
from core_client.operations import Security
from core_client.services.accounts import customer_of
from core_client.services.call import OperationResult, Ports, Request, ok, refused

MAX_LISTED = 500
_REFERENCE_DIGITS = 8
_TRIES = 5  # for a reference that nobody has


class RequestError(BankError):
    """What was asked of a request cannot be done; the message says why and what can."""


class RequestsOfCustomers:
    """accounts.request_statement, cheques.order_book, service.complain."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def statement(
        self, request: Request, account: str | None = None, months: int | None = None
    ) -> OperationResult:
        """Have a printed statement sent to the address that the bank has: nobody else can have it sent elsewhere."""
        customer, most = customer_of(request), self._ports.profile.requests.most_months
        months = 1 if months is None else months
        if not 1 <= months <= most:
            return refused("period_invalid")
        found = await self._ports.bank.account(customer, account)
        stands = await self.ask(
            request, RequestKind.STATEMENT, {"account": found.id, "last4": found.last4, "months": months}
        )
        return ok(last4=found.last4, months=months, reference=stands.reference, due=stands.due)

    async def cheque_book(self, request: Request, account: str | None = None) -> OperationResult:
        """Order a cheque book. Only a current account in the bank's own currency has cheques."""
        found = await self._ports.bank.account(customer_of(request), account)
        if found.frozen:
            return refused("account_frozen")
        if found.product != "current" or found.booked.currency != self._ports.profile.currency:
            return refused("not_permitted")
        stands = await self.ask(request, RequestKind.CHEQUE_BOOK, {"account": found.id, "last4": found.last4})
        return ok(last4=found.last4, reference=stands.reference, due=stands.due)

    async def complain(
        self, request: Request, about: str | None = None, recording: str | None = None, seconds: int | None = None
    ) -> OperationResult:
        """Open a complaint. With a keyed customer number alone the answer is the same whether there is such a one."""
        if seconds is not None and seconds < 0:
            return refused("not_permitted")
        said = {"about": about, "recording": recording, "seconds": seconds, "line": request.session.line}
        detail = {name: value for name, value in said.items() if value is not None}
        stands = await self.ask(request, RequestKind.COMPLAINT, detail, one_at_a_time=False)
        return ok(reference=stands.reference, due=stands.due)

    async def ask(
        self, request: Request, kind: RequestKind, detail: Mapping[str, str | int], *, one_at_a_time: bool = True
    ) -> ServiceRequest:
        """Store a request of a kind; the one that waits is answered again.

        Raises:
            Declined: ``not_permitted``: too many of the kind wait.
        """
        ports = self._ports
        policy, session = ports.profile.requests, request.session
        for _ in range(_TRIES):
            reference = ports.randomness.digits(_REFERENCE_DIGITS)
            wanted = ServiceRequest(
                reference=reference,
                request_id=once_of(ports, request),
                kind=kind,
                customer_id=session.customer_id,
                proved=request.level >= Security.IDENTIFIED,
                channel=request.channel,
                language=session.language,
                asked_at=request.now,
                due=policy.due(kind, ports.profile.limits.local(request.now), ports.profile.callbacks),
                detail=detail,
            )
            audit = request.audit("request.asked", f"request:{reference}", kind=kind.value, due=str(wanted.due))
            stands = await ports.requests.ask(wanted, policy.most_open, audit, one_at_a_time=one_at_a_time)
            if stands is not None:
                return stands
        raise InvariantBroken(f"{_TRIES} references in a row were another's")


def once_of(ports: Ports, request: Request) -> str:
    """Answer the name by which a request is known when it comes again: the party's own, so no other's is answered."""
    return ports.keyed.party(f"{request.session.subject}\x1f{request.id}")


class RequestDesk:
    """What staff do with requests. Every look at one, and every end of one, is audited under their name."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def listed(
        self, kind: RequestKind | None = None, *, closed: bool = False, limit: int = MAX_LISTED
    ) -> Sequence[ServiceRequest]:
        """Answer those that wait (or that are closed), the earliest due first."""
        state = RequestState.CLOSED if closed else RequestState.OPEN
        return await self._ports.requests.in_state(state, kind, limit)

    async def show(self, reference: str, operator: str) -> ServiceRequest:
        """Answer one with everything that was said: that somebody looked is written down first.

        Raises:
            RequestError: there is none.
        """
        found = await self._ports.requests.get(reference)
        if found is None:
            raise _unknown(reference)
        await self._ports.audit.append(self._record(operator, "request.shown", reference))
        return found

    async def close(self, reference: str, operator: str, outcome: str = "") -> ServiceRequest:
        """Close one: it was done, or need not be.

        Raises:
            RequestError: there is none, or it is closed.
        """
        record = self._record(operator, "request.closed", reference)
        at = self._ports.clock.now()
        closed = await self._ports.requests.close(reference, operator, outcome[:MAX_OUTCOME], at, record)
        if closed is not None:
            return closed
        found = await self._ports.requests.get(reference)
        if found is None:
            raise _unknown(reference)
        raise RequestError(f"request {reference} was closed by {found.closed_by}: nothing is left to do")

    def _record(self, operator: str, action: str, reference: str) -> AuditRecord:
        return AuditRecord(self._ports.clock.now(), f"cli:{operator}", action, f"request:{reference}")


def _unknown(reference: str) -> RequestError:
    return RequestError(f"there is no request '{reference}': `tellerline bank requests list` shows those that wait")
