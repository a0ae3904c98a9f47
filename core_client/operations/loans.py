"""Loans: what is owed, what is due next, what one would cost."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS, MONEY, TEXT
from core_client.operations.information import RATE

ROWS = (
    Operation(
        "loans.list",
        "The customer's loans, the one due next first.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {},
        {
            "loans": Field(
                Type.LIST,
                fields={
                    "last4": DIGITS,
                    "product": TEXT,
                    "outstanding": MONEY,
                    "next_payment": MONEY,
                    "next_due": Field(Type.DATE),
                },
            ),
            "count": Field(Type.NUMBER),
        },
        ("ok", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "loans.quote",
        "What a loan would cost a month. Promises nothing: somebody of the bank looks at it first.",
        Kind.ENQUIRY,
        Security.OPEN,
        {"amount": MONEY, "months": Field(Type.NUMBER)},
        {"amount": MONEY, "months": Field(Type.NUMBER), "monthly": MONEY, **RATE},
        ("ok", "refused", "down"),
    ),
)
