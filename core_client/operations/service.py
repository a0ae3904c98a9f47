"""What people of the bank do for a customer."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS

ROWS = (
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
        {"reference": DIGITS, "due": Field(Type.DATE)},
        ("ok", "refused", "down"),
    ),
    Operation(
        "service.complain",
        "Open a complaint; a person answers by its due date. Needs no PIN: it may be about the PIN.",
        Kind.CHANGE,
        Security.CLAIMED,
        {
            "about": Field(Type.TEXT, required=False),
            "recording": Field(Type.TEXT, required=False),
            "seconds": Field(Type.NUMBER, required=False),
        },
        {"reference": DIGITS, "due": Field(Type.DATE)},
        ("ok", "refused", "down"),
    ),
)
