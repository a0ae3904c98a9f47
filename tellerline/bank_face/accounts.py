"""Accounts of the GSMA API: View an Account, its status, name, balance, transactions and statement entries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core_client.adapters.gsma.wire import amount_of, moment, pairs
from core_client.adapters.sql.journals import Journal, Owned, Party, SqlJournals
from core_client.domain.accounts import Account
from core_client.domain.money import Money
from core_client.ports.core_bank import CoreBank
from core_client.ports.registry import Registry
from tellerline.bank_face.calls import Answer, Call, Handler, unknown

_PLAIN = re.compile(r"[0-9A-Za-z+._-]{1,64}", re.ASCII)
_NUMBER = re.compile(r"[0-9A-Za-z]{1,34}", re.ASCII)  # as long as an IBAN may be; the bank's own have a hyphen
MAX_ID_DIGITS = 18


class Accounts:
    """Finds accounts by the identifiers of the specification, and tells of them."""

    def __init__(self, bank: CoreBank, registry: Registry, journals: SqlJournals) -> None:
        self._bank = bank
        self._registry = registry
        self._journals = journals

    def handlers(self) -> Mapping[str, Handler]:
        """Answer what is implemented here, by operationId."""
        by_both = {
            "GET": self.view,
            "StatusGET": self.status,
            "AccountnameGET": self.name,
            "BalanceGET": self.balance,
            "TransactionsGET": self.transactions,
            "StatemententriesGET": self.entries,
        }
        return {
            f"accounts{form}{end}": handler
            for form in ("AccountId", "IdentifierTypeIdentifier")
            for end, handler in by_both.items()
        } | {"statemententriesTransactionReferenceGET": self.entry}

    # --- who is meant ---

    async def find(self, identifiers: Sequence[tuple[str, str]]) -> tuple[Account, Owned]:
        """Answer the one account that all identifiers together mean.

        Raises:
            FaceError: there is none, or it is the bank's own.
        """
        rank = 0
        customers: set[int | None] = set()
        accounts: set[str] = set()
        for key, value in identifiers:
            if _PLAIN.fullmatch(value) is None:
                raise unknown("account")
            if key == "accountrank" and value.isdecimal() and len(value) < 4:
                rank = int(value) - 1
            elif key in ("accountid", "bankaccountno"):
                owned = await self._owned(key, value)
                accounts.add(owned.id)
                customers.add(owned.customer_id)
            elif key in ("identityalias", "msisdn"):
                customers.add(await self._customer(key, value))
            else:
                raise unknown("account")
        if len(customers) != 1 or len(accounts) > 1 or None in customers:
            raise unknown("account")
        customer = next(one for one in customers if one is not None)
        theirs = await self._bank.accounts(customer)
        if accounts:
            found = [one for one in theirs if one.id in accounts]
        else:
            found = list(theirs[rank : rank + 1]) if rank >= 0 else []
        if len(found) != 1:
            raise unknown("account")
        return found[0], Owned(found[0].id, found[0].number, customer)

    async def creditor(self, identifiers: Sequence[tuple[str, str]]) -> str:
        """Answer the number of the account that gets money: one of ours, or one of another bank."""
        if len(identifiers) == 1 and identifiers[0][0] == "bankaccountno":
            if _NUMBER.fullmatch(identifiers[0][1]) is None:
                raise unknown("account")
            return identifiers[0][1]
        return (await self.find(identifiers))[0].number

    async def _owned(self, key: str, value: str) -> Owned:
        if key == "accountid":
            known = value.isdecimal() and len(value) <= MAX_ID_DIGITS
            owned = await self._journals.by_id(int(value)) if known else None
        else:
            owned = await self._journals.by_number(value)
        if owned is None:
            raise unknown("account")
        return owned

    async def _customer(self, key: str, value: str) -> int | None:
        if key == "msisdn":
            found = await self._registry.customer_by_line(value if value.startswith("+") else f"+{value}")
        else:
            found = await self._registry.customer_by_number(value)
        return found.id if found is not None else None

    # --- what is told ---

    async def view(self, call: Call) -> Answer:
        """View an Account."""
        account, owned = await self.find(call.identifiers())
        customer = await self._registry.customer(owned.customer_id or 0)
        theirs = await self._bank.accounts(owned.customer_id or 0)
        identity = {
            "identityId": customer.number if customer else "unknown",
            "identityType": "individual",
            "identityKyc": {"subjectName": {"fullName": customer.name if customer else ""}},
            "accountRelationship": "accountholder",
        }
        custom = [("accountCount", str(len(theirs)))]
        if account.frozen:
            custom.append(("frozen", "true"))
        told = {
            "accountIdentifiers": pairs([("accountid", account.id), ("bankaccountno", account.number)]),
            "identity": [identity],
            "accountType": account.product,
            "accountStatus": "available",
        }
        told |= _balances(account, custom)
        return Answer(200, told | {"customData": pairs(custom)})

    async def status(self, call: Call) -> Answer:
        """View Account Status."""
        account, _ = await self.find(call.identifiers())
        return Answer(200, {"accountStatus": "available"} | ({"subStatus": "frozen"} if account.frozen else {}))

    async def name(self, call: Call) -> Answer:
        """View Account Name."""
        _, owned = await self.find(call.identifiers())
        customer = await self._registry.customer(owned.customer_id or 0)
        return Answer(200, {"name": {"fullName": customer.name if customer else ""}})

    async def balance(self, call: Call) -> Answer:
        """View Account Balance. What is below zero is left out: the schema has no sign."""
        account, _ = await self.find(call.identifiers())
        return Answer(200, {"accountStatus": "available"} | _balances(account, []))

    async def entries(self, call: Call) -> Answer:
        """View Account Statements: newest first, ``limit`` of them from ``offset`` on."""
        journals = await self._of_account(call)
        wanted, shown = call.query.get("transactionStatus"), call.query.get("displayType")
        told = [entry_body(one) for one in journals if wanted in (None, "completed") and shown in (None, "none")]
        return Answer(200, told, {"X-Records-Returned-Count": str(len(told))})

    async def transactions(self, call: Call) -> Answer:
        """View Account Specific Transaction: newest first, ``limit`` of them from ``offset`` on."""
        journals = await self._of_account(call)
        kind, wanted = call.query.get("transactionType"), call.query.get("transactionStatus")
        told = [transaction_body(one) for one in journals]
        told = [one for one in told if kind in (None, one["type"]) and wanted in (None, one["transactionStatus"])]
        return Answer(200, told, {"X-Records-Returned-Count": str(len(told))})

    async def entry(self, call: Call) -> Answer:
        """View Specific Statement."""
        reference = call.path["transactionReference"]
        journal = await self._journals.journal(reference) if _PLAIN.fullmatch(reference) else None
        if journal is None:
            raise unknown("transaction")
        return Answer(200, entry_body(journal))

    async def _of_account(self, call: Call) -> Sequence[Journal]:
        limit, offset = call.window()
        account, _ = await self.find(call.identifiers())
        return await self._journals.entries(
            account.id,
            limit=limit,
            offset=offset,
            since=call.moment("fromDateTime"),
            until=call.moment("toDateTime"),
        )


def _balances(account: Account, custom: list[tuple[str, str]]) -> dict[str, str]:
    told = {"currency": account.booked.currency}
    held = account.booked - account.available
    for name, money in (
        ("currentBalance", account.booked), ("availableBalance", account.available), ("reservedBalance", held)
    ):  # fmt: skip
        if money.amount_minor >= 0:
            told[name] = amount_of(money)
        elif name != "reservedBalance":
            custom.append((f"{name}BelowZero", amount_of(-money)))
    return told


def party(side: Party) -> list[dict[str, str]]:
    """Write one side of a journal."""
    return pairs([("accountid", side.account_id), ("bankaccountno", side.number)])


def entry_body(journal: Journal) -> dict[str, object]:
    """Write ``responseStatementEntries``."""
    return {
        "transactionReference": journal.reference,
        "creditParty": party(journal.credit),
        "debitParty": party(journal.debit),
        "transactionStatus": "completed",
        "amount": amount_of(journal.amount),
        "currency": journal.amount.currency,
        "descriptionText": journal.text[:160],
        "creationDate": moment(journal.at),
    }


def transaction_body(journal: Journal, available: Money | None = None) -> dict[str, object]:
    """Write ``responseTransaction``. What the debtor has left goes into customData, which is ours to fill."""
    told: dict[str, object] = entry_body(journal) | {
        "type": "reversal" if journal.kind == "reversal" else "transfer",
        "subType": journal.kind,
        "transactionStatus": "reversed" if journal.reversed else "completed",
    }
    if available is not None and available.amount_minor >= 0:
        left = [("availableBalance", amount_of(available)), ("availableCurrency", available.currency)]
        told["customData"] = pairs(left)
    return told
