"""Payees: listed, added and removed. Who is added is read back, proved for, and paid once a time to think is over."""

from __future__ import annotations

from core_client.domain.customers import Payee, find_payee
from core_client.domain.payees import (
    REQUEST_PREFIX,
    PayeeAction,
    PayeeRequest,
    account_digits,
    alias_of,
    clean_name,
    is_name_of,
)
from core_client.domain.values import Value
from core_client.errors import Declined
from core_client.services.accounts import customer_of
from core_client.services.call import OK, OperationResult, Ports, Request, ok, refused


class Payees:
    """payees.list, payees.prepare_add, payees.add, payees.prepare_remove, payees.remove, payees.drop."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def list(self, request: Request) -> OperationResult:
        """Answer the payees by their short numbers."""
        cooling = self._ports.profile.limits.payee_cooling
        payees = await self._ports.registry.payees(customer_of(request))
        told: list[Value] = [
            {
                "short": payee.short_number,
                "payee": payee.short_number,
                "name": payee.name,
                "last4": payee.last4,
                "payable": request.now >= payee.cooling_until(cooling),
            }
            for payee in sorted(payees, key=lambda payee: int(payee.short_number))
        ]
        return ok(payees=tuple(told), count=len(told))

    async def prepare_add(self, request: Request, account: str, name: str | None = None) -> OperationResult:
        """Store who is to be added and answer the name to read back.

        A name that was typed must be the holder's, and a wrong one is never put right: who only guesses learns no
        name. A caller types none: the holder's own is read back, so many times a day.
        """
        ports, customer = self._ports, customer_of(request)
        number = account_digits(account)
        policy, limits = ports.profile.payees, ports.profile.limits
        if any(number == own.number for own in await ports.bank.accounts(customer)):
            return refused("payee_own_account")
        if any(number == payee.account_number for payee in await ports.registry.payees(customer)):
            return refused("payee_known")
        since = limits.day_began(request.now)
        if await ports.payee_requests.looked_up(customer, since) >= policy.most_looks_a_day:
            return refused("payees_too_many")
        holder = await ports.holders.name_of(number)
        given = None if name is None else clean_name(name)
        if given is None and holder is None:
            return refused("payee_name_needed")
        matches = holder is None or given is None or is_name_of(given, holder)
        kept = (holder if matches else None) or given or ""
        wanted = self._request(request, PayeeAction.ADD, kept, number)
        audit = request.audit(
            "payee.add_asked", f"payee_request:{wanted.id}", last4=wanted.last4, checked=holder is not None and matches
        )
        # A wrong name is stored too: it counts as a look-up, and nothing can come of it.
        stored = await ports.payee_requests.create(wanted, audit)
        if not matches:
            await ports.payee_requests.drop(stored.id, customer, request.audit("payee.name_wrong", stored.id))
            return refused("payee_name_mismatch")
        return ok(id=stored.id, name=stored.name, last4=stored.last4, checked=holder is not None)

    async def add(self, request: Request, intent: str) -> OperationResult:
        """Add who was prepared. They can be paid once ``payee_cooling`` is over."""
        ports = self._ports
        limits = ports.profile.limits
        audit = request.audit("payee.added", f"payee_request:{intent}")
        most_since = (ports.profile.payees.most_a_day, limits.day_began(request.now))
        customer = customer_of(request)
        payable = limits.local_date(request.now + limits.payee_cooling)
        told = None if await self._answers_their_number(request) else payable
        added = await ports.payee_requests.add(intent, customer, request.id, request.now, most_since, audit, told)
        payable = limits.local_date(added.cooling_until(limits.payee_cooling))
        return ok(short=added.short_number, name=added.name, last4=added.last4, payable_on=payable)

    async def _answers_their_number(self, request: Request) -> bool:
        """Answer whether the answer itself goes to the number that the customer is texted on: then it tells enough."""
        lines = await self._ports.registry.lines_of(customer_of(request))
        return request.channel == "sms" and bool(lines) and request.session.line == lines[0]

    async def prepare_remove(self, request: Request, payee: str) -> OperationResult:
        """Store who is to be removed, and answer who that is."""
        found = find_payee(await self._ports.registry.payees(customer_of(request)), payee)
        wanted = self._request(request, PayeeAction.REMOVE, found.name, found.account_number, found)
        audit = request.audit("payee.remove_asked", f"payee_request:{wanted.id}", last4=wanted.last4)
        stored = await self._ports.payee_requests.create(wanted, audit)
        return ok(id=stored.id, name=stored.name, last4=stored.last4)

    async def remove(self, request: Request, intent: str) -> OperationResult:
        """Remove who was prepared: what was prepared for them and not authorised is void with it."""
        audit = request.audit("payee.removed", f"payee_request:{intent}")
        removed = await self._ports.payee_requests.remove(intent, customer_of(request), request.id, request.now, audit)
        return ok(name=removed.name, last4=removed.last4)

    async def drop(self, request: Request, intent: str) -> OperationResult:
        """Forget who was prepared."""
        audit = request.audit("payee.dropped", f"payee_request:{intent}")
        if not await self._ports.payee_requests.drop(intent, customer_of(request), audit):
            raise Declined("request_spent")
        return OK

    def _request(
        self, request: Request, action: PayeeAction, name: str, number: str, payee: Payee | None = None
    ) -> PayeeRequest:
        return PayeeRequest(
            id=REQUEST_PREFIX + self._ports.randomness.token(),
            request_id=request.id,
            customer_id=customer_of(request),
            channel=request.channel,
            action=action,
            payee_id=None if payee is None else payee.id,
            name=name,
            alias=alias_of(name) if payee is None else payee.alias,
            account_number=number,
            prepared_at=request.now,
            expires_at=request.now + self._ports.profile.intent_life,
        )
