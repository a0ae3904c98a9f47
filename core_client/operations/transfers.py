"""Money on its way: prepared, authorised once, cancelled."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS, INTENT, MONEY

ROWS = (
    Operation(
        "transfers.prepare",
        "Store an intent to pay a registered payee and answer who would get what. Moves nothing.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {
            "payee": Field(Type.PAYEE),
            "amount": MONEY,
            "account": Field(Type.ACCOUNT, required=False),
        },
        INTENT,
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "transfers.authorise",
        "Carry the intent out: hold, then post. One posting at most.",
        Kind.MONEY,
        Security.AUTHENTICATED,
        {"intent": Field(Type.INTENT)},
        {"reference": DIGITS, "available": MONEY},
        ("ok", "refused", "unknown", "down"),
    ),
    Operation(
        "transfers.cancel",
        "Void an intent that has not been authorised.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"intent": Field(Type.INTENT)},
        {},
        ("ok", "refused", "down"),
    ),
)
