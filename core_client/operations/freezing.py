"""Stopping everything at once: the customer's own freeze, and asking the bank's people to lift it."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS

ROWS = (
    Operation(
        "accounts.freeze",
        "Freeze one account, or all of them, at once and on every channel, without a PIN: nothing leaves it from now "
        "on. Again: the same reference.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"account": Field(Type.ACCOUNT, required=False)},
        {"reference": DIGITS, "count": Field(Type.NUMBER)},
        ("ok", "refused", "down"),
    ),
    Operation(
        "accounts.request_unfreeze",
        "Ask the bank's people to lift the customer's own freeze; by phone with the PIN. They check who it is first.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {},
        {"reference": DIGITS, "due": Field(Type.DATE)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
)
