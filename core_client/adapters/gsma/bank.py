"""The core bank behind the GSMA Mobile Money API 1.2, as the services know it.

=============  ====================================================================================================
of the port    of the API (path of the specification)
=============  ====================================================================================================
accounts       ``GET /accounts/{accountId}`` by ``identityalias`` and ``accountrank``
recent         ``GET /accounts/{identifierType}/{identifier}/statemententries``
hold           ``POST /accounts/{identifierType}/{identifier}/authorisationcodes`` with ``holdFundsIndicator``
post           ``POST /transactions/type/{transactionType}`` with the code as ``oneTimeCode``
void           ``PATCH .../authorisationcodes/{authorisationCode}``: ``codeState`` becomes ``cancelled``
reverse        ``POST /transactions/{transactionReference}/reversals``
query          ``GET /responses/{clientCorrelationId}``, then what it links to
=============  ====================================================================================================

Each step of an intent has one correlation id for ever, made from the intent's id: a node that never saw the first
attempt asks for the same thing under the same name. See ADR 0022.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from core_client.adapters.gsma.asking import Asker
from core_client.adapters.gsma.error_objects import ErrorObject
from core_client.adapters.gsma.reading import (
    Code,
    account_of,
    available_of,
    code_of,
    done,
    entry_of,
    reading,
    reference_of,
)
from core_client.adapters.gsma.wire import (
    MAX_TEXT,
    WireError,
    amount_of,
    correlation_id,
    money_of,
    pairs,
    value_of,
)
from core_client.domain.accounts import Account, Entry
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined, IntentConflict, OutcomeUnknown, Unavailable
from core_client.ports.core_bank import HoldState, Posting

MAX_ACCOUNTS = 20  # of one customer; a bank that answers more ranks is not asked for them
MAX_REMEMBERED = 10_000  # holds of this process whose code need not be asked for
HOLD, POST, VOID, REVERSE = "hold", "post", "void", "reverse"

NumberOf = Callable[[int], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class _Link:
    """What ``GET /responses/{clientCorrelationId}`` leads to."""

    path: str


class GsmaBank:
    """:class:`~core_client.ports.core_bank.CoreBank` over the GSMA Mobile Money API 1.2.

    Raises, beside what the port says, nothing: whatever the bank or the way to it does is one of its errors.
    """

    def __init__(self, asker: Asker, number_of: NumberOf, own_account: str) -> None:
        """Make one.

        Args:
            asker: the way to the bank.
            number_of: answers a customer's number, by which the bank knows them (``identityalias``).
            own_account: this system's own account at the bank, as ``organisationid@phone``; nothing is ever held or
                booked on it: see :meth:`void`.
        """
        self._asker = asker
        self._number_of = number_of
        self._own = _identifier(*own_account.partition("@")[::2])
        self._codes: OrderedDict[str, Code] = OrderedDict()

    # --- enquiries ---

    async def accounts(self, customer_id: int) -> Sequence[Account]:
        """Answer the customer's accounts, the default one first (View an Account, by ``accountrank``)."""
        number = await self._number_of(customer_id)
        if number is None:
            return []
        first = await self._asker.find(_ranked(number, 1))
        if first is None:
            return []
        count = value_of(first.get("customData"), "accountCount")
        if count is not None and count.isdecimal():
            ranks = range(2, min(int(count), MAX_ACCOUNTS) + 1)
            others = await asyncio.gather(*(self._asker.find(_ranked(number, rank)) for rank in ranks))
        else:
            others = []
            while len(others) < MAX_ACCOUNTS and (found := await self._asker.find(_ranked(number, len(others) + 2))):
                others.append(found)
        bodies = [first, *(body for body in others if body is not None)]
        return [reading(account_of, body, default=place == 0) for place, body in enumerate(bodies)]

    async def account(self, customer_id: int, account: str | None) -> Account:
        """Answer one account by id or last four digits; without, the default one (View an Account)."""
        if account is None:
            number = await self._number_of(customer_id)
            body = None if number is None else await self._asker.find(_ranked(number, 1))
            if body is None:
                raise Declined("account_unknown")
            return reading(account_of, body, default=True)
        accounts = await self.accounts(customer_id)
        found = [one for one in accounts if one.id == account] or [one for one in accounts if one.last4 == account]
        if len(found) != 1:
            raise Declined("account_unknown")
        return found[0]

    async def recent(self, customer_id: int, account: str | None, limit: int) -> tuple[Account, Sequence[Entry]]:
        """Answer an account and its ``limit`` latest entries, newest first (View Account Statements)."""
        found = await self.account(customer_id, account)
        path = f"{_account(found.id)}/statemententries"
        bodies = await self._asker.many(path, {"limit": str(limit)})
        return found, [reading(entry_of, body, account=found) for body in bodies[:limit]]

    async def available(self, account_id: str) -> Money:
        """Answer what an account may spend (View Account Balance)."""
        body = await self._asker.get(f"{_account(account_id)}/balance")
        return reading(available_of, body)

    async def query(self, intent_id: str) -> tuple[HoldState, Posting | None]:
        """Answer what became of an intent (View a Response, then the transaction or the authorisation code)."""
        link = await self._response(intent_id, POST)
        if isinstance(link, _Link):
            body = await self._asker.get(link.path)
            reference = reading(reference_of, body)
            state = HoldState.REVERSED if body.get("transactionStatus") == "reversed" else HoldState.POSTED
            return state, Posting(reference, await self._left(body, _debtor(body)))
        found = await self._response(intent_id, HOLD)
        if found is None:
            return HoldState.NONE, None
        if not isinstance(found, _Link):
            return HoldState.VOIDED, None  # refused, and its id is used up: it can never be held
        code = await self._code_at(found.path)
        return (HoldState.HELD if code.state == "active" else HoldState.VOIDED), None

    # --- changes ---

    async def hold(self, order: TransferOrder) -> None:
        """Hold the amount, once per intent id (Create an Authorisation Code, ``holdFundsIndicator``)."""
        if order.amount.amount_minor <= 0:
            raise Declined("amount_invalid")  # the API has no words for it
        path = f"{_account(order.debtor_account)}/authorisationcodes"
        try:
            body = await self._asker.change("POST", path, _hold_body(order), correlation_id(order.intent_id, HOLD))
        except IntentConflict:
            await self._explain_conflict(order)
            raise
        code = done(code_of, body, account=order.debtor_account)
        if code.state == "active":
            self._remember(order.intent_id, code)
            return
        state, _ = await self.query(order.intent_id)  # its hold was there before, and is resolved
        if state is HoldState.VOIDED:
            raise Declined("intent_spent", "this intent was voided before")

    async def _explain_conflict(self, order: TransferOrder) -> None:
        """The correlation id is known with another request: a void came first, or it is another order."""
        link = await self._response(order.intent_id, HOLD)
        if isinstance(link, _Link) and (await self._code_at(link.path)).state == "cancelled":
            raise Declined("intent_spent", "this intent was voided before")

    async def post(self, intent_id: str) -> Posting:
        """Book what is held, once (Create a Transaction, ``oneTimeCode``)."""
        code = await self._code(intent_id)
        if code is None:
            raise Declined("intent_spent", f"nothing is held for intent {intent_id}")
        request = {
            "amount": amount_of(code.amount),
            "currency": code.amount.currency,
            "oneTimeCode": code.code,
            "debitParty": pairs([("accountid", code.account)]),
            "creditParty": pairs([("bankaccountno", code.creditor)]),
            "requestingOrganisationTransactionReference": intent_id,
        }
        if code.text:
            request["descriptionText"] = code.text
        body = await self._asker.change("POST", "/transactions/type/transfer", request, correlation_id(intent_id, POST))
        reference = done(reference_of, body)
        try:
            return Posting(reference, await self._left(body, code.account))
        except (Declined, Unavailable) as error:
            raise OutcomeUnknown(f"posted, but what is left cannot be asked: {type(error).__name__}") from None

    async def void(self, intent_id: str) -> None:
        """Let the hold go (Update an Authorisation Code); of an unknown id, use its correlation id up.

        An order that is still on its way must find its id taken. So a code that holds nothing is asked for on this
        system's own account, under the correlation id of the hold that may yet arrive, and is cancelled: whichever of
        the two comes first, the other one is a repetition and makes nothing.
        """
        found = await self._response(intent_id, HOLD)
        if found is None:
            found = await self._use_up(intent_id)
        if not isinstance(found, _Link):
            return  # the hold was refused: nothing is held, nothing can be
        code = await self._code_at(found.path)
        if code.state == "cancelled":
            return
        patch = [{"op": "replace", "path": "/codeState", "value": "cancelled"}]
        await self._asker.change("PATCH", found.path, patch, correlation_id(intent_id, VOID))

    async def _use_up(self, intent_id: str) -> _Link | ErrorObject | None:
        nothing = {
            "holdFundsIndicator": False,
            "metadata": pairs([("requestingOrganisationTransactionReference", intent_id)]),
        }
        with contextlib.suppress(IntentConflict):  # then the order was quicker: it is there to be cancelled
            await self._asker.change(
                "POST", f"{self._own}/authorisationcodes", nothing, correlation_id(intent_id, HOLD)
            )
        found = await self._response(intent_id, HOLD)
        if found is None:
            raise OutcomeUnknown("the bank does not know again what it was asked")
        return found

    async def reverse(self, intent_id: str) -> Posting:
        """Book a posting back by a second transaction, once (Create a Reversal)."""
        link = await self._response(intent_id, POST)
        if not isinstance(link, _Link):
            raise Declined("intent_spent", f"nothing is posted for intent {intent_id}")
        posted = await self._asker.get(link.path)
        path = f"/transactions/{quote(reading(reference_of, posted), safe='')}/reversals"
        body = await self._asker.change("POST", path, {"type": "reversal"}, correlation_id(intent_id, REVERSE))
        reference = done(reference_of, body)
        try:
            return Posting(reference, await self._left(body, _debtor(posted)))
        except (Declined, Unavailable) as error:
            raise OutcomeUnknown(f"reversed, but what is left cannot be asked: {type(error).__name__}") from None

    # --- finding things again ---

    async def _response(self, intent_id: str, step: str) -> _Link | ErrorObject | None:
        """Answer what a step made, why it was refused, or None when the bank has not seen it.

        Raises:
            Unavailable: the bank is still at it, or does not answer.
        """
        for _ in range(2):  # a state that is no longer pending has given way to what was made
            found = await self._asker.find(f"/responses/{correlation_id(intent_id, step)}")
            if found is None:
                return None
            link = found.get("link")
            if not isinstance(link, str) or not link.startswith("/") or link.startswith("//"):
                raise Unavailable("a response without a link")
            if not link.startswith("/requeststates/"):
                return _Link(link)
            state = await self._asker.state_of(link)
            if state.get("status") == "failed":
                error = ErrorObject.read(400, state.get("error"))
                return error or ErrorObject(400, "businessRule", "genericError")
        raise Unavailable("done, but not to be seen yet")

    async def _code(self, intent_id: str) -> Code | None:
        known = self._codes.get(intent_id)
        if known is not None:
            return known
        link = await self._response(intent_id, HOLD)
        return await self._code_at(link.path) if isinstance(link, _Link) else None

    async def _code_at(self, path: str) -> Code:
        body = await self._asker.get(path)
        return reading(code_of, body, account=_account_in(path))

    def _remember(self, intent_id: str, code: Code) -> None:
        self._codes[intent_id] = code
        if len(self._codes) > MAX_REMEMBERED:
            self._codes.popitem(last=False)

    async def _left(self, body: object, account: str) -> Money:
        """Answer what the debtor has left: the bank's own word beside the transaction, else the balance."""
        custom = body.get("customData") if isinstance(body, dict) else None
        told, currency = value_of(custom, "availableBalance"), value_of(custom, "availableCurrency")
        if told is not None and currency is not None:
            try:
                return money_of(told, currency)
            except WireError:
                pass
        return await self.available(account)


