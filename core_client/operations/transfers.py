"""Money on its way: prepared, authorised once, called off while there is time."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS, INTENT, MONEY, TEXT

_FROM = Field(Type.ACCOUNT, required=False)  # which account pays; without, the default one
_PENDING = {
    "id": Field(Type.INTENT),
    "amount": MONEY,
    "payee_name": TEXT,
    "payee_last4": DIGITS,
    "number": DIGITS,  # under which it waits
    "cancel_minutes": Field(Type.NUMBER),  # so long it can still be called off, rounded down
}

ROWS = (
    Operation(
        "transfers.prepare",
        "Store an intent to pay a registered payee and answer who would get what. Moves nothing.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"payee": Field(Type.PAYEE), "amount": MONEY, "account": _FROM},
        INTENT,
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "transfers.prepare_own",
        "Store an intent to move money to another account of the customer's own. Moves nothing.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"to": Field(Type.ACCOUNT), "amount": MONEY, "account": _FROM},
        INTENT,
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "transfers.prepare_account",
        "Store an intent to pay an account that is no registered payee's, here or at another bank. Of an account here "
        "``payee_name`` is its holder; elsewhere nobody knows it, and ``unchecked`` is true. Moves nothing.",
        Kind.CHANGE,
        Security.AUTHENTICATED,
        {"number": DIGITS, "amount": MONEY, "account": _FROM},
        INTENT,
        ("ok", "refused", "down"),
        sms=False,  # a text proves possession of the number only: it pays whom the customer registered
    ),
    Operation(
        "transfers.authorise",
        "Carry the intent out: hold, then post. One posting at most. With ``cancellable`` some are held first, to be "
        "called off: then ``cancel_minutes`` says how long, and ``reference`` is the number under which it waits.",
        Kind.MONEY,
        Security.AUTHENTICATED,
        {"intent": Field(Type.INTENT), "cancellable": Field(Type.FLAG, required=False)},
        {"reference": DIGITS, "available": MONEY, "cancel_minutes": Field(Type.NUMBER, required=False)},
        ("ok", "refused", "unknown", "down"),
    ),
    Operation(
        "transfers.pending",
        "The transfers that are authorised and can still be called off, the latest first.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {},
        {"transfers": Field(Type.LIST, fields=_PENDING), "count": Field(Type.NUMBER)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "transfers.cancel",
        "Void an intent that nobody authorised, or one that is held and can still be called off.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"intent": Field(Type.INTENT)},
        {},
        ("ok", "refused", "down"),
    ),
)
