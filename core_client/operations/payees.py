"""Whom a customer pays: registered by a proof of its own, paid once a time to think is over."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS, TEXT

_FLAG = Field(Type.FLAG)
_PAYEE = {
    "short": DIGITS,  # keyed to pay them
    "payee": Field(Type.PAYEE),
    "name": TEXT,
    "last4": DIGITS,
    "payable": _FLAG,  # its waiting period is over
}
_ASKED = {"id": Field(Type.INTENT), "name": TEXT, "last4": DIGITS}

ROWS = (
    Operation(
        "payees.list",
        "The customer's payees by their short numbers, and which of them may be paid now.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {},
        {"payees": Field(Type.LIST, fields=_PAYEE), "count": Field(Type.NUMBER)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "payees.prepare_add",
        "Ask for a payee and answer whose account it is, to be read back. A name that is given must be the holder's; "
        "an account at another bank needs one, and ``checked`` then says that nobody checked it. Adds nobody.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"account": Field(Type.ACCOUNT), "name": Field(Type.TEXT, required=False)},
        {**_ASKED, "checked": _FLAG},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "payees.add",
        "Add the payee that was asked for, once; by text only with the code bound to that payee. It can be paid from "
        "``payable_on`` on.",
        Kind.CHANGE,
        Security.AUTHENTICATED,
        {"intent": Field(Type.INTENT)},
        {"short": DIGITS, "name": TEXT, "last4": DIGITS, "payable_on": Field(Type.DATE)},
        ("ok", "refused", "down"),
    ),
    Operation(
        "payees.prepare_remove",
        "Ask for a payee to be removed and answer who it is. Removes nobody.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"payee": Field(Type.PAYEE)},
        _ASKED,
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "payees.remove",
        "Remove the payee that was asked for, once; by text only with the code bound to it.",
        Kind.CHANGE,
        Security.AUTHENTICATED,
        {"intent": Field(Type.INTENT)},
        {"name": TEXT, "last4": DIGITS},
        ("ok", "refused", "down"),
    ),
    Operation(
        "payees.drop",
        "Forget a payee that was asked for and is neither added nor removed yet.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"intent": Field(Type.INTENT)},
        {},
        ("ok", "refused", "down"),
    ),
)
