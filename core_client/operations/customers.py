"""What a customer has set for themselves."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS

ROWS = (
    Operation(
        "customer.set_language",
        "Remember the language that the customer chose.",
        Kind.CHANGE,
        Security.OPEN,
        {"language": Field(Type.LANGUAGE)},
        {},
        ("ok", "down"),
    ),
    Operation(
        "customer.stop_messages",
        "No more texts that are not answers (STOP), or again (START).",
        Kind.CHANGE,
        Security.OPEN,
        {"stopped": Field(Type.FLAG)},
        {},
        ("ok", "down"),
        voice=False,
    ),
    Operation(
        "customer.missed_call_balance",
        "Switch on or off that a call to the missed-call number is answered by a text with the balance.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"on": Field(Type.FLAG)},
        {"number": DIGITS},  # the one to ring
        ("ok", "refused", "down"),
        voice_security=Security.AUTHENTICATED,
    ),
)