def _hold_body(order: TransferOrder) -> dict[str, object]:
    metadata = [("requestingOrganisationTransactionReference", order.intent_id)]
    if text := order.text[:MAX_TEXT]:
        metadata.append(("descriptionText", text))
    return {
        "amount": amount_of(order.amount),
        "currency": order.amount.currency,
        "amountType": "exact",
        "holdFundsIndicator": True,
        "redemptionAccountIdentifiers": pairs([("bankaccountno", order.creditor_number)]),
        "redemptionTransactionTypes": [{"transactionType": "transfer"}],
        "metadata": pairs(metadata),
    }


def _identifier(kind: str, value: str) -> str:
    return f"/accounts/{quote(kind, safe='')}/{quote(value, safe='')}"


def _account(account_id: str) -> str:
    return _identifier("accountid", account_id)


def _ranked(number: str, rank: int) -> str:
    return "/accounts/" + quote(f"identityalias@{number}$accountrank@{rank}", safe="@$")


def _account_in(path: str) -> str:
    """Answer the account of ``/accounts/{identifierType}/{identifier}/authorisationcodes/...``."""
    parts = path.split("/")
    return parts[3] if len(parts) > 4 and parts[2] == "accountid" else ""


def _debtor(body: object) -> str:
    account = value_of(body.get("debitParty"), "accountid") if isinstance(body, dict) else None
    if account is None:
        raise Unavailable("a transaction without its debitParty")
    return account
