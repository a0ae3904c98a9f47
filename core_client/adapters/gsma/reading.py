"""Reads the answers of the GSMA Mobile Money API 1.2 into the domain's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from core_client.adapters.gsma.wire import Body, WireError, moment_of, money_of, pairs_of, text_of, value_of
from core_client.domain.accounts import Account, Entry
from core_client.domain.money import Money
from core_client.errors import OutcomeUnknown, Unavailable

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Code:
    """An authorisation code: what it holds, for whom, and whether it still does.

    One that holds nothing (see :meth:`~core_client.adapters.gsma.bank.GsmaBank.void`) has an amount of zero.
    """

    code: str
    state: str  # codeState: active, expired (redeemed, or too old), cancelled
    account: str
    amount: Money
    creditor: str
    text: str


def reading(read: Callable[Concatenate[Body, P], T], body: Body, *args: P.args, **more: P.kwargs) -> T:
    """Read the answer to an enquiry.

    Raises:
        Unavailable: it is not what the specification says.
    """
    try:
        return read(body, *args, **more)
    except WireError as error:
        raise Unavailable(f"an answer that cannot be read: {error}") from None


def done(read: Callable[Concatenate[Body, P], T], body: Body, *args: P.args, **more: P.kwargs) -> T:
    """Read the answer to a change, which has happened.

    Raises:
        OutcomeUnknown: it is not what the specification says.
    """
    try:
        return read(body, *args, **more)
    except WireError as error:
        raise OutcomeUnknown(f"an answer that cannot be read: {error}") from None


def account_of(body: Body, default: bool = False) -> Account:
    """Read ``responseAccount``.

    A currency that is not there, or balances that are not, are no account that can be spoken of. A negative balance,
    which the schema ``amount`` cannot say, comes as customData ``currentBalanceBelowZero`` or
    ``availableBalanceBelowZero``.
    """
    identifiers = dict(pairs_of(body.get("accountIdentifiers")))
    number = identifiers.get("bankaccountno") or identifiers.get("iban") or identifiers.get("accountid")
    identity = identifiers.get("accountid") or number
    if number is None or identity is None:
        raise WireError("an account without accountid and bankaccountno")
    custom = body.get("customData")
    return Account(
        id=identity,
        number=number,
        product=body["accountType"] if isinstance(body.get("accountType"), str) else "account",
        booked=_balance(body, "currentBalance"),
        available=_balance(body, "availableBalance"),
        default=default,
        frozen=body.get("accountStatus") != "available" or value_of(custom, "frozen") == "true",
    )


def _balance(body: Body, name: str) -> Money:
    below = value_of(body.get("customData"), f"{name}BelowZero")
    if below is not None:
        return -money_of(below, body.get("currency"))
    return money_of(body.get(name), body.get("currency"))


def entry_of(body: Body, account: Account) -> Entry:
    """Read ``responseStatementEntries``: negative when the account is the debitParty."""
    amount = money_of(body.get("amount"), body.get("currency"))
    debited = set(pairs_of(body.get("debitParty"))) & {("accountid", account.id), ("bankaccountno", account.number)}
    text = body.get("descriptionText")
    at = moment_of(body.get("creationDate") or body.get("dateCreated"))
    return Entry(at, -amount if debited else amount, text if isinstance(text, str) else "")


def code_of(body: Body, account: str) -> Code:
    """Read ``responseAuthorisationCode``."""
    state = body.get("codeState")
    if state not in ("active", "expired", "cancelled"):
        raise WireError("no codeState")
    if body.get("holdFundsIndicator") is True:
        amount = money_of(body.get("amount"), body.get("currency"))
        creditor = value_of(body.get("redemptionAccountIdentifiers"), "bankaccountno")
        if creditor is None:
            raise WireError("a hold for nobody")
    else:
        amount, creditor = Money(0, "XXX"), ""
    text = value_of(body.get("metadata"), "descriptionText") or ""
    return Code(text_of(body, "authorisationCode"), str(state), account, amount, creditor, text)


def reference_of(body: Body) -> str:
    """Read the ``transactionReference`` of a transaction or a reversal."""
    return text_of(body, "transactionReference")


def available_of(body: Body) -> Money:
    """Read ``responseAccountBalance``: what may be spent."""
    return money_of(body.get("availableBalance"), body.get("currency"))
