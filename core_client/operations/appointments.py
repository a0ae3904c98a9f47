"""Appointments at a branch."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS, TEXT

_NUMBER, _DATE = Field(Type.NUMBER), Field(Type.DATE)
_LANGUAGE = Field(Type.LANGUAGE, required=False)
_BRANCH = {"code": DIGITS, "name": TEXT}
_SLOT = {"slot": TEXT, "date": _DATE, "hour": _NUMBER}

ROWS = (
    Operation(
        "appointments.offer",
        "The branches that take appointments.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"language": _LANGUAGE},
        {"branches": Field(Type.LIST, fields=_BRANCH)},
        ("ok", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "appointments.slots",
        "The next free hours of a branch; none where it takes no appointments.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"branch": DIGITS, "language": _LANGUAGE},
        {"branch": TEXT, "slots": Field(Type.LIST, fields=_SLOT), "count": _NUMBER},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "appointments.book",
        "Book a free hour, and have the customer reminded by text the day before. ``topic``: 1 an account, 2 a card, "
        "3 a loan, 4 something else.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"branch": DIGITS, "slot": TEXT, "topic": DIGITS, "language": _LANGUAGE},
        {
            "reference": DIGITS,
            "branch": TEXT,
            "topic": TEXT,
            "date": _DATE,
            "hour": _NUMBER,
            "reminded": Field(Type.FLAG),
        },
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "appointments.next",
        "The customer's appointments to come, the next one first.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"language": _LANGUAGE},
        {
            "appointments": Field(
                Type.LIST,
                fields={"reference": DIGITS, "branch": TEXT, "topic": TEXT, "date": _DATE, "hour": _NUMBER},
            ),
            "count": _NUMBER,
        },
        ("ok", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "appointments.cancel",
        "Give an appointment up, and its reminder with it. Again: ok.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"reference": DIGITS},
        {},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
)
