"""Adding and removing payees: what was asked for, what a code for it is bound to, and how a name is checked."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core_client.domain.customers import Payee, folded, known_names
from core_client.errors import Declined

REQUEST_PREFIX = "payee-"  # of a request's id: a code is looked up in the right store by it
MAX_PAYEES = 99  # their short numbers are keyed with two digits
MAX_NAME = 40  # characters of a payee's name as a customer writes it
MAX_ALIAS = 16
_ACCOUNT_DIGITS = range(8, 35)  # no shorter number is an account; ISO 13616 ends at 34


class PayeeAction(StrEnum):
    """What is asked for."""

    ADD = "add"
    REMOVE = "remove"


class PayeeRequestState(StrEnum):
    """Where a request stands."""

    PREPARED = "prepared"
    DONE = "done"
    DROPPED = "dropped"  # the customer said no


@dataclass(frozen=True, slots=True)
class PayeePolicy:
    """How fast payees may come. The time before a new one is paid is the limits' ``payee_cooling``.

    Attributes:
        most_a_day: so many are added by one customer in one of the bank's days: a thief who holds a phone and a PIN
            adds many, a customer does not; and nobody reads out the names of a thousand accounts.
        most_looks_a_day: so many account numbers are looked up by one customer in a day, added or not.
    """

    most_a_day: int = 3
    most_looks_a_day: int = 10


@dataclass(frozen=True, slots=True)
class PayeeRequest:
    """One payee to be added or removed, stored before it is confirmed. What it says never changes."""

    id: str
    request_id: str
    customer_id: int
    channel: str
    action: PayeeAction
    payee_id: int | None  # of one to be removed
    name: str
    alias: str
    account_number: str
    prepared_at: datetime.datetime
    expires_at: datetime.datetime
    state: PayeeRequestState = PayeeRequestState.PREPARED
    done_by: str | None = None  # the request that carried it out

    @property
    def last4(self) -> str:
        """The end of the payee's account number: all of it that is ever spoken."""
        return self.account_number[-4:]

    def binding(self) -> bytes:
        """Answer what a code for this request is bound to: another payee, or another deed, is another code."""
        parts = (self.id, self.action.value, self.account_number, self.name)
        return "\x1f".join(parts).encode()


def account_digits(typed: str) -> str:
    """Answer the account number that somebody keyed or typed.

    Raises:
        Declined: ``account_unknown``: no account number looks like that.
    """
    digits = "".join(typed.split()).replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in _ACCOUNT_DIGITS):
        raise Declined("account_unknown")
    return digits


def is_name_of(typed: str, holder: str) -> bool:
    """Answer whether a name that a customer gave is the holder's: whole, or its Chinese or its other words."""
    return folded(typed) in known_names(holder)


def clean_name(typed: str) -> str:
    """Answer a name as it is kept: one blank between words.

    Raises:
        Declined: ``payee_name_needed``: there is none, it is too long, or no letter is in it.
    """
    name = " ".join(typed.split())
    if not name or len(name) > MAX_NAME or not any(char.isalpha() for char in name) or not name.isprintable():
        raise Declined("payee_name_needed")
    return name


def alias_of(name: str) -> str:
    """Answer the alias of a new payee: its name without blanks and case, as far as an alias goes."""
    return folded(name)[:MAX_ALIAS].upper()


def free_short_number(payees: Iterable[Payee]) -> str:
    """Answer the lowest number that no payee has.

    Raises:
        Declined: ``payees_full``.
    """
    taken = {payee.short_number for payee in payees}
    for number in range(1, MAX_PAYEES + 1):
        if str(number) not in taken:
            return str(number)
    raise Declined("payees_full")
