"""Transactions of the GSMA API: a transfer, by an authorisation code or at once, and its reversal."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from core_client.adapters.gsma.wire import Body, pairs_of
from core_client.adapters.sql.http_requests import Asked, SqlHttpRequests
from core_client.adapters.sql.journals import Journal, SqlJournals
from core_client.domain.money import Money
from core_client.errors import Declined, InvariantBroken
from core_client.ports.core_bank import CoreBank
from core_client.ports.randomness import Randomness
from tellerline.bank_face.accounts import Accounts, transaction_body
from tellerline.bank_face.calls import Answer, Call, Handler, not_possible, unknown
from tellerline.bank_face.codes import Codes, amount_in, order_of, plain_text
from tellerline.bank_face.doing import Doing, Task

TRANSACTION, REVERSAL = "transaction", "reversal"
REFERENCE_MOST = 16  # digits of a journal's reference, as its column has them


class Transactions:
    """Creates and shows transactions."""

    def __init__(
        self,
        bank: CoreBank,
        accounts: Accounts,
        codes: Codes,
        journals: SqlJournals,
        requests: SqlHttpRequests,
        randomness: Randomness,
    ) -> None:
        self._bank = bank
        self._accounts = accounts
        self._codes = codes
        self._journals = journals
        self._requests = requests
        self._randomness = randomness
        self.doing: Doing | None = None

    def handlers(self) -> Mapping[str, Handler]:
        """Answer what is implemented here, by operationId."""
        return {
            "transactionsPOST": self.create,
            "transactionstypetransactionTypePUT": self.create,  # the specification's own name for a POST
            "transactionsTransactionReferenceGET": self.view,
            "transactionsTransactionReferenceReversalsPOST": self.reverse,
        }

    async def create(self, call: Call) -> Answer:
        """Create a Transaction: of type transfer, no other. With ``oneTimeCode`` it redeems an authorisation code."""
        assert self.doing is not None  # noqa: S101 - wired by the face before it listens
        if call.path.get("transactionType", call.body.get("type")) != "transfer":
            raise not_possible("only transfers are made here", "transactionTypeError")
        if "fees" in call.body or "internationalTransferInformation" in call.body:
            raise not_possible("a transfer within the country, without fees of yours")
        amount = amount_in(call.body)
        if "creditParty" not in call.body or "debitParty" not in call.body:
            raise not_possible("a transfer has two parties", "mandatoryValueNotSupplied")
        account, _ = await self._accounts.find(list(pairs_of(call.body["debitParty"])))
        creditor = await self._accounts.creditor(list(pairs_of(call.body["creditParty"])))
        details: dict[str, Any] = {
            "account": account.id,
            "creditor": creditor,
            "amount": str(amount),
            "text": plain_text(call.body.get("descriptionText")),
            "redeems": False,
        }
        key = self._randomness.token()
        if code := call.body.get("oneTimeCode"):
            asked = await self._codes.of(call.client, code)
            if asked is None or not asked.details["holds"]:
                raise unknown("authorisation code")
            if any(asked.details[name] != details[name] for name in ("account", "creditor", "amount")):
                raise not_possible("the code was made for another transfer")
            details |= {"redeems": True, "text": asked.details["text"]}
            key = asked.reference
        return await self.doing.do(call, Task(TRANSACTION, key, details))

    async def view(self, call: Call) -> Answer:
        """View A Transaction."""
        return Answer(200, transaction_body(await self._journal(call)))

    async def reverse(self, call: Call) -> Answer:
        """Create A Reversal: of a transaction that this client made, all of it, once."""
        assert self.doing is not None  # noqa: S101 - wired by the face before it listens
        journal = await self._journal(call)
        key = journal.key or ""
        if journal.kind != "transfer" or await self._requests.by_reference(call.client, TRANSACTION, key) is None:
            raise unknown("transaction")
        if call.body["type"] != "reversal":
            raise not_possible("nothing is adjusted here", "transactionTypeError")
        if "amount" in call.body and amount_in(call.body) != journal.amount:
            raise not_possible("a transaction is reversed whole")
        return await self.doing.do(call, Task(REVERSAL, key, {"original": journal.reference}))

    async def _journal(self, call: Call) -> Journal:
        reference = call.path["transactionReference"]
        known = reference.isascii() and reference.isalnum() and len(reference) <= REFERENCE_MOST
        journal = await self._journals.journal(reference) if known else None
        if journal is None:
            raise unknown("transaction")
        return journal

    # --- as a kind of change ---

    async def carry_out(self, asked: Asked) -> None:
        """Book it. What was held for it alone and cannot be booked is let go."""
        if asked.details["redeems"]:
            await self._bank.post(asked.reference)
            return
        try:
            await self._bank.hold(order_of(asked.details, asked.reference))
            await self._bank.post(asked.reference)
        except Declined:
            with contextlib.suppress(Declined):
                await self._bank.void(asked.reference)
            raise

    async def made(self, asked: Asked) -> Body:
        """Write ``responseTransaction``."""
        _, posting = await self._bank.query(asked.reference)
        return transaction_body(
            await booked(self._journals, asked.reference, "transfer"), posting.available if posting else None
        )

    async def link(self, asked: Asked) -> str:
        """Answer where the transaction is."""
        return f"/transactions/{(await booked(self._journals, asked.reference, 'transfer')).reference}"


class Reversals:
    """A reversal as a kind of change."""

    def __init__(self, bank: CoreBank, journals: SqlJournals) -> None:
        self._bank = bank
        self._journals = journals

    async def carry_out(self, asked: Asked) -> None:
        """Book it back."""
        await self._bank.reverse(asked.reference)

    async def made(self, asked: Asked) -> Body:
        """Write ``responseReversal``."""
        _, posting = await self._bank.query(asked.reference)
        available: Money | None = posting.available if posting else None
        journal = await booked(self._journals, asked.reference, "reversal")
        told = dict(transaction_body(journal, available))
        return told | {"type": "reversal", "originalTransactionReference": asked.details["original"]}

    async def link(self, asked: Asked) -> str:
        """Answer where the reversing transaction is."""
        return f"/transactions/{(await booked(self._journals, asked.reference, 'reversal')).reference}"


async def booked(journals: SqlJournals, key: str, kind: str) -> Journal:
    """Answer the journal that a change booked.

    Raises:
        InvariantBroken: it is noted as done and is not in the books.
    """
    journal = await journals.journal_of(key, kind)
    if journal is None:
        raise InvariantBroken(f"a {kind} that is noted as done is not in the books")
    return journal
