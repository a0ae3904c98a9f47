"""What the bank tells anybody: rates, products, branches. One sheet for phone and text."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS, MONEY, TEXT

_NUMBER = Field(Type.NUMBER)
_LANGUAGE = Field(Type.LANGUAGE, required=False)
# A yearly rate: 1.45 % is spoken as its whole per cents and the two digits after the point, and written as ``percent``.
RATE = {"whole": _NUMBER, "fraction": DIGITS, "percent": TEXT}
_PLACE = {
    "code": DIGITS,
    "name": TEXT,
    "address": TEXT,
    "hours": TEXT,
    "phone": DIGITS,
}

ROWS = (
    Operation(
        "rates.deposit",
        "Yearly rates of deposits by months; 0 months: on demand.",
        Kind.ENQUIRY,
        Security.OPEN,
        {},
        {"rates": Field(Type.LIST, fields={"months": _NUMBER, **RATE}), "count": _NUMBER, "since": Field(Type.DATE)},
        ("ok", "down"),
    ),
    Operation(
        "rates.exchange",
        "What the bank pays and takes for a hundred units of each currency, or of the one named by code or word.",
        Kind.ENQUIRY,
        Security.OPEN,
        {"currency": Field(Type.TEXT, required=False)},
        {
            "rates": Field(Type.LIST, fields={"unit": MONEY, "buys_at": MONEY, "sells_at": MONEY}),
            "count": _NUMBER,
            "since": Field(Type.DATE),
        },
        ("ok", "refused", "down"),
    ),
    Operation(
        "products.list",
        "What the bank offers, in the language asked for.",
        Kind.ENQUIRY,
        Security.OPEN,
        {"language": _LANGUAGE},
        {
            "products": Field(
                Type.LIST, fields={"name": TEXT, "about": TEXT, "minimum": MONEY, "months": _NUMBER, **RATE}
            ),
            "count": _NUMBER,
        },
        ("ok", "down"),
    ),
    Operation(
        "branches.find",
        "Up to three branches (or, with ``machines``, cash machines) near a postcode or of a district or town.",
        Kind.ENQUIRY,
        Security.OPEN,
        {
            "place": Field(Type.TEXT, required=False),
            "machines": Field(Type.FLAG, required=False),
            "language": _LANGUAGE,
        },
        {"places": Field(Type.LIST, fields=_PLACE), "count": _NUMBER},
        ("ok", "refused", "down"),
    ),
    Operation(
        "branches.text",
        "Text the addresses of ``branches.find`` to the registered number that calls.",
        Kind.CHANGE,
        Security.OPEN,
        {
            "place": Field(Type.TEXT, required=False),
            "machines": Field(Type.FLAG, required=False),
            "language": _LANGUAGE,
        },
        {},
        ("ok", "refused", "down"),
        sms=False,
    ),
)
