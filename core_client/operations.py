"""The registry of bank operations: what flows, SMS commands and documentation may ask of the bank.

Each operation declares its parameters and answer fields by type, its outcomes, its security class and whether it
moves money. Flows are checked against this table when they are loaded; :class:`core_client.services` carries the
operations out; nothing else names one.

Outcomes shared by all: ``down`` (an enquiry got no answer in time, or the bank is out of reach; nothing moved) and
``unauthenticated`` (the security class was not met; the engine clears the gate and asks again, a flow never
handles it). A money operation that got no answer is ``unknown``, never ``down``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import MappingProxyType


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


REASONS: tuple[str, ...] = (
    "insufficient_funds",
    "account_frozen",
    "account_unknown",
    "payee_unknown",
    "payee_ambiguous",
    "payee_cooling",
    "amount_invalid",
    "over_transaction_limit",
    "over_daily_limit",
    "over_sms_limit",
    "card_unknown",
    "intent_expired",
    "intent_spent",
    "number_invalid",
    "number_not_registered",
    "sim_fresh",
    "not_permitted",
)

_text, _digits, _money = Field(Type.TEXT), Field(Type.DIGITS), Field(Type.MONEY)
_entry = {
    "date": Field(Type.DATE),
    "amount": _money,  # negative: out of the account
    "text": _text,
}
_account = {
    "account": Field(Type.ACCOUNT),
    "last4": _digits,
    "product": _text,
    "available": _money,
    "default": Field(Type.FLAG),
}
_intent = {
    "id": Field(Type.INTENT),
    "amount": _money,
    "payee_name": _text,
    "payee_last4": _digits,
    "from_last4": _digits,
}

_ROWS = (
    Operation(
        "identity.claim",
        "Name a customer by customer number, from an unknown or withheld line. Always ok: it proves nothing.",
        Kind.CHANGE,
        Security.OPEN,
        {"customer": _digits},
        {},
        ("ok", "down"),
        sms=False,
    ),
    Operation(
        "auth.verify_pin",
        "Check the service PIN. Counts failures over all channels; five lock.",
        Kind.CHANGE,
        Security.CLAIMED,
        {"pin": Field(Type.SECRET)},
        {},
        ("ok", "refused", "wait", "locked", "down"),
        sms=False,
    ),
    Operation(
        "auth.issue_code",
        "Make the six-digit code that confirms one intent: ten minutes, once.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"intent": Field(Type.INTENT)},
        {"code": Field(Type.SECRET)},
        ("ok", "refused", "locked", "down"),
        voice=False,  # a code told to a caller proves nothing that the call did not
    ),
    Operation(
        "auth.verify_code",
        "Check the code bound to an intent. Failures count with the PIN's.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"intent": Field(Type.INTENT), "code": Field(Type.SECRET)},
        {},
        ("ok", "refused", "expired", "locked", "down"),
    ),
    Operation(
        "customer.set_language",
        "Remember the language that the customer chose.",
        Kind.CHANGE,
        Security.OPEN,
        {"language": Field(Type.LANGUAGE)},
        {},
        ("ok", "down"),
    ),
    Operation(
        "customer.stop_messages",
        "No more texts that are not answers (STOP), or again (START).",
        Kind.CHANGE,
        Security.OPEN,
        {"stopped": Field(Type.FLAG)},
        {},
        ("ok", "down"),
        voice=False,
    ),
    Operation(
        "customer.missed_call_balance",
        "Switch on or off that a call to the missed-call number is answered by a text with the balance.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"on": Field(Type.FLAG)},
        {"number": _digits},  # the one to ring
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "accounts.list",
        "The customer's accounts, the default one first.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {},
        {"accounts": Field(Type.LIST, fields=_account), "count": Field(Type.NUMBER)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "accounts.balance",
        "Available and booked balance of one account; without one, of the default account.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"account": Field(Type.ACCOUNT, required=False)},
        {"last4": _digits, "available": _money, "booked": _money},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "accounts.recent",
        "The last five entries of one account, newest first; without one, of the default account.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"account": Field(Type.ACCOUNT, required=False)},
        {"last4": _digits, "entries": Field(Type.LIST, fields=_entry), "count": Field(Type.NUMBER)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "transfers.prepare",
        "Store an intent to pay a registered payee and answer who would get what. Moves nothing.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {
            "payee": Field(Type.PAYEE),
            "amount": _money,
            "account": Field(Type.ACCOUNT, required=False),
        },
        _intent,
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "transfers.authorise",
        "Carry the intent out: hold, then post. One posting at most.",
        Kind.MONEY,
        Security.AUTHENTICATED,
        {"intent": Field(Type.INTENT)},
        {"reference": _digits, "available": _money},
        ("ok", "refused", "unknown", "down"),
    ),
    Operation(
        "transfers.cancel",
        "Void an intent that has not been authorised.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"intent": Field(Type.INTENT)},
        {},
        ("ok", "refused", "down"),
    ),
    Operation(
        "cards.block",
        "Block a card at once, without a PIN: blocking harms less than a thief. Without ``last4``: the only card.",
        Kind.CHANGE,
        Security.CLAIMED,
        {"last4": Field(Type.DIGITS, required=False)},
        {"last4": _digits, "reference": _digits},
        ("ok", "refused", "down"),
    ),
    Operation(
        "service.request_callback",
        "Ask to be called back; without ``number``: on the line of this call or text. Again: the same reference.",
        Kind.CHANGE,
        Security.OPEN,
        {
            "number": Field(Type.PHONE, required=False),
            "queue": Field(Type.TEXT, required=False),
            "about": Field(Type.TEXT, required=False),
            "recording": Field(Type.TEXT, required=False),
            "seconds": Field(Type.NUMBER, required=False),
        },
        {"reference": _digits, "due": Field(Type.DATE)},
        ("ok", "refused", "down"),
    ),
)

REGISTRY: Mapping[str, Operation] = MappingProxyType({row.name: row for row in _ROWS})
UNAUTHENTICATED = "unauthenticated"
