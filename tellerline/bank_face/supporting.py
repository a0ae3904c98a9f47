"""Supporting and Quotations of the GSMA API: heartbeat, request states, lost answers, what a transfer would cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from core_client.adapters.gsma.wire import Body, amount_of, pairs, pairs_of
from core_client.adapters.sql.http_requests import Asked, SqlHttpRequests
from core_client.domain.money import Money
from core_client.ports.randomness import Randomness
from tellerline.bank_face.accounts import Accounts
from tellerline.bank_face.calls import Answer, Call, Handler, not_possible, unknown
from tellerline.bank_face.codes import amount_in
from tellerline.bank_face.doing import Doing, Task

QUOTATION = "quotation"


class Supporting:
    """Tells whether the bank is there, and what became of requests."""

    def __init__(self, requests: SqlHttpRequests, is_ready: Callable[[], Awaitable[bool]]) -> None:
        self._requests = requests
        self._is_ready = is_ready
        self.doing: Doing | None = None

    def handlers(self) -> Mapping[str, Handler]:
        """Answer what is implemented here, by operationId."""
        return {
            "heartbeatGET": self.heartbeat,
            "requeststatesServerCorrelationIdGET": self.request_state,
            "responsesClientCorrelationIdGET": self.response,
        }

    async def heartbeat(self, _call: Call) -> Answer:
        """Check API availability."""
        return Answer(200, {"serviceStatus": "available" if await self._is_ready() else "unavailable"})

    async def request_state(self, call: Call) -> Answer:
        """View A Request State. Only who asked gets an answer."""
        assert self.doing is not None  # noqa: S101 - wired by the face before it listens
        asked = await self._requests.by_server_correlation(call.client, call.path["serverCorrelationId"].lower())
        if asked is None:
            raise unknown("request")
        return Answer(200, await self.doing.state(asked))

    async def response(self, call: Call) -> Answer:
        """View A Response: where to look for what a correlation id made. 404: it was never seen."""
        assert self.doing is not None  # noqa: S101 - wired by the face before it listens
        asked = await self._requests.by_correlation(call.client, call.path["clientCorrelationId"].lower())
        if asked is None:
            raise unknown("request")
        return Answer(200, {"link": await self.doing.link(asked)})


class Quotations:
    """Says what a transfer would cost: here nothing, since a channel's fees are the channel's."""

    def __init__(self, accounts: Accounts, requests: SqlHttpRequests, randomness: Randomness) -> None:
        self._accounts = accounts
        self._requests = requests
        self._randomness = randomness
        self.doing: Doing | None = None

    def handlers(self) -> Mapping[str, Handler]:
        """Answer what is implemented here, by operationId."""
        return {"quotationsPOST": self.create, "quotationsQuotationReferenceGET": self.view}

    async def create(self, call: Call) -> Answer:
        """Create A New Quotation."""
        assert self.doing is not None  # noqa: S101 - wired by the face before it listens
        if call.body.get("type", "transfer") != "transfer":
            raise not_possible("only transfers are made here", "transactionTypeError")
        amount = amount_in(call.body, "requestAmount", "requestCurrency")
        account, _ = await self._accounts.find(list(pairs_of(call.body["debitParty"])))
        if account.available.currency != amount.currency:
            raise not_possible(f"the account is in {account.available.currency}", "currencyNotSupported")
        details = {
            "account": account.id,
            "creditor": await self._accounts.creditor(list(pairs_of(call.body["creditParty"]))),
            "amount": str(amount),
        }
        return await self.doing.do(call, Task(QUOTATION, self._randomness.token(), details))

    async def view(self, call: Call) -> Answer:
        """View A Quotation."""
        reference = call.path["quotationReference"]
        known = reference.isascii() and reference.isalnum()
        asked = await self._requests.by_reference(call.client, QUOTATION, reference) if known else None
        if asked is None:
            raise unknown("quotation")
        return Answer(200, await self.made(asked))

    # --- as a kind of change ---

    async def carry_out(self, asked: Asked) -> None:
        """Nothing moves."""

    async def made(self, asked: Asked) -> Body:
        """Write ``responseQuotation``."""
        amount = Money.parse(asked.details["amount"])
        quote = {
            "quoteId": asked.reference,
            "sendingAmount": amount_of(amount),
            "sendingCurrency": amount.currency,
            "receivingAmount": amount_of(amount),
            "receivingCurrency": amount.currency,
        }
        return {
            "quotationReference": asked.reference,
            "creditParty": pairs([("bankaccountno", asked.details["creditor"])]),
            "debitParty": pairs([("accountid", asked.details["account"])]),
            "type": "transfer",
            "quotationStatus": "completed",
            "requestAmount": amount_of(amount),
            "requestCurrency": amount.currency,
            "quotes": [quote],
        }

    async def link(self, asked: Asked) -> str:
        """Answer where the quotation is."""
        return f"/quotations/{asked.reference}"
