"""Cards that are lost."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS

ROWS = (
    Operation(
        "cards.block",
        "Block a card at once, without a PIN: blocking harms less than a thief. Without ``last4``: the only card.",
        Kind.CHANGE,
        Security.CLAIMED,
        {"last4": Field(Type.DIGITS, required=False)},
        {"last4": DIGITS, "reference": DIGITS},
        ("ok", "refused", "down"),
    ),
)
