"""How a bank operation is declared: its types, its security class, how it is treated when no answer comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum


class Security(IntEnum):
    """What the party must have proved, from nothing to a factor. Each includes the ones before it."""

    OPEN = 0
    CLAIMED = 1  # keyed a customer number; proves nothing, names somebody
    IDENTIFIED = 2  # calls or texts from the registered number
    AUTHENTICATED = 3  # gave the PIN (voice) or the code bound to the intent (SMS)


class Type(Enum):
    """The types of parameters, answer fields and flow variables."""

    MONEY = "money"
    ACCOUNT = "account"
    PAYEE = "payee"
    DATE = "date"
    DIGITS = "digits"
    PHONE = "phone"  # a telephone number in E.164
    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    SECRET = "secret"  # noqa: S105 - the name of a type, no password
    INTENT = "intent"
    REASON = "reason"  # a code of REASONS; spoken by its prompt ``refused_<reason>``
    LANGUAGE = "language"
    LIST = "list"
    RECORD = "record"


class Kind(Enum):
    """How an operation that got no answer is treated."""

    ENQUIRY = "enquiry"  # reads: no answer is ``down``, asking again is safe
    CHANGE = "change"  # changes something idempotently: no answer is ``down``, asking again is safe
    MONEY = "money"  # moves money: no answer is ``unknown``, asked again only by query


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter or answer field."""

    type: Type
    required: bool = True
    fields: Mapping[str, Field] = field(default_factory=dict)  # of a RECORD, or of each item of a LIST


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the registry."""

    name: str
    summary: str
    kind: Kind
    security: Security
    parameters: Mapping[str, Field]
    answer: Mapping[str, Field]  # what ``ok`` answers; other outcomes answer ``reason`` at most
    outcomes: tuple[str, ...]
    voice: bool = True
    sms: bool = True
    voice_security: Security | None = None  # where a call must prove more: a caller's number alone is no factor

    def allowed_on(self, channel: str) -> bool:
        """Answer whether the operation may be asked for on ``channel`` (``voice`` or ``sms``)."""
        return self.voice if channel == "voice" else self.sms

    def security_on(self, channel: str) -> Security:
        """Answer what the party must have proved on ``channel``."""
        if channel == "voice" and self.voice_security is not None:
            return self.voice_security
        return self.security
