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
    Operation(
        "cards.request_unblock",
        "Ask the bank's people to unblock a card; by phone with the PIN. They check who it is first. Without "
        "``last4``: the only blocked card. Again while one waits: the same reference.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"last4": Field(Type.DIGITS, required=False)},
        {"last4": DIGITS, "reference": DIGITS, "due": Field(Type.DATE)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
)
