"""A text for each posting of an amount or more."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import MONEY

ROWS = (
    Operation(
        "alerts.show",
        "Whether the customer gets alerts, and from which amount on.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {},
        {"on": Field(Type.FLAG), "threshold": MONEY},
        ("ok", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "alerts.set",
        "Switch alerts on, from ``threshold`` on (without one, the bank's usual), or off.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"on": Field(Type.FLAG), "threshold": Field(Type.MONEY, required=False)},
        {"threshold": MONEY},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
)
