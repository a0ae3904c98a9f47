"""Customers, their payees and cards, and how a payee is found from what a person keyed or typed."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core_client.domain.registry_changes import Bar
from core_client.errors import Declined


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who banks here. ``number`` is the customer number that they key from a strange line."""

    id: int
    number: str
    name: str
    language: str | None
    customer_class: str = "standard"
    bars: frozenset[Bar] = frozenset()  # what they may not use, as of when this was read


@dataclass(frozen=True, slots=True)
class Payee:
    """A registered payee of one customer. ``account_number`` names the account that would be paid."""

    id: int
    customer_id: int
    short_number: str
    alias: str
    name: str
    account_number: str
    added_at: datetime.datetime

    @property
    def last4(self) -> str:
        """The end of the payee's account number: all of it that is ever spoken."""
        return self.account_number[-4:]

    def cooling_until(self, cooling: datetime.timedelta) -> datetime.datetime:
        """Answer the moment from which this payee may be paid."""
        return self.added_at + cooling


class CardState(StrEnum):
    """Whether a card still pays."""

    ACTIVE = "active"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Card:
    """A card, as far as this service knows it: never its number, never its PIN (PCI DSS 3.3)."""

    id: int
    last4: str
    state: CardState
    reference: str | None


def folded(text: str) -> str:
    """Answer ``text`` as names are compared: NFKC, without case and blanks, so that ｌｉ　ｌｅｉ is LILEI."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def find_payee(payees: Iterable[Payee], asked: str) -> Payee:
    """Find the one payee that ``asked`` names: by short number, alias, full name or one of its parts, or account.

    Raises:
        Declined: ``payee_unknown``, or ``payee_ambiguous`` when two answer to that name.
    """
    wanted = folded(asked)
    if not wanted:
        raise Declined("payee_unknown")
    known = list(payees)
    by_number = [payee for payee in known if wanted in (payee.short_number, payee.account_number)]
    return _only(by_number or [payee for payee in known if wanted in _names(payee)])


def _names(payee: Payee) -> set[str]:
    return {folded(payee.alias), *known_names(payee.name)}


def known_names(name: str) -> set[str]:
    """Answer, folded, what a name is known by: whole, and its Chinese words and its other words, each run together.

    ``李雷 Li Lei`` is known by 李雷 and by Li Lei too.
    """
    return {folded(name), *_name_parts(name)}


def _name_parts(name: str) -> set[str]:
    words = name.split()
    chinese = "".join(word for word in words if any(ord(char) > 0x2E80 for char in word))
    other = "".join(word for word in words if not any(ord(char) > 0x2E80 for char in word))
    return {folded(part) for part in (chinese, other) if part}


def _only(found: list[Payee]) -> Payee:
    if not found:
        raise Declined("payee_unknown")
    if len(found) > 1:
        raise Declined("payee_ambiguous")
    return found[0]
