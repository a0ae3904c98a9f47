"""Bills and mobile top-up: whom, for what reference, how much; then an intent like any other."""

from __future__ import annotations

import phonenumbers

from core_client.domain.billers import Biller, BillerKind, Payment, find_biller, operator_of
from core_client.domain.money import Money
from core_client.domain.transfers import Purpose
from core_client.errors import Declined
from core_client.services.call import OperationResult, Ports, Request, ok, refused
from core_client.services.preparing import Destination, Preparing


class Bills:
    """bills.billers, bills.due, bills.prepare."""

    def __init__(self, ports: Ports, preparing: Preparing) -> None:
        self._ports = ports
        self._preparing = preparing

    async def billers(self, request: Request) -> OperationResult:
        """Answer whom bills can be paid to."""
        found = [one for one in await self._ports.billers.all() if one.is_open and one.kind is BillerKind.BILL]
        told = tuple({"code": one.code, "name": one.name, "digits": one.length} for one in found)
        return ok(billers=told, count=len(told))

    async def due(self, request: Request, biller: str, reference: str) -> OperationResult:
        """Answer what is due on a reference; with nothing due, zero by today."""
        ports = self._ports
        found = find_biller(await ports.billers.all(), biller)
        digits = found.reference(reference)
        if not found.told_due:
            return refused("bill_not_told")
        bill = await ports.billers.bill(found, digits)
        if bill is None:
            return refused("bill_unknown")
        owed = bill.owed
        return ok(name=found.name, last4=digits[-4:], due=owed, owing=owed.amount_minor > 0, by=bill.due)

    async def prepare(
        self, request: Request, biller: str, reference: str, amount: Money | None = None, account: str | None = None
    ) -> OperationResult:
        """Store an intent to pay a bill: never more than is due, where the biller says what is."""
        ports = self._ports
        found = find_biller(await ports.billers.all(), biller)
        digits = found.reference(reference)
        amount = await self._amount(found, digits, amount)
        found.check_amount(amount)
        to = Destination(Purpose.BILL, found.name, found.account_number, text=f"{found.name} {digits[-4:]}")
        prepared = await self._preparing.prepare(request, to, amount, account)
        await ports.billers.note(Payment(str(prepared.answer["id"]), found.code, digits))
        return _with_end(prepared, digits[-4:])

    async def _amount(self, biller: Biller, reference: str, amount: Money | None) -> Money:
        if not biller.told_due:
            if amount is None:
                raise Declined("bill_not_told")
            return amount
        bill = await self._ports.billers.bill(biller, reference)
        if bill is None:
            raise Declined("bill_unknown")
        if not bill.owed.amount_minor:
            raise Declined("bill_paid")
        if amount is None:
            return bill.owed
        if amount.currency == bill.owed.currency and amount > bill.owed:
            raise Declined("bill_amount", left=bill.owed)
        return amount


class TopUps:
    """top_up.prepare."""

    def __init__(self, ports: Ports, preparing: Preparing) -> None:
        self._ports = ports
        self._preparing = preparing

    async def prepare(
        self, request: Request, amount: Money, number: str | None = None, account: str | None = None
    ) -> OperationResult:
        """Store an intent to top a number up: by voice and text alike, one of the amounts that operators take."""
        ports = self._ports
        wanted = number or request.session.line
        if wanted is None:
            return refused("number_invalid")
        if amount.currency != ports.profile.currency:
            return refused("amount_invalid")
        if amount.amount_minor not in ports.profile.top_ups.amounts_minor:
            return refused("top_up_amount")
        operator = operator_of(await ports.billers.all(), _national(wanted))
        operator.check_amount(amount)
        to = Destination(Purpose.TOP_UP, operator.name, operator.account_number, text=f"{operator.name} {wanted[-4:]}")
        prepared = await self._preparing.prepare(request, to, amount, account)
        payment = Payment(str(prepared.answer["id"]), operator.code, wanted)
        await ports.billers.note(payment, party=ports.keyed.party(wanted))
        return _with_end(prepared, wanted[-4:])


def _with_end(prepared: OperationResult, last4: str) -> OperationResult:
    """Read back the end of the reference or number: a biller's own account says nothing to its customers."""
    return ok(**{**prepared.answer, "payee_last4": last4})


def _national(e164: str) -> str:
    try:
        parsed = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        raise Declined("number_invalid") from None
    return str(parsed.national_number)
