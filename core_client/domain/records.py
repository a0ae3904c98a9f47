"""What staff write into the registry of customers."""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from core_client.errors import BankError

CLASSES = ("standard", "vip", "staff")
MAX_NAME = 120
_NUMBER = re.compile(r"[0-9]{4,16}")
_LINE = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_DOCUMENT = re.compile(r"[0-9A-Z-]{4,32}")


class RecordError(BankError):
    """What was asked of the registry cannot be done; the message says why, without personal data."""


class DocumentKind(StrEnum):
    """What somebody proved who they are with."""

    ID_CARD = "id_card"
    PASSPORT = "passport"
    PERMIT = "permit"  # of residence
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Document:
    """An identity document; only its end is ever shown."""

    kind: DocumentKind
    number: str
    valid_until: datetime.date | None
    added_at: datetime.datetime

    def __repr__(self) -> str:
        return f"Document({self.kind}, ..{self.last4})"

    @property
    def last4(self) -> str:
        """The end of its number."""
        return self.number[-4:]


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Who is to be added. ``name`` and ``born`` are personal data: no log has them."""

    number: str
    name: str
    born: datetime.date | None = None
    language: str | None = None
    customer_class: str = "standard"

    def __repr__(self) -> str:
        return f"NewCustomer({self.number})"

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.number):
            raise RecordError("a customer number has 4 to 16 digits")
        checked_name(self.name)
        checked_class(self.customer_class)


def checked_name(name: str) -> str:
    """Answer ``name`` if it can be one."""
    if not name.strip() or len(name) > MAX_NAME or any(unicodedata.category(char) == "Cc" for char in name):
        raise RecordError(f"a name has 1 to {MAX_NAME} characters, none of control")
    return name


def checked_class(customer_class: str) -> str:
    """Answer the class if there is such a one."""
    if customer_class not in CLASSES:
        raise RecordError(f"there is no class '{customer_class}': {', '.join(CLASSES)}")
    return customer_class


def checked_line(e164: str) -> str:
    """Answer the number if it is one in E.164."""
    if not _LINE.fullmatch(e164):
        raise RecordError("a number is given as +8613900000001: country code and all, at most 15 digits")
    return e164


def checked_document(number: str) -> str:
    """Answer a document's number as it is compared: NFKC, upper case, no blanks."""
    folded = "".join(unicodedata.normalize("NFKC", number).upper().split())
    if not _DOCUMENT.fullmatch(folded):
        raise RecordError("a document's number has 4 to 32 letters, digits and hyphens")
    return folded
