"""Cheques: what became of one, stopping it, a new book."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS, TEXT

ROWS = (
    Operation(
        "cheques.status",
        "What became of a cheque: ``outstanding``, ``paid``, ``returned`` or ``stopped``, and since when.",
        Kind.ENQUIRY,
        Security.IDENTIFIED,
        {"cheque": DIGITS},
        {"cheque": DIGITS, "state": TEXT, "since": Field(Type.DATE)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "cheques.stop",
        "Stop a cheque that was not presented yet. Free of charge. Again: the same reference.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"cheque": DIGITS},
        {"cheque": DIGITS, "reference": DIGITS},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
    Operation(
        "cheques.order_book",
        "Order a cheque book for an account; without one, the default account. Again while one waits: the same one.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"account": Field(Type.ACCOUNT, required=False)},
        {"last4": DIGITS, "reference": DIGITS, "due": Field(Type.DATE)},
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
)
