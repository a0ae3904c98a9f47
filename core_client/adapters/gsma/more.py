"""What the GSMA Mobile Money API offers beside the CoreBank's port: is it there, what would it cost, bills."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from core_client.adapters.gsma.asking import Asker
from core_client.adapters.gsma.reading import done, reading
from core_client.adapters.gsma.wire import (
    Body,
    WireError,
    amount_of,
    correlation_id,
    money_of,
    pairs,
    text_of,
)
from core_client.domain.money import Money
from core_client.errors import OutcomeUnknown, Unavailable

MAX_BILLS = 50


@dataclass(frozen=True, slots=True)
class Quote:
    """What a transfer would cost its debtor, and what its creditor would get."""

    reference: str
    sending: Money
    receiving: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class BillCompany:
    """Somebody who sends bills."""

    provider: str
    name: str


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill that waits to be paid."""

    reference: str
    due: Money
    due_date: datetime.date | None
    text: str


class MoreOfTheBank:
    """Heartbeat, quotations and bills."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def heartbeat(self) -> str:
        """Answer ``serviceStatus``: available, degraded or unavailable (Check API availability).

        Raises:
            Unavailable: the bank does not answer at all.
        """
        return reading(lambda body: text_of(body, "serviceStatus"), await self._asker.get("/heartbeat"))

    async def account_name(self, number: str) -> str | None:
        """Answer whose account this is, as the bank tells it; None when it does not (View Account Name)."""
        body = await self._asker.find(f"/accounts/bankaccountno/{quote(number, safe='')}/accountname")
        name = body.get("name") if body is not None else None
        told = name.get("fullName") if isinstance(name, dict) else None
        return told if isinstance(told, str) and told else None

    async def quote(self, request_id: str, debtor_account: str, creditor_number: str, amount: Money) -> Quote:
        """Ask what a transfer would cost (Create A New Quotation). The same request id answers the same quotation.

        Raises:
            Declined: it cannot be made.
            Unavailable: nobody knows now; asking again is safe.
        """
        body = {
            "requestAmount": amount_of(amount),
            "requestCurrency": amount.currency,
            "type": "transfer",
            "debitParty": pairs([("accountid", debtor_account)]),
            "creditParty": pairs([("bankaccountno", creditor_number)]),
        }
        try:
            answer = await self._asker.change("POST", "/quotations", body, correlation_id(request_id, "quote"))
        except OutcomeUnknown as error:  # a quotation moves nothing: whatever became of it, asking again is safe
            raise Unavailable(str(error)) from None
        return reading(_quote_of, answer)

    async def bill_companies(self) -> Sequence[BillCompany]:
        """Answer who sends bills (View Bill Companies)."""
        bodies = await self._asker.many("/billcompanies", {"limit": str(MAX_BILLS)})
        return [reading(_company_of, body) for body in bodies]

    async def bills(self, company: str, reference: str) -> Sequence[Bill]:
        """Answer the bills of a customer's reference at a company (View Account Bills)."""
        account = quote(f"serviceprovider@{company}$consumerno@{reference}", safe="@$")
        bodies = await self._asker.many(f"/accounts/{account}/bills", {"limit": str(MAX_BILLS)})
        return [reading(_bill_of, body) for body in bodies if body.get("billStatus") != "paid"]

    async def pay_bill(self, intent_id: str, company: str, reference: str, bill: str, amount: Money) -> str:
        """Tell the company that a bill is paid; answer its receipt (Create A Bill Payment).

        The money itself is moved by hold and post, as every money is.

        Raises:
            Declined, IntentConflict, Unavailable, OutcomeUnknown: as :class:`~core_client.ports.core_bank.CoreBank`.
        """
        account = quote(f"serviceprovider@{company}$consumerno@{reference}", safe="@$")
        body = {
            "amountPaid": amount_of(amount),
            "currency": amount.currency,
            "requestingOrganisationTransactionReference": intent_id,
        }
        path = f"/accounts/{account}/bills/{quote(bill, safe='')}/payments"
        answer = await self._asker.change("POST", path, body, correlation_id(intent_id, "bill"))
        return done(_receipt_of, answer)


def _quote_of(body: Body) -> Quote:
    quotes = body.get("quotes")
    if not isinstance(quotes, list) or not quotes or not isinstance(quotes[0], dict):
        raise WireError("a quotation without quotes")
    first = quotes[0]
    sending = money_of(first.get("sendingAmount"), first.get("sendingCurrency"))
    receiving = money_of(first.get("receivingAmount"), first.get("receivingCurrency"))
    fee = Money(0, sending.currency)
    for one in first.get("fees") or ():
        part = money_of(one.get("feeAmount"), one.get("feeCurrency")) if isinstance(one, dict) else None
        if part is None or part.currency != fee.currency:
            raise WireError("a fee in another currency than it is taken from")
        fee += part
    return Quote(text_of(body, "quotationReference"), sending, receiving, fee)


def _company_of(body: Body) -> BillCompany:
    return BillCompany(text_of(body, "serviceProvider"), text_of(body, "companyName"))


def _bill_of(body: Body) -> Bill:
    due = body.get("dueDate")
    text = body.get("billdescription")
    try:
        due_date = datetime.date.fromisoformat(due[:10]) if isinstance(due, str) else None
    except ValueError:
        raise WireError("no date") from None
    return Bill(
        text_of(body, "billReference"),
        money_of(body.get("amountDue"), body.get("currency")),
        due_date,
        text if isinstance(text, str) else "",
    )


def _receipt_of(body: Body) -> str:
    return text_of(body, "serviceProviderPaymentReference")
