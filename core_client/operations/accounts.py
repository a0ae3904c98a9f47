"""What is on an account."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import ACCOUNT, DIGITS, ENTRY, MONEY

ROWS = (
    Operation(
        "accounts.list",
        "The customer's accounts, the default one first.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {},
        {"accounts": Field(Type.LIST, fields=ACCOUNT), "count": Field(Type.NUMBER)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "accounts.balance",
        "Available and booked balance of one account; without one, of the default account.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"account": Field(Type.ACCOUNT, required=False)},
        {"last4": DIGITS, "available": MONEY, "booked": MONEY},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "accounts.recent",
        "The last entries of one account, newest first: five, or ``entries``. Without an account, of the default one.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"account": Field(Type.ACCOUNT, required=False), "entries": Field(Type.NUMBER, required=False)},
        {"last4": DIGITS, "entries": Field(Type.LIST, fields=ENTRY), "count": Field(Type.NUMBER)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "accounts.request_statement",
        "Have a printed statement of the last months sent to the address that the bank has. Without an account, of the "
        "default one. Again while one waits: the same one.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"account": Field(Type.ACCOUNT, required=False), "months": Field(Type.NUMBER, required=False)},
        {"last4": DIGITS, "months": Field(Type.NUMBER), "reference": DIGITS, "due": Field(Type.DATE)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
)
