"""Who somebody is, and how they prove it."""

from __future__ import annotations

from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.fields import DIGITS

ROWS = (
    Operation(
        "identity.claim",
        "Name a customer by customer number, from an unknown or withheld line. Always ok: it proves nothing.",
        Kind.CHANGE,
        Security.OPEN,
        {"customer": DIGITS},
        {},
        ("ok", "down"),
        sms=False,
    ),
    Operation(
        "auth.verify_pin",
        "Check the service PIN. Counts failures over all channels; five lock.",
        Kind.CHANGE,
        Security.CLAIMED,
        {"pin": Field(Type.SECRET)},
        {},
        ("ok", "refused", "wait", "locked", "down"),
        sms=False,
    ),
    Operation(
        "auth.issue_code",
        "Make the six-digit code that confirms one intent: ten minutes, once.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"intent": Field(Type.INTENT)},
        {"code": Field(Type.SECRET)},
        ("ok", "refused", "locked", "down"),
        voice=False,  # a code told to a caller proves nothing that the call did not
    ),
    Operation(
        "auth.verify_code",
        "Check the code bound to an intent. Failures count with the PIN's.",
        Kind.CHANGE,
        Security.IDENTIFIED,
        {"intent": Field(Type.INTENT), "code": Field(Type.SECRET)},
        {},
        ("ok", "refused", "expired", "locked", "down"),
    ),
)
