"""Authorisation codes of the GSMA API: money held for one payee, until it is paid or let go."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from core_client.adapters.gsma.wire import MAX_TEXT, Body, WireError, money_of, pairs, pairs_of, value_of
from core_client.adapters.sql.http_requests import Asked, SqlHttpRequests
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined
from core_client.ports.clock import Clock
from core_client.ports.core_bank import CoreBank, HoldState
from core_client.ports.randomness import Randomness
from tellerline.bank_face.accounts import Accounts
from tellerline.bank_face.calls import Answer, Call, FaceError, Handler, not_possible, unknown
from tellerline.bank_face.doing import Doing, Task

KIND = "code"
OWN = "organisationid"  # the client itself: codes on it hold nothing
_STATES = {
    HoldState.NONE: "active",
    HoldState.HELD: "active",
    HoldState.VOIDED: "cancelled",
    HoldState.POSTED: "expired",  # the specification has no word for redeemed
    HoldState.REVERSED: "expired",
}
CANCEL = [{"op": "replace", "path": "/codeState", "value": "cancelled"}]


def plain_text(text: object) -> str:
    """Answer a text as a statement may show it: one line, no control characters, as long as the API's own."""
    if not isinstance(text, str):
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()[:MAX_TEXT]


def amount_in(body: Body, amount: str = "amount", currency: str = "currency") -> Money:
    """Read an amount above zero.

    Raises:
        FaceError: it is none that this bank could move.
    """
    try:
        money = money_of(body.get(amount), body.get(currency))
    except WireError as error:
        raise not_possible(str(error), "currencyNotSupported") from None
    if money.amount_minor <= 0:
        raise not_possible("nothing to move", "lessThanTransactionMinValue")
    return money


def order_of(details: Mapping[str, object], key: str) -> TransferOrder:
    """Answer the order that the ledger carries out for a stored request."""
    return TransferOrder(
        key,
        str(details["account"]),
        str(details["creditor"]),
        Money.parse(str(details["amount"])),
        str(details["text"]),
    )


class Codes:
    """Creates, shows and cancels authorisation codes."""

    def __init__(
        self, bank: CoreBank, accounts: Accounts, requests: SqlHttpRequests, randomness: Randomness, clock: Clock
    ) -> None:
        self._bank = bank
        self._accounts = accounts
        self._requests = requests
        self._randomness = randomness
        self._clock = clock
        self.doing: Doing | None = None

    def handlers(self) -> Mapping[str, Handler]:
        """Answer what is implemented here, by operationId."""
        return {
            "accountsAccountIdAuthorisationcodesPOST": self.create,
            "accountsIdentifierTypeIdentifierAuthorisationCodesPOST": self.create,
            "accountsAccountIdAuthorisationCodeAuthorisationCodeGET": self.view,
            "accountsIdentifierTypeIdentifierAuthorisationCodesAuthorisationCodeGET": self.view,
            "accountsAccountIdAuthorisationCodesAuthorisationCodePATCH": self.cancel,
            "accountsIdentifierTypeIdentifierAuthorisationCodesAuthorisationCodePATCH": self.cancel,
        }

    async def create(self, call: Call) -> Answer:
        """Create an Authorisation Code."""
        assert self.doing is not None  # noqa: S101 - wired by the face before it listens
        holds = call.body.get("holdFundsIndicator") is True
        if "codeLifetime" in call.body:
            raise not_possible("a hold lasts until it is paid or let go")
        if call.body.get("amountType", "exact") != "exact":
            raise not_possible("only the exact amount can be authorised")
        types = call.body.get("redemptionTransactionTypes", [])
        if any(one["transactionType"] != "transfer" for one in types):
            raise not_possible("only a transfer redeems a code here", "transactionTypeError")
        metadata = list(pairs_of(call.body.get("metadata")))
        details: dict[str, object] = {"holds": holds, "metadata": metadata, "account": "", "creditor": "", "text": ""}
        if holds:
            account, _ = await self._accounts.find(call.identifiers())
            redeemer = [(one["key"], one["value"]) for one in call.body.get("redemptionAccountIdentifiers", [])]
            if not redeemer:
                raise not_possible(
                    "money is held for one payee: redemptionAccountIdentifiers", "mandatoryValueNotSupplied"
                )
            details |= {
                "account": account.id,
                "creditor": await self._accounts.creditor(redeemer),
                "amount": str(amount_in(call.body)),
                "text": plain_text(value_of(call.body.get("metadata"), "descriptionText")),
            }
        elif call.identifiers() != [(OWN, call.client)]:
            raise not_possible(f"a code that holds nothing is made on {OWN}@{call.client} only")
        return await self.doing.do(call, Task(KIND, self._randomness.token(), details))

    async def view(self, call: Call) -> Answer:
        """View an Authorisation Code."""
        return Answer(200, await self.made(await self._asked(call)))

    async def cancel(self, call: Call) -> Answer:
        """Cancel an Authorisation Code: what it holds is let go. Once cancelled, it stays so."""
        asked = await self._asked(call)
        if call.body != CANCEL:
            raise not_possible("only codeState can be replaced, by cancelled")
        await self._bank.void(asked.reference)
        await self._requests.note_cancelled(asked, self._clock.now())
        return Answer(204)

    async def _asked(self, call: Call) -> Asked:
        asked = await self.of(call.client, call.path["authorisationCode"])
        if asked is None:
            raise unknown("authorisation code")
        identifiers = call.identifiers()
        if asked.details["holds"]:
            account, _ = await self._accounts.find(identifiers)
            if account.id != asked.details["account"]:
                raise unknown("authorisation code")
        elif identifiers != [(OWN, call.client)]:
            raise unknown("authorisation code")
        return asked

    async def of(self, client: str, code: str) -> Asked | None:
        """Answer the request that made a client's code; None where there is none, or it was refused."""
        if not (code.isascii() and code.isalnum()):
            return None
        asked = await self._requests.by_reference(client, KIND, code)
        return asked if asked is not None and asked.done and asked.refused is None else None

    # --- as a kind of change ---

    async def carry_out(self, asked: Asked) -> None:
        """Hold the money. What is refused is voided too: an id that was answered no can never hold later."""
        if not asked.details["holds"]:
            return
        try:
            await self._bank.hold(order_of(asked.details, asked.reference))
        except Declined:
            with contextlib.suppress(Declined):
                await self._bank.void(asked.reference)
            raise

    async def made(self, asked: Asked) -> Body:
        """Write ``responseAuthorisationCode``."""
        state, _ = await self._bank.query(asked.reference)
        details = asked.details
        told: dict[str, object] = {
            "authorisationCode": asked.reference,
            "codeState": _STATES[state],
            "holdFundsIndicator": details["holds"],
        }
        if details["metadata"]:
            told["metadata"] = pairs([(key, value) for key, value in details["metadata"]])
        if details["holds"]:
            amount = Money.parse(details["amount"])
            told |= {
                "amount": amount.plain(),
                "currency": amount.currency,
                "amountType": "exact",
                "redemptionAccountIdentifiers": pairs([("bankaccountno", details["creditor"])]),
                "redemptionTransactionTypes": [{"transactionType": "transfer"}],
            }
        return told

    async def link(self, asked: Asked) -> str:
        """Answer where the code is."""
        account = f"accountid/{asked.details['account']}" if asked.details["holds"] else f"{OWN}/{asked.client}"
        return f"/accounts/{account}/authorisationcodes/{asked.reference}"


__all__ = ["CANCEL", "KIND", "Codes", "FaceError", "amount_in", "order_of", "plain_text"]
