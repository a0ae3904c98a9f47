"""Bills, mobile top-up and cash codes: each prepared here; what moves the money is an authorisation."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS, INTENT, MONEY, TEXT

_NUMBER = Field(Type.ACCOUNT)  # as long as an account's, so no text cuts it as a card's
_ACCOUNT = Field(Type.ACCOUNT, required=False)
_BILLER = {"code": DIGITS, "name": TEXT, "digits": TEXT}

ROWS = (
    Operation(
        "bills.billers",
        "Whom bills can be paid to, in the order of their codes. ``digits`` is how long a reference is: 8 or 6-12.",
        Kind.ENQUIRY,
        Security.OPEN,
        {},
        {"billers": Field(Type.LIST, fields=_BILLER), "count": Field(Type.NUMBER)},
        ("ok", "down"),
    ),
    Operation(
        "bills.due",
        "What is due on one reference of a biller, named by code or name; nothing due is zero.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"biller": TEXT, "reference": _NUMBER},
        {"name": TEXT, "last4": DIGITS, "due": MONEY, "owing": Field(Type.FLAG), "by": Field(Type.DATE)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "bills.prepare",
        "Store an intent to pay a bill: the amount, or without one all that is due. Moves nothing.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"biller": TEXT, "reference": _NUMBER, "amount": Field(Type.MONEY, required=False), "account": _ACCOUNT},
        INTENT,
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "top_up.prepare",
        "Store an intent to top a mobile number up; without ``number``: the one of this call or text. Moves nothing.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"amount": MONEY, "number": Field(Type.PHONE, required=False), "account": _ACCOUNT},
        INTENT,
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "cash.prepare",
        "Store an intent to put an amount aside for a cash machine. Holds and moves nothing.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"amount": MONEY, "account": _ACCOUNT},
        INTENT,
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "cash.order",
        "Hold the amount for the code that a cash machine pays it out for, good for ``minutes``. By phone the caller "
        "keys a code of their own, by text the bank's is answered, once.",
        Kind.MONEY,
        Security.AUTHENTICATED,
        {"intent": Field(Type.INTENT), "code": Field(Type.SECRET, required=False)},
        {
            "code": Field(Type.SECRET, required=False),  # by text
            "amount": MONEY,
            "available": MONEY,
            "minutes": Field(Type.NUMBER),
        },
        ("ok", "refused", "unknown", "down"),
    ),
    Operation(
        "cash.cancel",
        "Let go of what waits for a cash machine: its code is worth nothing from then on.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {},
        {"amount": MONEY},
        ("ok", "refused", "down"),
    ),
)
